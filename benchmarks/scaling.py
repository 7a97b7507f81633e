"""What kfusion costs at four sizes and on four machines, from what was measured: docs/measured/scaling.md.

Usage: python benchmarks/scaling.py

Reads the figures that other commands wrote, and computes nothing but sums: `benchmarks/costs/batch.json`
(`benchmarks/batch.py`), `benchmarks/costs/prepare.json` (`benchmarks/prepare.py`), and of `benchmarks/speed/results`
`training.json`, `streams.json` and `end-to-end.json` (`benchmarks/speed.py`). Where a file is not there, its lines say
so. Run it again when one of them has changed.
"""

import json
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kfusion.batch.pace import shown_time
from kfusion.evaluation.tables import markdown

ROOT = Path(__file__).parents[1]
COSTS, SPEED = ROOT / "benchmarks" / "costs", ROOT / "benchmarks" / "speed" / "results"
PAGE = ROOT / "docs" / "measured" / "scaling.md"
SIZES = {"1 h": 1, "40 h (MEAD)": 40, "1,000 h": 1_000, "1 M h": 1_000_000}
MACHINES = {"2 cores": 2, "64 cores": 64, "1,000 cores": 1_000}
VIDEO_FPS = 30
HEAD = """# Scaling

Made by `python benchmarks/scaling.py` from `benchmarks/costs/` and `benchmarks/speed/results/`; never typed by hand.
What it means, and what breaks first: [scaling.md](../scaling.md). A core-hour is an hour of CPU time of one core.
"""
SHARED_OUT = """By the clock, were the core time shared out evenly and nothing else in the way; what is in the way:
[scaling.md](../scaling.md). `-`: not projected.
"""
NOT_MEASURED = "not measured"


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What an hour of something takes of a core."""

    what: str
    core_s: float | None
    """Seconds of CPU time for an hour; None where nobody has measured it."""
    basis: str
    """What was measured, and when, on what."""
    command: str
    divides: bool
    """Whether machines that do not know of each other share it out."""
    on_gpu: str = "as without"
    """By the clock on one GPU."""


def read(path: Path) -> dict[str, Any] | None:
    return json.loads(path.read_text()) if path.is_file() else None


def middle(values: list[float]) -> float:
    return statistics.median(values)


def of_machine(found: dict[str, Any]) -> str:
    machine = found["machine"]
    if isinstance(machine, dict):
        return f"{machine['cpu']}, {machine['date'][:10]}"
    return f"{machine}, {found['cores']} cores"


def prepare_costs(found: dict[str, Any] | None) -> list[Cost]:
    """An hour of video, by corpus: a corpus of larger pictures takes longer to decode."""
    command = "python benchmarks/prepare.py benchmarks/costs/prepare.json NAME=FOLDER ..."
    if found is None:
        return [Cost(what="video prepared", core_s=None, basis="", command=command, divides=True)]
    return [
        Cost(
            what=f"video prepared, {name} ({corpus['size'][0]} x {corpus['size'][1]}, {VIDEO_FPS} pictures a second)",
            core_s=corpus["costs_ms"]["once"] / 1000 * VIDEO_FPS * 3600,
            basis=f"{corpus['costs_ms']['once']:.1f} ms a picture, {corpus['frames']} pictures; {of_machine(found)}",
            command=command,
            divides=True,
        )
        for name, corpus in found["corpora"].items()
    ]


def train_cost(found: dict[str, Any] | None) -> Cost:
    """An epoch over an hour of data, on one thread; features are there already."""
    what = "speech in an epoch of training, preset `default`, on one thread"
    command = "python benchmarks/speed.py --only training"
    if found is None:
        return Cost(what=what, core_s=None, basis="", command=command, divides=False, on_gpu=NOT_MEASURED)
    step_s = middle([run["cpu_s"] for run in found["measured"]["1"]["3"]["chunked"]])
    basis = f"{step_s:.3f} s a step of 16 pieces of 3 s, features cached; {of_machine(found)}"
    return Cost(what=what, core_s=step_s / 48 * 3600, basis=basis, command=command, divides=False, on_gpu=NOT_MEASURED)


def batch_costs(found: dict[str, Any] | None) -> list[Cost]:
    """An hour of speech, by the length of its recordings."""
    command = "python benchmarks/batch.py benchmarks/costs/batch.json"
    if found is None:
        return [Cost(what="speech animated", core_s=None, basis="", command=command, divides=True)]
    costs = []
    for clips in found["clips"]:
        speech_s = clips["seconds"] * clips["clips"]
        for name, runs in clips["runs"].items():
            cpu_s = [run["cpu_s"] for run in runs]
            basis = f"{clips['clips']} recordings, {len(runs)} runs of {min(cpu_s):.1f} to {max(cpu_s):.1f} s"
            costs.append(
                Cost(
                    what=f"speech animated in recordings of {clips['seconds']} s, {WAYS[name]}",
                    core_s=middle(cpu_s) / speech_s * 3600,
                    basis=f"{basis}; {of_machine(found)}",
                    command=command,
                    divides=True,
                )
            )
    return costs


WAYS = {
    "generate": "`kfusion generate` with all names",
    "batch": "`kfusion batch`, npz",
    "batch parquet": "`kfusion batch`, Parquet",
}


def stream_lines(found: dict[str, Any] | None) -> list[str]:
    """What a thousand streams take at once."""
    command = "`python benchmarks/speed.py --only streams`"
    if found is None:
        return [f"Streams: {NOT_MEASURED} here; {command}."]
    case = found["measured"]["cases"][-1]
    cores, megabytes = case["server_cores"], case["server_mb"]
    alone = found["measured"]["cases"][0]
    each_mb = (megabytes - alone["server_mb"]) / (case["streams"] - alone["streams"])
    thousand = 1000 / case["streams"]
    rows = [
        ["processor time, cores", f"{cores:.2f}", f"{cores * thousand:.0f}"],
        ["cores with the two thirds that the service keeps free", f"{3 * cores:.1f}", f"{3 * cores * thousand:.0f}"],
        ["memory, MB: of a server, and what each stream adds", f"{megabytes:.0f}", f"{each_mb:.1f} each"],
    ]
    head = ["streams through the server", f"{case['streams']}, measured", "1,000, by rule of three"]
    return [*markdown(head, rows), "", f"{command}; {of_machine(found)}; weights `{case['model']}`."]


def cost_table(costs: list[Cost]) -> list[str]:
    rows = [
        [
            cost.what,
            NOT_MEASURED if cost.core_s is None else f"{cost.core_s:,.0f} s",
            NOT_MEASURED if cost.core_s is None else f"{3600 / cost.core_s:.3g}",
            cost.basis,
            f"`{cost.command}`",
        ]
        for cost in costs
    ]
    return markdown(["an hour of", "core time", "hours a core-hour", "measured", "command"], rows)


def wall(cost: Cost, hours: float, cores: int) -> str:
    """By the clock, were it shared out evenly."""
    if cost.core_s is None:
        return NOT_MEASURED
    if not cost.divides:
        return shown_time(cost.core_s * hours) if cores == 2 else "-"
    seconds = cost.core_s * hours / cores
    return shown_time(seconds) if seconds >= 1 else "under 1 s"


def rounded(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2g}"


def size_table(costs: list[Cost]) -> list[str]:
    rows = []
    for cost in costs:
        for size, hours in SIZES.items():
            walls = [wall(cost, hours, cores) for cores in MACHINES.values()]
            total = NOT_MEASURED if cost.core_s is None else rounded(cost.core_s * hours / 3600)
            rows.append([cost.what, size, total, *walls, cost.on_gpu])
    return markdown(["work", "size", "core-hours", *MACHINES, "one GPU beside them"], rows)


def run_lines(found: dict[str, Any] | None) -> list[str]:
    """What a run of `kfusion batch` itself costs, and what it leaves."""
    if found is None:
        return [f"What a run itself costs: {NOT_MEASURED} here."]
    rows = [
        [
            f"{cost['rows']:,}",
            f"{cost['cpu_s'] / cost['rows'] * 1e6:.0f} µs",
            f"{cost['peak_mb']:.0f} MB",
            f"{cost['ledger_bytes'] / 1000:,.0f} kB",
        ]
        for cost in found["rows"]
    ]
    dealing = [
        [WAYS["batch" if kind == "npz" else "batch parquet"], f"{cost['cpu_s'] / cost['rows'] * 1e6:,.0f} µs"]
        for kind, cost in found["dealing"].items()
    ]
    long = found["clips"][-1]
    hours = long["seconds"] * long["clips"] / 3600
    sizes = [[WAYS[name], f"{size / hours / 1e6:.0f} MB"] for name, size in long["bytes"].items()]
    return [
        *markdown(["rows of a manifest", "core time of the run itself, a row", "memory", "what it remembers"], rows),
        "",
        *markdown(
            [
                "a row whose recording of 3 s is computed",
                "core time of the process that deals out rows, its start included",
            ],
            dealing,
        ),
        "",
        *markdown(["results of an hour of speech, 30 frames a second", "size"], sizes),
    ]


def page() -> str:
    batch = read(COSTS / "batch.json")
    training = read(SPEED / "training.json")
    prepared, animated = prepare_costs(read(COSTS / "prepare.json")), batch_costs(batch)
    trained = train_cost(training)
    in_parquet = [cost for cost in animated if WAYS["batch parquet"] in cost.what] or animated
    sections = [
        HEAD,
        "## An hour of it\n",
        *cost_table([*prepared, trained, *animated]),
        "\n## A thousand streams\n",
        *stream_lines(read(SPEED / "streams.json")),
        "\n## A million rows\n",
        *run_lines(batch),
        "\n## Four sizes\n",
        SHARED_OUT,
        *size_table([*prepared[:1], trained, *in_parquet]),
        "",
    ]
    return "\n".join(sections)


def main() -> None:
    PAGE.write_text(page())
    print(PAGE.relative_to(ROOT))


if __name__ == "__main__":
    main()

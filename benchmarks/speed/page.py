"""The page that the parts' files add up to."""

from pathlib import Path
from typing import Any

from speed.result import Result, Table
from speed.timing import percentile

PAGE = Path(__file__).parents[2] / "docs" / "measured" / "timings.md"
HEAD = """# Timings

Made by `python benchmarks/speed.py` from `benchmarks/speed/results/`; never typed by hand. Every part says what it may
use and when it ran. Ratios are of things that were measured in turns, in one run; absolute times are those of this
machine with whatever else it was doing (load and priority when a part ended are given).
"""
TITLES = {
    "end-to-end": "End to end",
    "streams": "Streams through the server",
    "paper": "Against the paper's design",
    "peers": "Against other tools",
    "kan": "KAN layers",
    "training": "Training",
    "profile": "Where the time goes",
    "soak": "Soak",
}
STARTUP_S, OFFLINE_FACTOR, PUSH_S = 0.5, 0.015, 0.033
LONG_S = 60
FRAME_MB = 30 * 68 * 2 * 4 / 1e6
"""Of the landmarks of a second: `generate` holds them twice for a moment."""
ALLOCATOR_MB = 5
"""What the allocators keep may differ by this from run to run."""
OTHER_KANS = ("cox-de-boor", "inkan", "inkan-eager", "pykan")
"""Those that are B-splines."""


def write_page(path: Path, folder: Path) -> None:
    """The page at `path`, from the parts that have been measured."""
    found = {part: folder / f"{part}.json" for part in TITLES}
    results = {part: Result.load(file) for part, file in found.items() if file.is_file()}
    missing = [part for part in found if part not in results]
    blocks = [HEAD, targets(results).markdown(), *(_section(part, result) for part, result in results.items())]
    if missing:
        blocks.append(f"Not measured yet: {', '.join(missing)}.")
    path.write_text("\n\n".join(block.strip() for block in blocks) + "\n")


def targets(results: dict[str, Result]) -> Table:
    """What was asked for, and what the parts found."""
    rows = []
    for part, rows_of in (("end-to-end", _offline), ("paper", _paper), ("streams", _streams), ("kan", _kan)):
        if part in results:
            rows += rows_of(results[part].measured)
    return Table(title="Targets", columns=["", "target", "reached", ""], rows=rows)


def _offline(measured: dict[str, Any]) -> list[list[str]]:
    runs = measured["runs"]
    start = percentile([run["import_s"] + run["load_s"] for run in runs], 0.5)
    on_two = [run for run in runs if run["seconds"] >= LONG_S and run["cores"] == 2]
    factor = percentile([value / run["seconds"] for run in on_two for value in run["wall_s"]], 0.5)
    longest = max(run["seconds"] for run in runs)
    peaks = [max(run["peak_mb"] for run in runs if run["seconds"] == length) for length in (LONG_S, longest)]
    limit = 2 * FRAME_MB * (longest - LONG_S) + ALLOCATOR_MB
    allowed = f"{limit:.0f} (twice the landmarks, and {ALLOCATOR_MB} for the allocator)"
    return [
        ["start-up: import + load, s", f"under {STARTUP_S}", f"{start:.2f}", _verdict(start < STARTUP_S)],
        [
            f"real-time factor on two cores, {LONG_S} s and more",
            f"at most {OFFLINE_FACTOR}",
            f"{factor:.4f}",
            _verdict(factor <= OFFLINE_FACTOR),
        ],
        [
            f"peak memory of {longest} s over that of {LONG_S} s, MB",
            f"at most {allowed}",
            f"{peaks[1] - peaks[0]:.0f}",
            _verdict(peaks[1] - peaks[0] <= limit),
        ],
    ]


def _paper(measured: dict[str, Any]) -> list[list[str]]:
    rows = []
    for name, title in (
        ("published", "as published, PyTorch"),
        ("onnx-batch", "batched in onnxruntime"),
        ("int8-batch", "batched in 8 bits"),
    ):
        ratio = measured["ratio_median"][name]
        met = _verdict(ratio >= measured["target"])
        rows.append([f"the paper's design {title}, times ours, one core", f"{measured['target']}", f"{ratio:.1f}", met])
    return rows


def _streams(measured: dict[str, Any]) -> list[list[str]]:
    eight = next((case for case in measured["cases"] if case["streams"] == 8), None)
    if eight is None:
        return []
    late = eight["lateness_ms"]["p95"]
    title = "frames of 8 streams, p95 after the sound they need, ms"
    return [[title, f"under {1000 * PUSH_S:.0f}", f"{late:.1f}", _verdict(late < 1000 * PUSH_S)]]


def _kan(measured: dict[str, Any]) -> list[list[str]]:
    """Ours in its fastest form against the fastest other layer that is exact, on the most rows."""
    case = measured.get("[68, 512, 68] x 3840", {})
    times = {name: percentile(found["both_ms"], 0.5) for name, found in case.items()}
    ours = min((times[name], name) for name in ("chunked", "compiled") if name in times)
    other = min((times[name], name) for name in OTHER_KANS if name in times)
    title = f"KAN forward + backward, ours ({ours[1]}) against the fastest other exact one ({other[1]}), ms"
    return [[title, f"under {other[0]:.0f}", f"{ours[0]:.0f}", _verdict(ours[0] < other[0])]]


def _verdict(met: bool) -> str:
    return "met" if met else "**not met**"


def _section(part: str, result: Result) -> str:
    machine = result.machine
    what = f"{machine['cpu']}; {machine['system']}; {machine['versions']}; {machine['load']}"
    lines = [
        f"## {TITLES[part]}",
        f"`{command(part)}`; {result.cores}. {machine['date']}; {what}.",
        *(table.markdown() for table in result.tables),
        result.notes.strip(),
    ]
    return "\n\n".join(lines)


def command(part: str) -> str:
    """What measures a part."""
    return "python benchmarks/soak.py" if part == "soak" else f"python benchmarks/speed.py --only {part}"

"""A recording on disk to landmarks in memory, in fresh processes: real-time factor, start-up, memory, growth."""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from speed import child
from speed.result import Result, Table
from speed.sound import speech_file
from speed.timing import Spread, spent

CALLS = {1: 12, 10: 6, 60: 2, 600: 1}
"""Calls of `generate` in a process, by the seconds of sound."""
PROCESSES = {1: 3, 10: 3, 60: 3, 600: 1}
QUICK_S = (1, 10)
CORES = (1, 2)
WARM_UP_S = 1
NOTES = """
- A 16 kHz WAV file in, landmarks of the mean face out; decoding included, loading not. Every line comes from fresh
  processes that first speak one second to warm up.
- Recordings of more than one window are cut into windows that overlap, so a second of a long one costs more.
- Real-time factor: seconds of wall clock for a second of sound. CPU: of all threads, waiting ones too.
- Weights: `{model}`.
"""


def measure(*, quick: bool) -> Result:
    """The part `end-to-end`."""
    found: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        warm_up = speech_file(Path(name), WARM_UP_S)
        for seconds in QUICK_S if quick else CALLS:
            audio = speech_file(Path(name), seconds)
            for _ in range(1 if quick else PROCESSES[seconds]):
                for cores in CORES:
                    arguments = {"audio": str(audio), "warm_up": str(warm_up), "calls": CALLS[seconds]}
                    one = child.call(
                        "speed.end_to_end:generate", cores, threads=cores, now=time.monotonic(), **arguments
                    )
                    found.append({"seconds": seconds, "cores": cores, **one})
    return Result(
        part="end-to-end",
        cores="one core, then two, as each row says; the network on as many threads",
        tables=[_speed(found), _growth(found), _start_up(found)],
        notes=NOTES.format(model=found[0]["model"]),
        measured={"runs": found},
    )


def generate(*, audio: str, warm_up: str, calls: int, threads: int, now: float) -> dict[str, Any]:
    """In a fresh process: start, then `calls` times the whole recording; `now` is when the process was asked for."""
    before = time.monotonic()
    import kfusion

    imported = time.monotonic()
    model = kfusion.load(threads=threads)
    loaded = time.monotonic()
    loaded_mb = child.peak_mb()
    first = spent(lambda: model.generate(warm_up))
    runs = [spent(lambda: model.generate(audio)) for _ in range(calls)]
    return {
        "model": model.card.model_id,
        "process_s": before - now,
        "import_s": imported - before,
        "load_s": loaded - imported,
        "first_second_s": first.wall_s,
        "wall_s": [run.wall_s for run in runs],
        "cpu_s": [run.cpu_s for run in runs],
        "loaded_mb": loaded_mb,
        "peak_mb": child.peak_mb(),
    }


def _of(found: list[dict[str, Any]], seconds: int, cores: int) -> list[dict[str, Any]]:
    return [one for one in found if one["seconds"] == seconds and one["cores"] == cores]


def factor(runs: Sequence[dict[str, Any]], clock: str = "wall_s") -> Spread:
    """Seconds for a second of sound, over all calls of `runs`, which are of one length and one number of cores."""
    return Spread.of(value / run["seconds"] for run in runs for value in run[clock])


def _speed(found: list[dict[str, Any]]) -> Table:
    rows = []
    for seconds in dict.fromkeys(one["seconds"] for one in found):
        for cores in CORES:
            runs = _of(found, seconds, cores)
            rows.append(
                [
                    f"{seconds} s, {cores} core{'s'[: cores - 1]}",
                    factor(runs).text(4),
                    f"{factor(runs, 'cpu_s').median:.4f}",
                    f"{Spread.of(value for run in runs for value in run['wall_s']).median:.3f}",
                    f"{max(run['peak_mb'] for run in runs):.0f}",
                    str(sum(len(run["wall_s"]) for run in runs)),
                ]
            )
    columns = ["sound", "real-time factor (lowest to highest)", "CPU s a second", "wall s in all", "peak MB", "calls"]
    return Table(title="Real-time factor and memory", columns=columns, rows=rows)


def _growth(found: list[dict[str, Any]]) -> Table:
    """CPU time and memory by length on one core: what a second of sound costs in a longer recording."""
    lengths = list(dict.fromkeys(one["seconds"] for one in found))
    base = _of(found, lengths[-2], 1)
    rows = []
    for seconds in lengths:
        runs = _of(found, seconds, 1)
        cost = factor(runs, "cpu_s").median / factor(base, "cpu_s").median
        memory = max(run["peak_mb"] for run in runs) - max(run["peak_mb"] for run in base)
        rows.append([f"{seconds} s", f"{cost:.2f}", f"{memory:+.1f}"])
    columns = ["sound", *(f"{what}, against {lengths[-2]} s" for what in ("CPU a second", "peak MB"))]
    return Table(title="Growth with length, one core", columns=columns, rows=rows)


def _start_up(found: list[dict[str, Any]]) -> Table:
    rows = []
    for cores in CORES:
        runs = [one for one in found if one["cores"] == cores]
        both = Spread.of(run["import_s"] + run["load_s"] for run in runs)
        spreads = [Spread.of(run[name] for run in runs) for name in ("process_s", "import_s", "load_s")]
        first = Spread.of(run["first_second_s"] for run in runs)
        memory = Spread.of(run["loaded_mb"] for run in runs)
        cells = [both.text(2), *(f"{spread.median:.2f}" for spread in spreads), f"{first.median:.2f}"]
        rows.append([f"{cores} core{'s'[: cores - 1]}", *cells, f"{memory.median:.0f}", str(len(runs))])
    columns = ["", "import + load, s", "Python itself, s", "import, s", "load, s", "first second of sound, s"]
    return Table(title="Start-up in a fresh process", columns=[*columns, "MB when loaded", "processes"], rows=rows)

"""Hours of speech in an hour of a core: `kfusion batch` beside plain `kfusion generate`, in turns, in one run.

Usage: python benchmarks/batch.py OUT.json [--rounds N] [--rows N]

Clips of 3 s and of 60 s are cut of the packaged recording. Each way animates all of them, start-up included: `generate`
with all names on its command line, `batch` into files and into Parquet. A core-hour is one of CPU time, of the command
and all its processes, for which it does not matter what else the machine does; by the clock it is told too. Before that
a manifest of ROWS rows, a million unless told, whose clips are not computed: what the run itself costs a row, and how
much memory it takes at a tenth of the rows and at all.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import wave
from concurrent.futures import Future
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from speed.result import describe_machine

from kfusion.assets import SAMPLE_SPEECH
from kfusion.audio import SAMPLE_RATE_HZ, read_audio
from kfusion.batch import batch_run
from kfusion.batch.animator import SHARDS, BatchOptions, Outcome
from kfusion.batch.batch_run import BatchPlan, local_lanes, run_batch
from kfusion.batch.lane import ItemLimits

CLIPS = {3: 640, 60: 32}
"""Length in seconds -> how many."""
FAILS_EVERY = 1000


def write_clips(folder: Path, seconds: int, count: int) -> list[str]:
    """Pieces of the recording, each from another place on; their names."""
    once = read_audio(SAMPLE_SPEECH)
    speech = np.tile(once, 2 + seconds * SAMPLE_RATE_HZ // len(once))
    names = [f"{number:04}.wav" for number in range(count)]
    for number, name in enumerate(names):
        start = number * 997 % len(once)
        samples = speech[start : start + seconds * SAMPLE_RATE_HZ]
        with wave.open(str(folder / name), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(SAMPLE_RATE_HZ)
            file.writeframes((samples * 32767).astype("<i2").tobytes())
    (folder / "manifest.csv").write_text("speech\n" + "".join(f"{name}\n" for name in names))
    return names


def spent(words: list[str], folder: Path) -> dict[str, float]:
    """Wall clock and CPU time of a command with all its processes."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, "-m", "kfusion", *words], cwd=folder, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall_s": time.perf_counter() - begun, "cpu_s": cpu_s}


def measure_clips(seconds: int, count: int, rounds: int) -> dict[str, Any]:
    """What every way spends."""
    found: dict[str, list[dict[str, float]]] = {"generate": [], "batch": [], "batch parquet": []}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        names = write_clips(folder, seconds, count)
        for number in range(rounds):
            ways = {
                "generate": ["generate", *names, "--no-preview", "-o", f"generate-{number}"],
                "batch": ["batch", "manifest.csv", "-o", f"batch-{number}"],
                "batch parquet": ["batch", "manifest.csv", "--format", "parquet", "-o", f"parquet-{number}"],
            }
            for name in ways if number % 2 == 0 else reversed(ways):
                found[name].append(spent(ways[name], folder))
        written = {name: bytes_below(folder / f"{name.split()[-1]}-0") for name in found}
    for name, runs in found.items():
        rate = seconds * count / statistics.median(run["cpu_s"] for run in runs)
        print(f"{count} clips of {seconds} s, {name}: {rate:.1f} hours of speech a core-hour", flush=True)
    return {"seconds": seconds, "clips": count, "runs": found, "bytes": written}


def bytes_below(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def measure_dealing(seconds: int, count: int) -> dict[str, Any]:
    """CPU time of the process that deals out rows and puts results in their place, its lanes left out."""
    found = {}
    for kind in ("npz", SHARDS):
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            write_clips(folder, seconds, count)
            options = BatchOptions(base=place, formats=(kind,))
            plan = BatchPlan(manifest=folder / "manifest.csv", out=folder / "out", options=options, model_digest="none")
            begun = time.process_time()
            summary = run_batch(plan, local_lanes(None, options, ItemLimits()), lambda pace: None)
            assert summary.done == count
            found[kind] = {"rows": count, "cpu_s": time.process_time() - begun}
    print(json.dumps(found), flush=True)
    return found


class InstantLane:
    """Says at once that a row is done, or, now and then, that it failed."""

    def submit(self, item: Any) -> "Future[Outcome]":
        job: Future[Outcome] = Future()
        reason = "not computed" if item.row % FAILS_EVERY == 0 else None
        job.set_result(Outcome(row=item.row, speech_s=3.0, reason=reason))
        return job

    def close(self) -> None:
        pass


_seen: list[float] = []


def look(pace: Any) -> None:
    if (pace.done + pace.failed) % 1000 == 0:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        _seen.append(pages * os.sysconf("SC_PAGE_SIZE") / 1e6)


def measure_rows(rows: int) -> dict[str, Any]:
    """What a run costs beside the clips."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        with (folder / "manifest.csv").open("w") as file:
            file.write("speech,name\n")
            file.writelines(f"clip.wav,speaker {row % 100}/clip {row:07}\n" for row in range(rows))
        plan = BatchPlan(
            manifest=folder / "manifest.csv",
            out=folder / "out",
            options=BatchOptions(base=place),
            model_digest="none",
        )
        _seen.clear()
        begun = time.process_time()
        with patch.object(batch_run._Run, "_published", lambda self, item, outcome: outcome):
            summary = run_batch(plan, lambda work: nullcontext([InstantLane() for _ in range(4)]), look)
        ledger = bytes_below(folder / "out")
        assert summary.done + summary.failed == rows
        cost = {"rows": rows, "cpu_s": time.process_time() - begun, "peak_mb": max(_seen), "ledger_bytes": ledger}
    print(json.dumps(cost), flush=True)
    return cost


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=1_000_000)
    arguments = parser.parse_args()
    result = {
        "machine": describe_machine(),
        "rows": [measure_rows(rows) for rows in (arguments.rows // 10, arguments.rows)],
        "dealing": measure_dealing(3, CLIPS[3]),
        "clips": [measure_clips(seconds, count, arguments.rounds) for seconds, count in CLIPS.items()],
    }
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()

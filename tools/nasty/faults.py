"""Injects faults into `kfusion generate`, and counts what is lost.

    python tools/nasty/faults.py [--kills 40] [--seed 0]

Killed (-9) at a random moment, over an earlier result: that must stay whole or be replaced by the whole new one, the
next run must work, and nothing may be left beside it. Files that may not grow, as on a full disk: one line, exit code
2, the earlier result as it was. Standard streams that are closed, full, or read by nobody: the results of a batch are
there.
Exit code 1 if something was lost.
"""

import argparse
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from kfusion import assets
from kfusion.landmarks import LandmarkSequence

FILES = {"landmarks.npz", "landmarks.csv", "preview.mp4"}
SIZES_KB = (0, 1, 4, 16, 64, 128)
LATE_S = 120


def command(out: Path, *recordings: Path) -> list[str]:
    """A run that writes every kind of file but the largest."""
    speech = [str(one) for one in recordings or (assets.SAMPLE_SPEECH,)]
    return [sys.executable, "-m", "kfusion", "generate", *speech, "-o", str(out), "--format", "npz,csv"]


def run(words: list[str], **options: object) -> "subprocess.CompletedProcess[str]":
    """To its end, with what it printed."""
    return subprocess.run(words, capture_output=True, text=True, timeout=LATE_S, check=False, **options)  # type: ignore[call-overload,no-any-return]


def lost(out: Path, expected: np.ndarray) -> list[str]:
    """What is wrong with the results in a folder."""
    found = {path.name for path in out.iterdir()}
    problems = [f"{name} is missing" for name in sorted(FILES - found)]
    problems += [f"{name} is left over" for name in sorted(found - FILES)]
    problems += [f"{name} is left over" for name in sorted(path.name for path in out.parent.iterdir() if path != out)]
    if "landmarks.npz" in found and not np.array_equal(LandmarkSequence.load(out / "landmarks.npz").points, expected):
        problems.append("landmarks.npz is another")
    return problems


def kills(count: int, seed: int, earlier: Path, expected: np.ndarray, whole_s: float) -> Iterator[str]:
    """Kill runs at random moments; yields what is lost."""
    chance = random.Random(seed)
    for number in range(count):
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder, "out")
            shutil.copytree(earlier, out)
            with subprocess.Popen(command(out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
                time.sleep(chance.uniform(0, 1.1 * whole_s))
                process.send_signal(signal.SIGKILL)
            names = {path.name for path in out.iterdir()} & FILES
            problems = [f"{name} vanished" for name in sorted(FILES - names)]
            again = run(command(out))
            if again.returncode:
                problems.append(f"the next run fails: {again.stderr.strip()[-200:]}")
            yield from (f"kill {number}: {problem}" for problem in problems + lost(out, expected))


def full_disks(earlier: Path, expected: np.ndarray) -> Iterator[str]:
    """Let files grow to a limit only; yields what is lost."""
    for size_kb in SIZES_KB:
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder, "out")
            shutil.copytree(earlier, out)

            def limit(limit_bytes: int = 1024 * size_kb) -> None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))

            done = run(command(out), preexec_fn=limit)
            problems = lost(out, expected)
            if done.returncode != 2 or len(done.stderr.splitlines()) != 1:
                problems.append(f"exit code {done.returncode}: {done.stderr.strip()[-200:]}")
            yield from (f"files of {size_kb} kB at most: {problem}" for problem in problems)


STREAMS = ("2>&-", ">&-", ">&- 2>&-", ">/dev/full", "2>/dev/full", "| true", "2>&1 | true", "</dev/null", "<&-")
"""In the words of the shell."""


def closed_streams() -> Iterator[str]:
    """Run a batch of two with other standard streams; yields what is lost."""
    for words in STREAMS:
        with tempfile.TemporaryDirectory() as folder:
            recordings = [Path(folder, f"{name}.flac") for name in "ab"]
            for path in recordings:
                shutil.copy(assets.SAMPLE_SPEECH, path)
            out = Path(folder, "out")
            shell = f"{' '.join(command(out, *recordings))} {words}"
            run(["bash", "-c", shell])
            for path in recordings:
                missing = FILES - {one.name for one in (out / path.stem).glob("*")}
                yield from (f"{words}: {path.stem}/{name} is missing" for name in sorted(missing))


def main() -> int:
    """Inject all of them."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with tempfile.TemporaryDirectory() as folder:
        earlier = Path(folder, "out")
        begin = time.monotonic()
        assert run(command(earlier)).returncode == 0
        whole_s = time.monotonic() - begin
        expected = LandmarkSequence.load(earlier / "landmarks.npz").points
        total = 0
        for name, count, problems in (
            (
                "kill -9 at a random moment",
                options.kills,
                kills(options.kills, options.seed, earlier, expected, whole_s),
            ),
            ("a full disk", len(SIZES_KB), full_disks(earlier, expected)),
            ("standard streams closed or full", len(STREAMS), closed_streams()),
        ):
            found = list(problems)
            total += len(found)
            print("\n".join([*found, f"{name}: {count} times, {len(found)} losses"]), flush=True)
    return int(bool(total))


if __name__ == "__main__":
    sys.exit(main())

"""Give every file of a folder to `kfusion generate`, and report those that do not end well.

    python tools/nasty/run.py DIR [--jobs 2] [--seconds 10] [--busy] [--json out.json]

Files in a folder called `face` are portraits, all others recordings. A run is good if it ends in time and in memory,
with exit code 0 and a result, or with exit code 2, one line `kfusion: error: ...` on stderr and no file in its folder.
Exit code 1 if there is a bad one.
"""

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from kfusion import assets

PORTRAITS = "face"
SECONDS, MEGABYTES = 10.0, 1000.0
WAITING = 6
RESULT = "landmarks.npz"


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """How one file was taken."""

    name: str
    code: int
    seconds: float
    """By the clock."""
    cpu_seconds: float
    megabytes: float
    """Resident, at the highest."""
    message: str
    """The last line on stderr."""
    faults: tuple[str, ...] = ()


def arguments_for(path: Path) -> list[str]:
    """The part of the command line that names the file."""
    if PORTRAITS in path.parent.parts:
        return [str(assets.SAMPLE_SPEECH), "--face", str(path)]
    return [str(path)]


def give(path: Path, root: Path, seconds: float, *, busy: bool = False) -> Outcome:
    """One run, in a process of its own; if `busy`, `seconds` are of CPU time, WAITING times as many by the clock."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as stderr:
        out = Path(folder, "out")
        command = [sys.executable, "-m", "kfusion", "generate", *arguments_for(path), "-o", str(out), "--no-preview"]
        begin = time.monotonic()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr)
        code, usage, megabytes = _wait(process, begin + (WAITING if busy else 1) * seconds)
        elapsed, cpu = time.monotonic() - begin, usage.ru_utime + usage.ru_stime
        stderr.seek(0)
        lines = stderr.read().decode(errors="replace").splitlines()
        written = sorted(str(one.relative_to(out)) for one in out.rglob("*") if one.is_file()) if out.exists() else []
    outcome = Outcome(
        name=str(path.relative_to(root)),
        code=code,
        seconds=round(elapsed, 2),
        cpu_seconds=round(cpu, 2),
        megabytes=round(megabytes, 1),
        message=lines[-1][:300] if lines else "",
        faults=tuple(_faults(code, (cpu if busy and code >= 0 else elapsed) > seconds, megabytes, lines, written)),
    )
    if outcome.faults:
        print(f"{outcome.name}: {'; '.join(outcome.faults)}: {outcome.message}", flush=True)
    return outcome


def _wait(process: "subprocess.Popen[bytes]", deadline: float) -> tuple[int, resource.struct_rusage, float]:
    """The exit code, what was used, and the most memory at a time in MB; a process that is late is killed."""
    peak = 0.0
    while True:
        peak = max(peak, _resident_peak(process.pid))
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return process.returncode, usage, peak
        if time.monotonic() > deadline:
            process.send_signal(signal.SIGKILL)
            deadline = float("inf")
        time.sleep(0.01)


def _resident_peak(pid: int) -> float:
    """The most memory so far in MB; what `wait4` calls the most holds that of the process that started it as well."""
    with suppress(OSError, StopIteration), Path(f"/proc/{pid}/status").open() as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:")) / 1024
    return 0.0


def _faults(code: int, late: bool, megabytes: float, lines: list[str], written: list[str]) -> list[str]:
    errors = [line for line in lines if line.startswith("kfusion: error: ")]
    others = [line for line in lines if not line.startswith(("kfusion: error: ", "kfusion: note: "))]
    found = {
        "too slow": late,
        f"exit code {code}": code not in (0, 2) and not late,
        "too much memory": megabytes > MEGABYTES,
        "exit code 0 without a result": code == 0 and RESULT not in written,
        "exit code 2 without its one line": code == 2 and len(errors) != 1,
        "an error with exit code 0": code == 0 and bool(errors),
        "files left": code == 2 and bool(written),
        "other lines on stderr": bool(others),
    }
    return [name for name, bad in found.items() if bad]


def summary(outcomes: list[Outcome]) -> str:
    """What to put into a table."""
    slowest = max(outcomes, key=lambda one: one.seconds)
    largest = max(outcomes, key=lambda one: one.megabytes)
    codes = [one.code for one in outcomes]
    return (
        f"{len(outcomes)} files: {codes.count(0)} results, {codes.count(2)} refused, "
        f"{sum(bool(one.faults) for one in outcomes)} bad; slowest {slowest.seconds} s, {slowest.cpu_seconds} s of CPU "
        f"({slowest.name}); largest {largest.megabytes} MB ({largest.name})"
    )


def main() -> int:
    """Every file of the folder."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="for one file, by the clock")
    parser.add_argument("--busy", action="store_true", help="other work shares the machine: judge by CPU time")
    parser.add_argument("--json", type=Path, help="write every outcome there")
    arguments = parser.parse_args()
    root = arguments.folder.resolve()
    paths = sorted(path for path in root.rglob("*") if not path.is_dir())
    if not paths:
        parser.error(f"{root}: no files there")
    with ThreadPoolExecutor(arguments.jobs) as pool:
        outcomes = list(pool.map(lambda path: give(path, root, arguments.seconds, busy=arguments.busy), paths))
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(one) for one in outcomes], indent=1))
    print(summary(outcomes))
    return int(any(one.faults for one in outcomes))


if __name__ == "__main__":
    sys.exit(main())

"""Fuzz the parsers of what strangers send; every input is run in a child process, with limits on time and memory.

    python fuzz/run.py [TARGET ...] [--runs 2000] [--seed 0]      # all targets unless named
    python fuzz/run.py TARGET --reproduce FILE                    # one input, in this process
    python fuzz/run.py TARGET --atheris --runs 100000             # guided by coverage, with `pip install atheris`

A finding is anything but a result or one of the package's own errors: another exception, a crash of the process, more
than --seconds of CPU time or --megabytes. Its input is kept in fuzz/findings/. Exit code 1 if there is one. Input
number n of a target depends on n and the seed alone.
"""

import argparse
import contextlib
import logging
import os
import resource
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from mutate import mutated
from targets import TARGETS

HERE = Path(__file__).resolve().parent
FINDINGS = HERE / "findings"
MARK = "done"
WAITING = 10
"""Times the limit on CPU time: the limit by the clock, which a busy machine slows."""
APART = 1_000_003
"""Between the first inputs of two seeds."""


def allowed() -> tuple[type[Exception], ...]:
    """What a parser may raise on purpose."""
    from kfusion.errors import KfusionError

    if "kfusion.serve.protocol" in sys.modules:
        from kfusion.serve.refusal import RefusedError

        return KfusionError, RefusedError
    return (KfusionError,)


def execute(call: Callable[[bytes], None], content: bytes) -> bool:
    """One input; whether it gave a result.

    Raises:
        Exception: a finding.
    """
    try:
        call(content)
    except allowed():
        return False
    return True


def work(name: str, first: int, count: int, limits: tuple[float, float], record: Path) -> int:
    """In the child: inputs `first` to `first + count`, each written to `record` before it is tried.

    After each input a line with its number, 1 for a result, and its seconds goes to stdout, where native code may write
    too. A finding ends the child.
    """
    seconds, megabytes = limits
    target = TARGETS[name]()
    seeds = target.seeds()
    logging.disable(logging.CRITICAL)
    for number in range(first, first + count):
        content = mutated(seeds, number, target.longest)
        record.write_bytes(content)
        signal.setitimer(signal.ITIMER_PROF, seconds)  # its default action ends the process, inside native code too
        signal.setitimer(signal.ITIMER_REAL, WAITING * seconds)
        begin = time.process_time()
        result = execute(target.call, content)
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        taken_s = round(time.process_time() - begin, 4)
        if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 > megabytes:
            raise MemoryError(f"more than {megabytes:.0f} MB")
        print(f"{MARK} {number} {int(result)} {taken_s}", flush=True)
    return 0


class Campaign:
    """The runs of one target: children one after another, each where the last one ended."""

    def __init__(self, name: str, first: int, options: argparse.Namespace) -> None:
        self.name, self.next, self.end = name, first, first + options.runs
        self.options = options
        self.results = self.executions = self.findings = 0
        self.slowest_s = 0.0
        self.record = HERE / f".{name}.input"

    def run(self) -> str:
        """All of it; returns one line."""
        begin = time.monotonic()
        try:
            while self.next < self.end:
                self._child()
        finally:
            self.record.unlink(missing_ok=True)
        refused = self.executions - self.results - self.findings
        return (
            f"{self.name:<16} {self.executions:>8} executions, {self.results} results, {refused} refused, "
            f"{self.findings} findings, slowest {self.slowest_s:.2f} s of CPU, {time.monotonic() - begin:.0f} s in all"
        )

    def _child(self) -> None:
        limits = [str(self.options.seconds), str(self.options.megabytes)]
        command = [sys.executable, __file__, self.name, "--work", str(self.next), str(self.end - self.next), *limits]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            assert child.stderr is not None
            os.set_blocking(child.stderr.fileno(), False)
            said = ""
            for line in child.stdout:
                mark, *values = line.split()[-4:] or [""]
                if mark != MARK:
                    continue
                number, result, seconds = values
                self.next = int(number) + 1
                self.executions += 1
                self.results += int(result)
                self.slowest_s = max(self.slowest_s, float(seconds))
                with contextlib.suppress(BlockingIOError, TypeError):
                    said = (said + child.stderr.read())[-20_000:]
            os.set_blocking(child.stderr.fileno(), True)
            said += child.stderr.read()
            code = child.wait()
        if code:
            self._keep(code, said)

    def _keep(self, code: int, said: str) -> None:
        if not self.record.exists():
            raise SystemExit(f"{self.name}: the target cannot be set up\n{said}")
        self.findings += 1
        self.executions += 1
        FINDINGS.mkdir(exist_ok=True)
        kept = FINDINGS / f"{self.name}-{self.next}"
        kept.write_bytes(self.record.read_bytes())
        reason = said.strip().splitlines()[-1] if said.strip() else f"signal {-code}"
        if code in (-signal.SIGALRM, -signal.SIGPROF):
            reason = f"more than {self.options.seconds:.0f} s"
            self.slowest_s = max(self.slowest_s, self.options.seconds)
        print(f"{self.name}: {reason}: {kept}", flush=True)
        self.next += 1


def guided(name: str, runs: int) -> None:
    """Fuzz with atheris, which sees the coverage of our own modules; a finding ends it; does not return."""
    import atheris

    with atheris.instrument_imports(include=["kfusion"]):
        target = TARGETS[name]()
    corpus = HERE / "corpus" / name
    corpus.mkdir(parents=True, exist_ok=True)
    FINDINGS.mkdir(exist_ok=True)
    for index, seed in enumerate(target.seeds()):
        (corpus / f"seed-{index}").write_bytes(seed)
    logging.disable(logging.CRITICAL)
    flags = [f"-runs={runs}", f"-max_len={target.longest}", "-timeout=10", f"-artifact_prefix={FINDINGS}/{name}-"]
    atheris.Setup([sys.argv[0], *flags, str(corpus)], lambda content: execute(target.call, content))
    atheris.Fuzz()


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("targets", nargs="*", choices=[*TARGETS, []], metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--runs", type=int, default=2000, help="of every target")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--seconds", type=float, default=10.0, help="of CPU time for one input; by the clock, ten times"
    )
    parser.add_argument("--megabytes", type=float, default=1000.0, help="of a child, resident")
    parser.add_argument("--reproduce", type=Path, help="run this input of the one target")
    parser.add_argument("--atheris", action="store_true", help="guided by coverage, one target; until a finding")
    parser.add_argument("--work", nargs=4, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> int:
    """Fuzz, reproduce, or be the child of another."""
    options = parse()
    names = options.targets or list(TARGETS)
    if options.work:
        first, count, seconds, megabytes = options.work
        record = HERE / f".{names[0]}.input"
        return work(names[0], int(first), int(count), (float(seconds), float(megabytes)), record)
    if options.reproduce:
        print("result" if execute(TARGETS[names[0]]().call, options.reproduce.read_bytes()) else "refused")
        return 0
    if options.atheris:
        guided(names[0], options.runs)
    campaigns = [Campaign(name, options.seed * APART, options) for name in names]
    for campaign in campaigns:
        print(campaign.run(), flush=True)
    found = sum(campaign.findings for campaign in campaigns)
    print(f"seed {options.seed}: {sum(one.executions for one in campaigns)} executions, {found} findings")
    return int(bool(found))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Exception:  # noqa: BLE001  the last line on stderr is the reason of a finding
        traceback.print_exc()
        sys.exit(1)

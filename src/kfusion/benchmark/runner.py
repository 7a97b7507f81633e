"""All runs that a command asks for, one process each, so that a crash stays with its row."""

import logging
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from kfusion.benchmark.plan import BenchmarkSetup, PlannedRun, is_current, new_record, plan
from kfusion.benchmark.protocol_data import BenchmarkData, open_data
from kfusion.benchmark.run_record import FAILED
from kfusion.benchmark.system_scores import noise_floor_folder
from kfusion.benchmark.systems import ON_LABELS, System
from kfusion.evaluation.sanity_rows import NOISE_FLOOR
from kfusion.training.datamodule import TalkingData
from kfusion.training.run_config import RunConfig
from kfusion.training.training_set import TrainingSet

log = logging.getLogger(__name__)

POLL_S = 0.2
PATIENCE_S = 120.0
"""How long a worker may take to save its state when it is told to stop."""
EXIT_INTERRUPTED = 130
_STOPPED = {EXIT_INTERRUPTED, 128 + signal.SIGTERM, -signal.SIGTERM, -signal.SIGINT}
_ERROR = "kfusion: error: "

Launch = Callable[[PlannedRun, float | None], "subprocess.Popen[bytes]"]
"""Starts a run, which may take so many hours."""


@dataclass(kw_only=True, slots=True)
class RunOutcome:
    """What became of the runs."""

    done: list[PlannedRun] = field(default_factory=list)
    current: list[PlannedRun] = field(default_factory=list)
    """Those that were there already."""
    failed: list[tuple[PlannedRun, str]] = field(default_factory=list)
    """With the reason."""
    left: list[PlannedRun] = field(default_factory=list)
    """Those that the time did not suffice for."""


def run_protocol(
    setup: BenchmarkSetup, systems: list[System], seeds: tuple[int, ...] | None, launch: Launch
) -> RunOutcome:
    """Run what is missing of the rows, one process a run; failures are written down and do not stop the others.

    Raises:
        InputError: the training data is missing.
        OutputError: a result cannot be written.
    """
    data = open_data(setup.protocol, setup.data_root)
    if len(systems) > 1:  # a row that is asked for alone is always tried
        systems = [system for system in systems if _is_defined(system, setup, data)]
    return _Runner(setup, data, launch).run(plan(setup, systems, seeds))


def _is_defined(system: System, setup: BenchmarkSetup, data: BenchmarkData) -> bool:
    """Whether there is what the row is made of."""
    if system.name == NOISE_FLOOR:
        return any(noise_floor_folder(setup.results).glob("*.json"))
    if system.name in ON_LABELS:
        trained = {clip.emotion for store in data.train for clip in store.split("train")} - {None}
        tested = {clip.emotion for one in data.tests for clip in one.selection.clips([one.store])} - {None}
        return len(trained & tested) > 1
    return True


class _Runner:
    """The runs of one command."""

    def __init__(self, setup: BenchmarkSetup, data: BenchmarkData, launch: Launch) -> None:
        self.setup, self.data, self.launch = setup, data, launch
        self.digests = data.digests()
        self.end_s = math.inf if setup.max_hours is None else time.monotonic() + 3600 * setup.max_hours
        self.running: dict[PlannedRun, subprocess.Popen[bytes]] = {}
        self.outcome = RunOutcome()

    def run(self, runs: Iterable[PlannedRun]) -> RunOutcome:
        """Run them in their order, several at a time if asked for."""
        waiting = list(runs)
        try:
            while waiting or self.running:
                self._collect()
                self._start(waiting)
                if self.running:
                    time.sleep(POLL_S)
        finally:
            self._stop()
        return self.outcome

    def _start(self, waiting: list[PlannedRun]) -> None:
        while waiting and len(self.running) < self.setup.jobs:
            ready = next((run for run in waiting if not self._waits(run)), None)
            if ready is None:
                return
            waiting.remove(ready)
            if not self.setup.again and is_current(ready, self.digests):
                self.outcome.current.append(ready)
            elif time.monotonic() >= self.end_s:
                self.outcome.left.append(ready)
            else:
                self._launch(ready)

    def _waits(self, run: PlannedRun) -> bool:
        """Whether the network that a sanity row asks is being trained."""
        return any(run.asked.path == other.path for other in self.running)

    def _launch(self, run: PlannedRun) -> None:
        if run.config is not None:
            self._prepare_features(run.config)
        hours = None if math.isinf(self.end_s) else max(0.0, self.end_s - time.monotonic()) / 3600
        name = self._name(run)
        if run.path.is_file() and not self.setup.again:
            log.warning("%s: failed before, or has other settings, data or metrics now: is run again", name)
        log.info("%s: starts", name)
        self.running[run] = self.launch(run, hours)

    def _prepare_features(self, config: RunConfig) -> None:
        """Compute the speech features before the clock of a run starts, once for all processes."""
        TalkingData([TrainingSet(store.root) for store in self.data.train], config)

    def _collect(self) -> None:
        for run, process in list(self.running.items()):
            code = process.poll()
            if code is not None:
                del self.running[run]
                self._note(run, code)

    def _note(self, run: PlannedRun, code: int) -> None:
        name = self._name(run)
        if code in _STOPPED or (code == 0 and not is_current(run, self.digests)):
            log.info("%s: stopped before its end, to go on later", name)
            self.outcome.left.append(run)
        elif code == 0:
            log.info("%s: done", name)
            self.outcome.done.append(run)
        else:
            reason = _reason(code, run.log)
            log.warning("%s failed: %s", name, reason)
            self.outcome.failed.append((run, reason))
            new_record(run, self.digests, status=FAILED, reason=reason).save(run.path)

    def _name(self, run: PlannedRun) -> str:
        return f"{self.setup.protocol.name} {run.name}"

    def _stop(self) -> None:
        """Let what is still running save its state."""
        for process in self.running.values():
            process.terminate()
        for process in self.running.values():
            try:
                process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()


def _reason(code: int, path: Path) -> str:
    """Why a run ended with `code`: the error in its log, else its last line."""
    if code < 0:
        return f"killed by signal {-code}"
    lines = [line.strip() for line in path.read_text(errors="replace").splitlines() if line.strip()]
    errors = [line.removeprefix(_ERROR) for line in lines if line.startswith(_ERROR)]
    return (errors or lines or [f"exit code {code}"])[-1][:500]


def start_process(run: PlannedRun, hours: float | None) -> "subprocess.Popen[bytes]":
    """The run in a process of its own: this same command for one run, as a worker."""
    run.log.parent.mkdir(parents=True, exist_ok=True)
    words = [*_words(run), *([] if hours is None else ["--max-hours", f"{hours:.6f}"])]
    threads = str(run.setup.run_threads)
    environment = os.environ | {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}
    with run.log.open("w") as file:
        return subprocess.Popen(
            [sys.executable, "-m", "kfusion", *words],
            stdout=file,
            stderr=file,
            stdin=subprocess.DEVNULL,
            env=environment,
        )


def _words(run: PlannedRun) -> list[str]:
    """The command line of one run."""
    setup = run.setup
    values = {
        "--row": run.system.name,
        "--seeds": run.seed,
        "--steps": setup.steps,
        "--data-root": setup.data_root,
        "--results": setup.results,
        "--runs": setup.runs,
        "--threads": setup.run_threads,
        "--accelerator": setup.accelerator,
        "--rates": ",".join(f"{factor:g}" for factor in setup.rates),
    }
    flags = [word for name, value in values.items() for word in (name, str(value))]
    return ["benchmark", setup.protocol.name, *flags, *(["--again"] if setup.again else []), "--worker"]

"""Which runs a command asks for (systems x seeds on a protocol), in which order, and which are there already."""

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from kfusion import __version__
from kfusion.benchmark.protocols import Protocol
from kfusion.benchmark.run_record import OK, RunRecord, TrainingRecord, run_path
from kfusion.benchmark.systems import FIRST_SEED, System, known_systems
from kfusion.errors import InputError
from kfusion.evaluation.metrics.catalogue import METRIC_VERSION
from kfusion.training.run_config import RunConfig

STEPS, BATCH, CLIP_S = 900, 16, 1.0
"""The default budget: 900 steps of 16 pieces of one second."""
RATES = (0.3, 1.0, 3.0, 10.0)
"""The default search of the learning rate, the same for every row."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchmarkSetup:
    """Everything that the runs of one command share."""

    protocol: Protocol
    data_root: Path
    results: Path
    runs: Path
    steps: int = STEPS
    again: bool = False
    """Train anew what is there already."""
    jobs: int = 1
    threads: int | None = None
    """CPU threads of a run; None: the machine's cores shared out among the jobs."""
    rates: tuple[float, ...] = RATES
    """Multiples of a row's own learning rate among which the best is searched for; a single 1: its own."""
    accelerator: str = "auto"
    max_hours: float | None = None

    def __post_init__(self) -> None:
        for name in ("steps", "jobs", "threads"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f"--{name} {value}: use 1 or more")
        if len(set(self.rates)) < len(self.rates) or min(self.rates, default=0) <= 0:
            raise InputError(f"--rates {self.rates}: use one or more different numbers above 0, such as 0.3,1,3,10")

    @property
    def run_threads(self) -> int:
        """CPU threads of a run."""
        return self.threads or max(1, (os.cpu_count() or 1) // self.jobs)


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedRun:
    """One run of one system."""

    setup: BenchmarkSetup
    system: System
    seed: int

    @property
    def name(self) -> str:
        """Its name in logs and folders."""
        return f"{self.system.name}-seed{self.seed}"

    @property
    def config(self) -> RunConfig | None:
        """How it is trained; none for a sanity row."""
        return None if self.system.make is None else budgeted(self.system.make(), self.setup.steps, self.seed)

    @property
    def asked(self) -> "PlannedRun":
        """The run whose network is scored: itself, but for a sanity row that asks another one's."""
        if self.system.of is None:
            return self
        return replace(self, system=known_systems()[self.system.of], seed=FIRST_SEED[0])

    @property
    def path(self) -> Path:
        """Where its JSON stands."""
        return run_path(self.setup.results, self.setup.protocol.name, self.system.name, self.seed)

    @property
    def folder(self) -> Path:
        """Where it is trained."""
        return self.setup.runs / self.setup.protocol.trained_with / self.name

    @property
    def log(self) -> Path:
        """What it says, if it runs in a process of its own."""
        return self.folder.parent / "logs" / f"{self.name}.txt"


def budgeted(run: RunConfig, steps: int, seed: int) -> RunConfig:
    """The run with what all rows share: steps, batch size, length of the pieces, and whose face it starts from."""
    optimiser = replace(run.optimiser, max_steps=steps, batch_size=BATCH, seed=seed, patience=None)
    return replace(run, optimiser=optimiser, data=replace(run.data, clip_s=CLIP_S, identity_from="other-clip"))


def plan(setup: BenchmarkSetup, systems: Sequence[System], seeds: tuple[int, ...] | None) -> list[PlannedRun]:
    """The runs: the first seed of every row before the second of any; sanity rows once, after the first seeds."""
    runs = [
        (number, system.make is None, PlannedRun(setup=setup, system=system, seed=seed))
        for system in systems
        for number, seed in enumerate(system.seeds if seeds is None or system.make is None else seeds)
    ]
    return [run for _, _, run in sorted(runs, key=lambda one: one[:2])]


def is_current(run: PlannedRun, data: dict[str, str]) -> bool:
    """Whether the run is there already: not failed, with the same budget, data, metric version and network."""
    found, asked, config = _stored(run.path), _stored(run.asked.path), run.asked.config
    if found is None or asked is None or found.failed or found.metric_version != METRIC_VERSION or found.data != data:
        return False
    if config is not None and (found.steps != run.setup.steps or not same_config(found.config, config)):
        return False
    if found.training is not None and tried_rates(found.training) != run.setup.rates:
        return False
    return found.weights == asked.weights


def tried_rates(training: TrainingRecord) -> tuple[float, ...]:
    """The multiples of its own learning rate that a network was tried at."""
    return tuple(trial.factor for trial in training.rates or ()) or (1.0,)


def _stored(path: Path) -> RunRecord | None:
    """A result that can be read; a damaged one, or one of another version, is as good as none."""
    try:
        return RunRecord.load(path) if path.is_file() else None
    except InputError:
        return None


def same_config(stored: Any, config: Any) -> bool:
    """Whether a stored configuration means `config`; fields that are newer than it count as left at their defaults.

    The number of epochs does not count: the budget is in steps.
    """
    defaults = {one.name: one.default for one in fields(config)}
    if not isinstance(stored, dict) or stored.keys() - defaults:
        return False
    return all(
        name == "epochs" or value == found or (is_dataclass(value) and same_config(found, value))
        for name, found in (defaults | stored).items()
        for value in [getattr(config, name)]
    )


def new_record(run: PlannedRun, data: dict[str, str], *, status: str = OK, **found: Any) -> RunRecord:
    """The record of a run with what it was asked for, and with what was found or why it failed."""
    config = run.asked.config
    return RunRecord(
        protocol=run.setup.protocol.name,
        row=run.system.name,
        seed=run.seed,
        status=status,
        metric_version=METRIC_VERSION,
        kfusion_version=__version__,
        steps=run.setup.steps,
        config=None if config is None else asdict(config),
        data=data,
        **found,
    )

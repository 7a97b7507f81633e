"""The results of one protocol, gathered from its JSONs: row by row, all seeds together."""

import math
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from kfusion.benchmark.protocols import Protocol, TestSet
from kfusion.benchmark.run_record import RunRecord, TestScores, load_runs
from kfusion.benchmark.systems import ON_LABELS, SANITY, System, known_systems
from kfusion.errors import InputError
from kfusion.evaluation.alignment import EXPRESSION
from kfusion.evaluation.bootstrap import Interval, Summary, Values, improvement_percent, summarise
from kfusion.evaluation.metrics.catalogue import CHANGED_IN, COMPARABLE, FRECHET, METRIC_VERSION


@dataclass(kw_only=True, slots=True)
class SystemRuns:
    """A system with its runs, in the order of their seeds."""

    system: System
    runs: list[RunRecord] = field(default_factory=list)

    @property
    def ranked(self) -> bool:
        """Whether it is trained, not a sanity row."""
        return self.system.group != SANITY

    @property
    def parameters(self) -> int | None:
        """Trained weights."""
        training = self.runs[0].training
        return training.parameters if training and self.ranked else None

    def scores(self, test: str) -> list[TestScores]:
        """Of every seed that was scored on the test set."""
        return [run.tests[test] for run in self.runs if test in run.tests]

    def means(self, test: str, metric: str, alignment: str = EXPRESSION) -> Values:
        """The mean of every seed, (seeds,)."""
        if metric == FRECHET:
            return np.array([found.frechet for found in self.scores(test)])
        runs = [run for run in self.runs if test in run.tests]
        return np.array([_mean(run, run.tests[test].summaries[alignment], metric) for run in runs])

    def compensated(self, test: str, metric: str) -> float:
        """The mean over seeds with the clocks compensated; NaN where a run is older than that."""
        values = [_mean(run, run.tests[test].compensated or {}, metric) for run in self._clocked(test)]
        return float(np.mean(values)) if values else math.nan

    def shifts_ms(self, test: str) -> list[float]:
        """How much later the predictions were shown, of every speaker and seed."""
        return [shift for run in self._clocked(test) for shift in (run.tests[test].shifts_ms or {}).values()]

    def _clocked(self, test: str) -> list[RunRecord]:
        """The runs whose clocks were compensated by the correlation as it is measured now."""
        return [run for run in self.runs if test in run.tests and not _is_older(run, "opening_correlation")]

    def mean(self, test: str, metric: str, alignment: str = EXPRESSION) -> float:
        """The mean over seeds; NaN where it is undefined."""
        values = self.means(test, metric, alignment)
        return float(values.mean()) if len(values) else math.nan

    def clip_values(self, test: str, metric: str) -> Values:
        """Of every clip the mean over seeds, (clips,)."""
        columns = [found.per_clip[EXPRESSION][metric] for found in self.scores(test)]
        values: Values = np.array(columns, np.float64).mean(axis=0)
        return values

    def interval(self, test: str, metric: str) -> Summary:
        """The mean over seeds with its interval over speakers and clips."""
        return summarise(self.clip_values(test, metric), self.scores(test)[0].speakers)


@dataclass(frozen=True, kw_only=True, slots=True)
class Board:
    """All that is known of a protocol."""

    protocol: Protocol
    systems: list[SystemRuns]
    """Rows with at least one run that went well, in the order of the table."""
    failed: list[tuple[str, int, str]]
    """Row, seed and reason."""
    missing: list[tuple[str, tuple[int, ...]]]
    """Rows and their seeds that the whole table has and this one lacks."""

    @property
    def tests(self) -> list[TestSet]:
        """Test sets that something was scored on."""
        return [test for test in self.protocol.tests if self.on(test.name)]

    def on(self, test: str) -> list[SystemRuns]:
        """The rows that were scored on a test set."""
        return [one for one in self.systems if one.scores(test)]

    def ranked(self, test: str) -> list[SystemRuns]:
        """Those of them that were trained."""
        return [one for one in self.on(test) if one.ranked]

    def find(self, name: str) -> SystemRuns | None:
        """The row called `name`, if it has a run that went well."""
        return next((one for one in self.systems if one.system.name == name), None)

    @property
    def trained(self) -> list[RunRecord]:
        """Every run of every system that was trained."""
        return [run for one in self.systems if one.ranked for run in one.runs]


def _mean(run: RunRecord, summaries: dict[str, Interval], metric: str) -> float:
    """NaN where the score is undefined, or was another one when the run was scored."""
    return summaries[metric].mean if metric in summaries and not _is_older(run, metric) else math.nan


def _is_older(run: RunRecord, metric: str) -> bool:
    return run.metric_version < CHANGED_IN.get(metric, 0)


def load_board(results: Path, protocol: Protocol) -> Board | None:
    """The board of a protocol; None if nothing of it was run.

    Raises:
        InputError: a JSON cannot be read, or results were made on different data or by different metric versions.
    """
    found = list(load_runs(results, protocol.name))
    if not found:
        return None
    well = [(path, run) for path, run in found if not run.failed]
    check_comparable(well)
    known = known_systems()
    systems = {name: SystemRuns(system=system) for name, system in known.items()}
    for _, run in sorted(well, key=lambda one: one[1].seed):
        unknown = System(name=run.row, title=f"{run.row} (no row of this version)", group=SANITY)
        systems.setdefault(run.row, SystemRuns(system=unknown)).runs.append(run)
    there = {(run.row, run.seed) for _, run in found}
    return Board(
        protocol=protocol,
        systems=[one for one in systems.values() if one.runs],
        failed=[(run.row, run.seed, run.reason) for _, run in found if run.failed],
        missing=[(one.name, lost) for one in known.values() if (lost := _missing_seeds(one, there))],
    )


def _missing_seeds(system: System, there: set[tuple[str, int]]) -> tuple[int, ...]:
    if system.name in ON_LABELS:  # most corpora have no labels
        return ()
    return tuple(seed for seed in system.seeds if (system.name, seed) not in there)


def check_comparable(runs: list[tuple[Path, RunRecord]]) -> None:
    """Raises `InputError` that names the files whose data or metric version is not that of most others."""
    versions = [METRIC_VERSION if run.metric_version in COMPARABLE else run.metric_version for _, run in runs]
    _check_same("metric version", [(path, str(one)) for (path, _), one in zip(runs, versions, strict=True)])
    for test in {name for _, run in runs for name in run.tests}:
        seen = [(path, run.tests[test].data_id) for path, run in runs if test in run.tests]
        _check_same(f"data of test set '{test}'", seen)


def _check_same(what: str, seen: list[tuple[Path, str]]) -> None:
    counts = Counter(value for _, value in seen)
    if len(counts) < 2:
        return
    usual = counts.most_common(1)[0][0]
    kept = next(path for path, value in seen if value == usual)
    others = ", ".join(f"{path} ({value})" for path, value in seen if value != usual)
    raise InputError(
        f"no report: {what} differs: {others}; {counts[usual]} others such as {kept} have {usual}: "
        "run the protocol again, or delete those files"
    )


def difference_percent(ours: SystemRuns, other: SystemRuns, test: str, metric: str) -> Summary:
    """How much lower the mean of `ours` is, in percent of the other's, over the same clips."""
    speakers = ours.scores(test)[0].speakers
    return improvement_percent(ours.clip_values(test, metric), other.clip_values(test, metric), speakers)


def difference(ours: SystemRuns, other: SystemRuns, test: str, metric: str) -> Summary:
    """How much higher the mean of `ours` is, over the clips where both are defined."""
    speakers = ours.scores(test)[0].speakers
    return summarise(ours.clip_values(test, metric) - other.clip_values(test, metric), speakers)

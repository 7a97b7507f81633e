"""The results of one protocol, gathered from its JSONs: row by row, all seeds together."""

import math
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from kfusion.benchmark.protocols import Protocol, TestSet
from kfusion.benchmark.result import RunResult, TestResult, load_results
from kfusion.benchmark.rows import FIRST_SEED, SANITY, Row, known_rows
from kfusion.errors import InputError
from kfusion.evaluation.bootstrap import Summary, Values, improvement_percent, summarise
from kfusion.evaluation.sanity import SHUFFLED_EMOTION

SHOWN = "frame"
"""The alignment of the main table: expression only."""


@dataclass(kw_only=True, slots=True)
class Entry:
    """A row with its runs, in the order of their seeds."""

    row: Row
    runs: list[RunResult] = field(default_factory=list)

    @property
    def ranked(self) -> bool:
        """Whether it is a system, not a sanity row."""
        return self.row.group != SANITY

    @property
    def parameters(self) -> int | None:
        """Trained weights."""
        training = self.runs[0].training
        return training.parameters if training and self.ranked else None

    def results(self, test: str) -> list[TestResult]:
        """Of every seed that was scored on the test set."""
        return [run.tests[test] for run in self.runs if test in run.tests]

    def means(self, test: str, metric: str, alignment: str = SHOWN) -> Values:
        """The mean of every seed, (seeds,)."""
        if metric == "Frechet":
            return np.array([found.frechet for found in self.results(test)])
        missing = (math.nan,) * 3
        return np.array([found.summaries[alignment].get(metric, missing)[0] for found in self.results(test)])

    def mean(self, test: str, metric: str, alignment: str = SHOWN) -> float:
        """The mean over seeds; NaN where it is undefined."""
        values = self.means(test, metric, alignment)
        return float(values.mean()) if len(values) else math.nan

    def clip_values(self, test: str, metric: str, alignment: str = SHOWN) -> Values:
        """Of every clip the mean over seeds, (clips,)."""
        columns = [found.per_clip[alignment][metric] for found in self.results(test)]
        values: Values = np.array(columns, np.float64).mean(axis=0)
        return values

    def interval(self, test: str, metric: str, alignment: str = SHOWN) -> Summary:
        """The mean over seeds with its interval over speakers and clips."""
        return summarise(self.clip_values(test, metric, alignment), self.results(test)[0].speakers)


@dataclass(frozen=True, kw_only=True, slots=True)
class Board:
    """All that is known of a protocol."""

    protocol: Protocol
    folder: Path
    entries: list[Entry]
    """Rows with at least one run that went well, in the order of the table."""
    failed: list[tuple[str, int, str]]
    """Row, seed and reason."""
    missing: list[tuple[str, tuple[int, ...]]]
    """Rows and their seeds that the whole table has and this one lacks."""

    @property
    def tests(self) -> list[TestSet]:
        """Test sets that something was scored on."""
        return [test for test in self.protocol.tests if self.on(test.name)]

    def on(self, test: str) -> list[Entry]:
        """The rows that were scored on a test set."""
        return [entry for entry in self.entries if entry.results(test)]

    def systems(self, test: str) -> list[Entry]:
        """Those of them that are ranked."""
        return [entry for entry in self.on(test) if entry.ranked]

    def entry(self, name: str) -> Entry | None:
        """The row called `name`, if it has a run that went well."""
        return next((entry for entry in self.entries if entry.row.name == name), None)

    @property
    def trained(self) -> list[RunResult]:
        """Every run of every system."""
        return [run for entry in self.entries if entry.ranked for run in entry.runs]


def load_board(results: Path, protocol: Protocol) -> Board | None:
    """The board of a protocol; None if nothing of it was run.

    Raises:
        InputError: a JSON cannot be read, or results were made on different data or by different metric versions.
    """
    found = list(load_results(results, protocol.name))
    if not found:
        return None
    well = [(path, run) for path, run in found if not run.failed]
    check_comparable(well)
    rows = known_rows()
    entries = {name: Entry(row=row) for name, row in rows.items()}
    for _, run in well:
        row = Row(name=run.row, title=f"{run.row} (no row of this version)", group=SANITY)
        entries.setdefault(run.row, Entry(row=row)).runs.append(run)
    for entry in entries.values():
        entry.runs.sort(key=lambda run: run.seed)
    there = {(run.row, run.seed) for _, run in found}
    return Board(
        protocol=protocol,
        folder=results / protocol.name,
        entries=[entry for entry in entries.values() if entry.runs],
        failed=[(run.row, run.seed, run.reason) for _, run in found if run.failed],
        missing=[(row.name, lost) for row in rows.values() if (lost := _missing(row, there))],
    )


def _missing(row: Row, there: set[tuple[str, int]]) -> tuple[int, ...]:
    if row.name == SHUFFLED_EMOTION:  # most corpora have no labels to shuffle
        return ()
    seeds = FIRST_SEED if row.make is None else row.seeds
    return tuple(seed for seed in seeds if (row.name, seed) not in there)


def check_comparable(runs: list[tuple[Path, RunResult]]) -> None:
    """Raises `InputError` that names the files whose data or metric version is not that of most others."""
    _check_same("metric version", [(path, str(run.metric_version)) for path, run in runs])
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


def difference_percent(ours: Entry, other: Entry, test: str, metric: str) -> Summary:
    """How much lower the mean of `ours` is, in percent of the other's, over the same clips."""
    speakers = ours.results(test)[0].speakers
    return improvement_percent(ours.clip_values(test, metric), other.clip_values(test, metric), speakers)


def difference(ours: Entry, other: Entry, test: str, metric: str) -> Summary:
    """How much higher the mean of `ours` is, over the clips where both are defined."""
    speakers = ours.results(test)[0].speakers
    return summarise(ours.clip_values(test, metric) - other.clip_values(test, metric), speakers)


def is_certain(found: Summary) -> bool:
    """Whether the interval leaves zero out."""
    return found.low > 0 or found.high < 0

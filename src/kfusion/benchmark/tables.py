"""The tables of the report, as lines of Markdown."""

import math
from collections.abc import Sequence

import numpy as np

from kfusion.benchmark.board import Board, Entry, difference, difference_percent, is_certain
from kfusion.benchmark.protocols import TestSet
from kfusion.benchmark.published import LABEL, TABLES, Published, kept_in_tables
from kfusion.benchmark.rows import OURS
from kfusion.evaluation.bootstrap import Summary
from kfusion.evaluation.metrics import METRICS

PAPER = {"M-LD": 2, "M-LVD": 3, "F-LD": 2, "F-LVD": 3}
"""The paper's columns, with their digits; the lowest is best."""
HIGHEST, LOWEST, NEAREST_TO_ONE, NEAREST_TO_ZERO = "highest", "lowest", "nearest to 1", "nearest to 0"
EXTENDED: dict[str, tuple[str, int, str | None]] = {
    "opening_correlation": ("corr.", 3, HIGHEST),
    "lag_ms": ("lag ms", 0, NEAREST_TO_ZERO),
    "closure_f1": ("closure F1", 3, HIGHEST),
    "silence_speed": ("silence px", 2, None),
    "jerk": ("jerk px", 2, None),
    "power_above_8hz": ("> 8 Hz", 2, NEAREST_TO_ONE),
    "motion_ratio": ("motion", 2, NEAREST_TO_ONE),
    "LVE": ("LVE", 2, LOWEST),
    "FDD": ("FDD", 2, NEAREST_TO_ZERO),
    "DTW-LD": ("DTW-LD", 2, LOWEST),
    "Frechet": ("Frechet", 2, LOWEST),
    "M-LD-iod": ("M-LD %", 2, LOWEST),
}
"""Metric -> its column, its digits, and what is best."""
OTHER_ALIGNMENTS = {"raw": ("M-LD", "F-LD"), "clip": ("M-LD", "M-LVD", "F-LD", "F-LVD")}


def paper_table(board: Board, test: TestSet) -> list[str]:
    """The paper's layout: systems, ranked, then the sanity rows."""
    systems, marks = board.systems(test.name), {}
    for metric in PAPER:
        marks[metric] = _ranks([entry.mean(test.name, metric) for entry in systems], LOWEST)
    lines = _head(["Method", "params", "seeds", *(f"{metric} ↓" for metric in PAPER), "M-LD, 95 %"])
    for place, entry in enumerate(systems):
        cells = [_mark(_spread(entry, test.name, metric), marks[metric][place]) for metric in PAPER]
        about = [entry.row.title, _count(entry.parameters), str(len(entry.runs))]
        lines.append(_line([*about, *cells, _own(entry, test)]))
    lines.append(_line(["*not ranked:*", *[""] * (len(PAPER) + 3)]))
    for entry in board.on(test.name):
        if not entry.ranked:
            cells = [_spread(entry, test.name, metric) for metric in PAPER]
            lines.append(_line([entry.row.title, "", "", *cells, _own(entry, test)]))
    lines.append(_line([f"*{LABEL}:*", *[""] * (len(PAPER) + 3)]))
    return lines + [_line([_method(one), table, "", *_figures(one), ""]) for table, one in kept_in_tables()]


def extended_table(board: Board, test: TestSet) -> list[str]:
    """The metrics beyond the paper's, and the paper's in the other alignments."""
    columns = [(metric, *about) for metric, about in EXTENDED.items() if metric in METRICS or metric == "Frechet"]
    systems, rows = board.systems(test.name), board.on(test.name)
    lines = _head(["", *(title for _, title, _, _ in columns), *_other_titles()])
    cells: dict[str, list[str]] = {entry.row.name: [] for entry in rows}
    for metric, _, digits, best in columns:
        places = _ranks([entry.mean(test.name, metric) for entry in systems], best)
        ranks = {entry.row.name: place for entry, place in zip(systems, places, strict=True)}
        for entry in rows:
            text = _number(entry.mean(test.name, metric), digits)
            cells[entry.row.name].append(_mark(text, ranks.get(entry.row.name, 0)))
    for entry in rows:
        others = [
            _number(entry.mean(test.name, metric, alignment), PAPER[metric])
            for alignment, metrics in OTHER_ALIGNMENTS.items()
            for metric in metrics
        ]
        lines.append(_line([entry.row.title, *cells[entry.row.name], *others]))
    return lines


def paired_table(board: Board, test: TestSet) -> list[str]:
    """How far ours is under every other row, over the same clips; none without our row."""
    ours = board.entry(OURS)
    if ours is None or not ours.results(test.name) or len(board.on(test.name)) < 2:
        return []
    lines = _head(["against", *(f"{metric}, % lower" for metric in PAPER), "corr., higher by"])
    for other in board.on(test.name):
        if other is not ours:
            cells = [_with_interval(difference_percent(ours, other, test.name, metric), 1) for metric in PAPER]
            heard = _with_interval(difference(ours, other, test.name, "opening_correlation"), 3)
            lines.append(_line([other.row.title, *cells, heard]))
    return lines


def cost_table(board: Board) -> list[str]:
    """Size, speed and training of every system."""
    lines = _head(["", "parameters", "float32 MB", "network, x real time", "with features", "steps", "s", "CPU s"])
    for entry in board.entries:
        if not entry.ranked or entry.parameters is None:
            continue
        trainings = [run.training for run in entry.runs if run.training]
        speeds = [run.speed for run in entry.runs if run.speed]
        cells = [
            f"{entry.parameters:,}",
            f"{4e-6 * entry.parameters:.1f}",
            _number(min((speed.network for speed in speeds), default=math.nan), 4),
            _number(min((speed.with_features for speed in speeds), default=math.nan), 4),
            str(trainings[0].steps),
            _number(float(np.mean([training.seconds for training in trainings])), 0),
            _number(float(np.mean([training.cpu_seconds for training in trainings])), 0),
        ]
        lines.append(_line([entry.row.title, *cells]))
    return lines


def published_tables() -> list[str]:
    """What papers print."""
    lines = []
    for title, rows in TABLES.items():
        lines += ["", f"**{title}**, {LABEL}", "", *_head(["Method", "", *(f"{metric} ↓" for metric in PAPER)])]
        lines += [_line([_method(one), LABEL, *_figures(one)]) for one in rows]
    return lines


def _method(one: Published) -> str:
    return one.method if one.year is None else f"{one.method} {one.year}"


def _figures(one: Published) -> list[str]:
    return [f"{value:.2f}" for value in (one.mld, one.mlvd, one.fld, one.flvd)]


def _own(entry: Entry, test: TestSet) -> str:
    found = entry.interval(test.name, "M-LD")
    return f"[{_number(found.low, 2)}, {_number(found.high, 2)}]"


def _spread(entry: Entry, test: str, metric: str) -> str:
    """Mean and standard deviation over seeds."""
    values, digits = entry.means(test, metric), PAPER[metric]
    if len(values) < 2:
        return _number(entry.mean(test, metric), digits)
    return f"{_number(float(values.mean()), digits)} ± {_number(float(values.std(ddof=1)), digits)}"


def _ranks(values: Sequence[float], best: str | None) -> list[int]:
    """1 for the best, 2 for the second, else 0; equal values share their rank."""
    if best is None:
        return [0] * len(values)
    badness = [_badness(value, best) for value in values]
    order = sorted({bad for bad in badness if not math.isnan(bad)})[:2]
    return [order.index(bad) + 1 if bad in order else 0 for bad in badness]


def _badness(value: float, best: str) -> float:
    """The lower the better."""
    return {HIGHEST: -value, LOWEST: value, NEAREST_TO_ZERO: abs(value), NEAREST_TO_ONE: abs(value - 1)}[best]


def _mark(text: str, rank: int) -> str:
    return {1: f"**{text}**", 2: f"<u>{text}</u>"}.get(rank, text)


def _with_interval(found: Summary, digits: int) -> str:
    text = f"{_number(found.mean, digits)} [{_number(found.low, digits)}, {_number(found.high, digits)}]"
    if math.isnan(found.mean):
        return "-"
    return f"**{text}**" if is_certain(found) else text


def _other_titles() -> list[str]:
    return [f"{metric} {alignment}" for alignment, metrics in OTHER_ALIGNMENTS.items() for metric in metrics]


def _count(parameters: int | None) -> str:
    return "" if parameters is None else f"{parameters / 1e6:.2f} M"


def _head(cells: list[str]) -> list[str]:
    return [_line(cells), _line(["---", *["---:"] * (len(cells) - 1)])]


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _number(value: float, digits: int) -> str:
    if math.isnan(value):
        return "-"
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text

"""Every table of scores, as lines of Markdown: of an evaluation, of a benchmark, of a page of both."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from kfusion.evaluation.alignment import EXPRESSION
from kfusion.evaluation.bootstrap import Summary

Best = Literal["highest", "lowest", "nearest to 1", "nearest to 0"]
_BADNESS: dict[Best, Callable[[float], float]] = {
    "highest": lambda value: -value,
    "lowest": lambda value: value,
    "nearest to 1": lambda value: abs(value - 1),
    "nearest to 0": abs,
}

PAPER = {"M-LD": 2, "M-LVD": 3, "F-LD": 2, "F-LVD": 3}
"""The paper's scores and how many digits of them a page shows; the lowest is best."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """A score of a table."""

    title: str
    metric: str
    digits: int = 2
    alignment: str = EXPRESSION
    best: Best | None = None
    """None: nothing is marked."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TableLine:
    """A line of a table of scores."""

    title: str
    score: Callable[[str, str], float]
    """By alignment and metric; NaN where undefined."""
    ranked: bool = False
    """Whether it may be marked as best."""


def score_table(lines: Sequence[TableLine], columns: Sequence[Column], corner: str = "") -> list[str]:
    """One line a row, one column a score; the best of the ranked in bold, the second underlined."""
    cells = [_cells(lines, column) for column in columns]
    body = ([line.title, *own] for line, *own in zip(lines, *cells, strict=True))
    return markdown([corner, *(column.title for column in columns)], body)


def _cells(lines: Sequence[TableLine], column: Column) -> list[str]:
    values = [line.score(column.alignment, column.metric) for line in lines]
    places = ranks([value if line.ranked else math.nan for line, value in zip(lines, values, strict=True)], column.best)
    return [marked(with_digits(value, column.digits), place) for value, place in zip(values, places, strict=True)]


def markdown(head: list[str], body: Iterable[list[str]]) -> list[str]:
    """Finished cells: the first column to the left, the others to the right."""
    rule = ["---", *["---:"] * (len(head) - 1)]
    return [f"| {' | '.join(cells)} |" for cells in (head, rule, *body)]


def with_digits(value: float, digits: int = 2) -> str:
    """A value with so many digits after the point; `-` where it is undefined, and never a negative zero."""
    if math.isnan(value):
        return "-"
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text


def with_interval(found: Summary, digits: int) -> str:
    """A mean and its interval."""
    return f"{with_digits(found.mean, digits)} [{with_digits(found.low, digits)}, {with_digits(found.high, digits)}]"


def ranks(values: Sequence[float], best: Best | None) -> list[int]:
    """1 for the best, 2 for the second, else 0; equal values share their rank."""
    if best is None:
        return [0] * len(values)
    badness = [_BADNESS[best](value) for value in values]
    order = sorted({bad for bad in badness if not math.isnan(bad)})[:2]
    return [order.index(bad) + 1 if bad in order else 0 for bad in badness]


def marked(text: str, rank: int) -> str:
    """The best in bold, the second underlined."""
    return {1: f"**{text}**", 2: f"<u>{text}</u>"}.get(rank, text)

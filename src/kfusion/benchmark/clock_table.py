"""The table of a benchmark with each speaker's clock compensated, beside the raw correlation."""

import math
from dataclasses import dataclass

from kfusion.benchmark.board import Board, SystemRuns
from kfusion.evaluation.compensation import REACH_MS
from kfusion.evaluation.evaluation_page import told_shifts
from kfusion.evaluation.tables import PAPER, Best, markdown, marked, ranks, with_digits

ABOUT = (
    f"Clock compensated: each row is shown earlier or later, by at most {REACH_MS} ms, as agrees best with each "
    "speaker's mouth openings, and scored anew. A dash: scored before this was measured."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class CompensatedColumn:
    """A score of the table."""

    title: str
    metric: str
    digits: int
    best: Best


COLUMNS = (
    CompensatedColumn(title="corr.", metric="opening_correlation", digits=3, best="highest"),
    *(CompensatedColumn(title=name, metric=name, digits=digits, best="lowest") for name, digits in PAPER.items()),
    CompensatedColumn(title="motion", metric="motion_ratio", digits=2, best="nearest to 1"),
    CompensatedColumn(title="closure F1", metric="closure_f1", digits=3, best="highest"),
)


def clock_table(board: Board, test: str) -> list[str]:
    """What it is, and a line a row: the mean over seeds, ranked as in the other tables, and the shifts."""
    rows = board.on(test)
    raw = [with_digits(one.mean(test, "opening_correlation"), 3) for one in rows]
    scores = [_cells(rows, test, column) for column in COLUMNS]
    shifts = [told_shifts(one.shifts_ms(test)) for one in rows]
    body = [[one.system.title, *own] for one, *own in zip(rows, raw, *scores, shifts, strict=True)]
    head = ["", "corr., raw", *(column.title for column in COLUMNS), "shown later by, ms"]
    return [ABOUT, "", *markdown(head, body)]


def _cells(rows: list[SystemRuns], test: str, column: CompensatedColumn) -> list[str]:
    values = [one.compensated(test, column.metric) for one in rows]
    places = ranks([value if one.ranked else math.nan for one, value in zip(rows, values, strict=True)], column.best)
    return [marked(with_digits(value, column.digits), place) for value, place in zip(values, places, strict=True)]

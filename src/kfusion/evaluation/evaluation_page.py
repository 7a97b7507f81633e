"""An evaluation as Markdown."""

from collections.abc import Iterable

from kfusion.evaluation.alignment import ALIGNMENTS, EXPRESSION
from kfusion.evaluation.compensation import COMPENSATED, REACH_MS
from kfusion.evaluation.metrics.catalogue import FPS, FRECHET, METRICS
from kfusion.evaluation.metrics.distribution import MIN_VECTORS
from kfusion.evaluation.sanity_rows import MODEL, TITLES
from kfusion.evaluation.score_sheet import Evaluation, ScoreSheet
from kfusion.evaluation.tables import PAPER, Column, TableLine, markdown, score_table, with_digits, with_interval

MAIN_COLUMNS = {
    "M-LD": "M-LD px",
    "M-LVD": "M-LVD px",
    "F-LD": "F-LD px",
    "F-LVD": "F-LVD px",
    "M-LD-iod": "M-LD %iod",
    "F-LD-iod": "F-LD %iod",
    "opening_correlation": "corr.",
    "lag_ms": "lag ms",
    "motion_ratio": "motion",
    "silence_speed": "silence px",
    "jerk": "jerk px",
    "closure_f1": "closure F1",
}
EXTENDED_COLUMNS = {
    "power_above_8hz": "over 8 Hz",
    "LVE": "LVE (%iod)^2",
    "FDD": "FDD %iod",
    "DTW-LD": "DTW-LD px",
    FRECHET: "Frechet (%iod)^2",
}
FRECHET_MEANING = "squared Frechet distance of mouth positions and velocities, pooled over clips"
INTERVAL_METRICS = (*PAPER, "opening_correlation", "lag_ms", "motion_ratio", "silence_speed")
_DIGITS = {"lag_ms": 0, "LVE": 1, "M-LD-iod": 1, "F-LD-iod": 1, FRECHET: 1}


def to_markdown(evaluation: Evaluation) -> str:
    """The tables of an evaluation and what one must know to read them."""
    rows = [line_of(evaluation, row) for row in evaluation.rows]
    lines = [f"# {evaluation.model_id}", "", _about(evaluation), ""]
    lines += [f"- {note}" for note in evaluation.notes]
    for alignment, meaning in ALIGNMENTS.items():
        lines += ["", f"## {alignment}: {meaning}", "", *score_table(rows, _columns(MAIN_COLUMNS, alignment))]
    more = score_table(rows, _columns(EXTENDED_COLUMNS, EXPRESSION))
    lines += ["", f"## More scores, {EXPRESSION}", "", *more]
    table = compensated_table(evaluation)
    lines += ["", f"## Clock compensated, {EXPRESSION}", "", *table] if table else []
    lines += ["", "## How far the model is under the other rows, in %", "", *_improvement_table(evaluation)]
    lines += ["", "## Intervals of the model", "", *_intervals(evaluation)]
    lines += ["", "## How to read it", "", *_how_to_read(evaluation), ""]
    return "\n".join(lines)


def compensated_table(evaluation: Evaluation, corner: str = "") -> list[str]:
    """The scores with the clocks compensated; nothing for an evaluation that is older than them."""
    found, shifts = evaluation.compensated, evaluation.shifts_ms
    if found is None or shifts is None:
        return []
    digits = {name: _DIGITS.get(name, 2) for name in COMPENSATED}
    body = [
        [
            TITLES[row],
            told_shifts(shifts[row].values()),
            *(with_digits(found[row][name].mean, digits[name]) for name in digits),
        ]
        for row in evaluation.rows
    ]
    head = [corner, "shown later by, ms", *(MAIN_COLUMNS[name] for name in COMPENSATED)]
    return markdown(head, body)


def told_shifts(shifts_ms: Iterable[float]) -> str:
    """The mean over speakers, and the least and the most where they differ."""
    found = sorted(shifts_ms)
    if not found:
        return "-"
    mean = with_digits(sum(found) / len(found), 0)
    return mean if found[0] == found[-1] else f"{mean} ({found[0]:.0f} to {found[-1]:.0f})"


def line_of(sheet: ScoreSheet, row: str) -> TableLine:
    """A row as a line of a table."""
    return TableLine(title=TITLES[row], score=lambda alignment, metric: sheet.mean(row, alignment, metric))


def _columns(titles: dict[str, str], alignment: str) -> list[Column]:
    return [
        Column(title=title, metric=metric, alignment=alignment, digits=_DIGITS.get(metric, 2))
        for metric, title in titles.items()
    ]


def _about(evaluation: Evaluation) -> str:
    seconds = evaluation.frames / FPS
    rules = ", ".join(f"{count} {rule}" for rule, count in evaluation.identities.items())
    return (
        f"{' + '.join(evaluation.data_sets)}, split {evaluation.split}: {len(evaluation.clips)} clips of "
        f"{len(evaluation.speakers)} speaker{'s'[: len(evaluation.speakers) > 1]}, {evaluation.frames} frames "
        f"({seconds:.0f} s); identity: {rules}; data {evaluation.data_id}, metrics version "
        f"{evaluation.metric_version}, kfusion {evaluation.kfusion_version}."
    )


def _improvement_table(evaluation: Evaluation) -> list[str]:
    columns = [
        Column(title=f"{metric} {alignment}", metric=metric, alignment=alignment, digits=1)
        for alignment in ALIGNMENTS
        for metric in PAPER
    ]
    return score_table([_improvement(evaluation, row) for row in evaluation.improvement_percent], columns)


def _improvement(evaluation: Evaluation, row: str) -> TableLine:
    found = evaluation.improvement_percent[row]
    return TableLine(title=TITLES[row], score=lambda alignment, metric: found[alignment][metric].mean)


def _intervals(evaluation: Evaluation) -> list[str]:
    body = []
    for metric in INTERVAL_METRICS:
        summaries = [evaluation.rows[MODEL][alignment][metric] for alignment in ALIGNMENTS]
        cells = [with_interval(one, _DIGITS.get(metric, 2)) for one in summaries]
        body.append([metric, *cells, METRICS[metric].unit, str(max(one.undefined for one in summaries))])
    silence = evaluation.silence_ratio[MODEL]
    last = ["silence_speed over the target's", "", "", with_interval(silence, 2), "", str(silence.undefined)]
    return markdown(["", *ALIGNMENTS, "unit", "left out"], [*body, last])


def _how_to_read(evaluation: Evaluation) -> list[str]:
    shown = [metric for metric in (*MAIN_COLUMNS, *EXTENDED_COLUMNS) if metric != FRECHET]
    return [
        "- Means of the speakers' means; pixels of the 256 x 256 crop, 30 frames a second.",
        f"- Intervals: {evaluation.interval}.",
        *_undefined(evaluation),
        *(f"- {METRICS[metric].meaning}: `{metric}`{with_unit(metric)}" for metric in shown),
        f"- {FRECHET_MEANING}: `{FRECHET}`, (% iod)^2; undefined under {MIN_VECTORS} frames.",
    ]


def _undefined(evaluation: Evaluation) -> list[str]:
    same = (
        "- Clips in which a score is undefined are left out of its mean. Correlation and closure F1 are left out where "
        "the target's mouth does not move or never closes, for every row alike; a mouth that stands still while the "
        "target's moves counts as correlation 0."
    )
    clock = (
        f"- Clock compensated: each row is shown earlier or later, by at most {REACH_MS} ms, as agrees best with each "
        "speaker's mouth openings (highest mean correlation over the speaker's clips), and scored anew. Rows gain by "
        "it even where the clock is right."
    )
    return [same] if evaluation.shifts_ms is None else [same, clock]


def with_unit(metric: str) -> str:
    """What ends the line that explains a metric."""
    unit = METRICS[metric].unit
    return f", {unit}." if unit else "."

"""An evaluation as Markdown."""

import math

from kfusion.evaluation.alignment import ALIGNMENTS
from kfusion.evaluation.frechet import MIN_FRAMES
from kfusion.evaluation.metrics import METRICS
from kfusion.evaluation.result import Evaluation
from kfusion.evaluation.sanity import (
    HOLD,
    MEAN_MOTION,
    MEDIAN_FACE,
    MODEL,
    NOISE_FLOOR,
    SHUFFLED,
    SHUFFLED_EMOTION,
    TARGET,
)

ROW_NAMES = {
    MODEL: "**model**",
    HOLD: "hold the identity",
    MEDIAN_FACE: "speaker's median face",
    MEAN_MOTION: "mean motion",
    SHUFFLED: "shuffled audio",
    SHUFFLED_EMOTION: "shuffled emotion",
    NOISE_FLOOR: "extractor's noise floor",
    TARGET: "target itself",
}
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
}
EXTENDED_ALIGNMENT = "frame"
INTERVAL_METRICS = ("M-LD", "M-LVD", "F-LD", "F-LVD", "opening_correlation", "lag_ms", "motion_ratio", "silence_speed")
IMPROVEMENTS = ("M-LD", "M-LVD", "F-LD", "F-LVD")
_DIGITS = {"lag_ms": 0, "LVE": 1, "M-LD-iod": 1, "F-LD-iod": 1}


def to_markdown(evaluation: Evaluation) -> str:
    """The tables of an evaluation and what one must know to read them."""
    lines = [f"# {evaluation.model_id}", "", _about(evaluation), ""]
    lines += [f"- {note}" for note in evaluation.notes]
    for alignment, meaning in ALIGNMENTS.items():
        lines += ["", f"## {alignment}: {meaning}", "", *_scores(evaluation, alignment)]
    lines += ["", f"## More scores, {EXTENDED_ALIGNMENT}", "", *_extended(evaluation)]
    lines += ["", "## How far the model is under the other rows, in %", "", *_improvements(evaluation)]
    lines += ["", "## Intervals of the model", "", *_intervals(evaluation)]
    lines += ["", "## How to read it", "", *_legend(evaluation), ""]
    return "\n".join(lines)


def _about(evaluation: Evaluation) -> str:
    seconds = evaluation.frames / 30
    rules = ", ".join(f"{count} {rule}" for rule, count in evaluation.identities.items())
    return (
        f"{' + '.join(evaluation.data_sets)}, split {evaluation.split}: {len(evaluation.clips)} clips of "
        f"{len(evaluation.speakers)} speaker{'s'[: len(evaluation.speakers) > 1]}, {evaluation.frames} frames "
        f"({seconds:.0f} s); identity: {rules}; data {evaluation.data_id}, metrics version "
        f"{evaluation.metric_version}, kfusion {evaluation.kfusion_version}."
    )


def _scores(evaluation: Evaluation, alignment: str) -> list[str]:
    lines = _head(["", *MAIN_COLUMNS.values()])
    for row, alignments in evaluation.rows.items():
        cells = [_number(alignments[alignment][metric].mean, _DIGITS.get(metric, 2)) for metric in MAIN_COLUMNS]
        lines.append(_line([ROW_NAMES[row], *cells]))
    return lines


def _extended(evaluation: Evaluation) -> list[str]:
    lines = _head(["", *EXTENDED_COLUMNS.values(), "Frechet (%iod)^2"])
    for row, alignments in evaluation.rows.items():
        scores = alignments[EXTENDED_ALIGNMENT]
        cells = [_number(scores[metric].mean, _DIGITS.get(metric, 2)) for metric in EXTENDED_COLUMNS]
        lines.append(_line([ROW_NAMES[row], *cells, _number(evaluation.frechet[row], 1)]))
    return lines


def _improvements(evaluation: Evaluation) -> list[str]:
    lines = _head(["", *(f"{metric} {alignment}" for alignment in ALIGNMENTS for metric in IMPROVEMENTS)])
    for row, table in evaluation.improvement_percent.items():
        cells = [_number(table[alignment][metric].mean, 1) for alignment in ALIGNMENTS for metric in IMPROVEMENTS]
        lines.append(_line([ROW_NAMES[row], *cells]))
    return lines


def _intervals(evaluation: Evaluation) -> list[str]:
    lines = _head(["", *ALIGNMENTS, "unit", "left out"])
    for metric in INTERVAL_METRICS:
        summaries = [evaluation.rows[MODEL][alignment][metric] for alignment in ALIGNMENTS]
        digits = _DIGITS.get(metric, 2)
        cells = [
            f"{_number(one.mean, digits)} [{_number(one.low, digits)}, {_number(one.high, digits)}]"
            for one in summaries
        ]
        lines.append(_line([metric, *cells, METRICS[metric].unit, str(max(one.undefined for one in summaries))]))
    silence = evaluation.silence_ratio[MODEL]
    text = f"{_number(silence.mean, 2)} [{_number(silence.low, 2)}, {_number(silence.high, 2)}]"
    lines.append(_line(["silence_speed over the target's", "", "", text, "", str(silence.undefined)]))
    return lines


def _legend(evaluation: Evaluation) -> list[str]:
    lines = ["- Means of the speakers' means; pixels of the 256 x 256 crop, 30 frames a second."]
    lines += [f"- Intervals: {evaluation.interval}."]
    lines += ["- Clips in which a score is undefined are left out of its mean (a motionless mouth has no correlation)."]
    shown = [*MAIN_COLUMNS, *EXTENDED_COLUMNS]
    lines += [f"- {METRICS[metric].meaning}: `{metric}`" + _unit(metric) for metric in shown]
    lines.append(
        "- squared Frechet distance of mouth positions and velocities, pooled over clips: `Frechet`, (% iod)^2; "
        f"undefined under {MIN_FRAMES} frames."
    )
    return lines


def _unit(metric: str) -> str:
    unit = METRICS[metric].unit
    return f", {unit}." if unit else "."


def _head(cells: list[str]) -> list[str]:
    return [_line(cells), _line(["---", *["---:"] * (len(cells) - 1)])]


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _number(value: float, digits: int) -> str:
    if math.isnan(value):
        return "-"
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text

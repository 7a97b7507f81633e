"""A predictor, and the sanity rows beside it, scored on prepared clips."""

from collections.abc import Callable, Iterable, Sequence

from kfusion.data.store import ClipStore
from kfusion.evaluation.alignment import ALIGNMENTS
from kfusion.evaluation.bootstrap import Summary, improvement_percent, method, ratio
from kfusion.evaluation.cases import Selection
from kfusion.evaluation.identity import FRAME_0, OTHER_MOMENT
from kfusion.evaluation.metrics import METRICS
from kfusion.evaluation.predictors import Predictor
from kfusion.evaluation.result import Evaluation, Scored, Table
from kfusion.evaluation.rows import Row, Undefined, make_row
from kfusion.evaluation.sanity import MODEL, REFERENCES, TARGET
from kfusion.evaluation.scoring import score_rows

ROWS = (MODEL, *REFERENCES, TARGET)
"""The rows of every evaluation, as far as they are defined on its clips."""
DISTANCES = tuple(name for name in METRICS if "-L" in name)
"""The scores whose improvement over other rows is reported."""


def evaluate(predictor: Predictor, stores: Sequence[ClipStore], selection: Selection) -> Evaluation:
    """All scores of a predictor and of the sanity rows: clip by clip, and over clips and speakers.

    Raises:
        InputError: the selection cannot be made or is empty, or the predictor does not fit the clips.
    """
    selection.clips(stores)
    asked = [make_row(name, stores, selection, predictor=predictor) for name in ROWS]
    scored = score_rows([row for row in asked if isinstance(row, Row)], stores, selection)
    return Evaluation(
        metric_version=scored.metric_version,
        kfusion_version=scored.kfusion_version,
        model_id=predictor.model_id,
        data_id=scored.data_id,
        data_sets=[store.root.resolve().name for store in stores],
        split=selection.split,
        speakers=sorted(set(scored.speakers)),
        identity=selection.identity,
        identities=scored.identities,
        interval=method(scored.speakers),
        notes=_notes(scored, [row for row in asked if isinstance(row, Undefined)]),
        rows=_table(scored.rows, METRICS, scored.summary),
        improvement_percent=_improvements(scored),
        silence_ratio=_silence_ratio(scored),
        frechet=scored.frechet,
        clips=scored.clips,
    )


def _table(rows: Iterable[str], metrics: Iterable[str], cell: Callable[[str, str, str], Summary]) -> Table:
    return {
        row: {alignment: {metric: cell(row, alignment, metric) for metric in metrics} for alignment in ALIGNMENTS}
        for row in rows
    }


def _improvements(scored: Scored) -> Table:
    speakers = scored.speakers

    def cell(row: str, alignment: str, metric: str) -> Summary:
        values, reference = (scored.values(which, alignment, metric) for which in (MODEL, row))
        return improvement_percent(values, reference, speakers)

    return _table([row for row in REFERENCES if row in scored.rows], DISTANCES, cell)


def _silence_ratio(scored: Scored) -> dict[str, Summary]:
    own, speakers = scored.values(TARGET, "frame", "silence_speed"), scored.speakers
    rows = [row for row in scored.rows if row != TARGET]
    return {row: ratio(scored.values(row, "frame", "silence_speed"), own, speakers) for row in rows}


def _notes(scored: Scored, missing: list[Undefined]) -> list[str]:
    notes, rules, count = [], scored.identities, len(scored.clips)
    if FRAME_0 in rules:
        notes.append(
            "identity frame-0: every clip is predicted on its own first frame, as in the paper's code; "
            "not comparable with other-clip"
        )
    if OTHER_MOMENT in rules:
        notes.append(
            f"{rules[OTHER_MOMENT]} of {count} clips are the only one of their speaker: identity from the "
            "last third, scored on the first two thirds"
        )
    notes += [f"no {row.name} row: {row.reason}" for row in missing]
    silent = sum(clip.silent_frames >= 2 for clip in scored.clips)
    return [*notes, f"{silent} of {count} clips hold a silence of at least 0.2 s"]

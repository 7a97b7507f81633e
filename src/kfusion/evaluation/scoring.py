"""Rows scored on a selection of clips, and a model beside the sanity rows."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from kfusion import __version__
from kfusion.data.store import ClipStore
from kfusion.evaluation.alignment import ALIGNMENTS, EXPRESSION, AlignedPair
from kfusion.evaluation.bootstrap import Summary, improvement_percent, method, ratio, summarise
from kfusion.evaluation.cases import Case, Selection, clip_name
from kfusion.evaluation.compensation import COMPENSATED, Compensation
from kfusion.evaluation.identity_rules import FRAME_0, OTHER_MOMENT
from kfusion.evaluation.metrics.catalogue import COMPARABLE, FPS, METRIC_VERSION, METRICS, clip_metrics
from kfusion.evaluation.metrics.distribution import Cloud, frechet_distance, mouth_vectors
from kfusion.evaluation.predictors import Predictor
from kfusion.evaluation.sanity_rows import (
    MODEL,
    REFERENCES,
    ROWS,
    SHUFFLED,
    SHUFFLED_EMOTION,
    TARGET,
    RowRequest,
    ScoredRow,
    UndefinedRow,
    make_row,
)
from kfusion.evaluation.score_sheet import ClipScores, Evaluation, FaceExample, Scores, ScoreSheet, Table
from kfusion.landmarks import Points

DIGEST_PX = 0.01
DISTANCES = tuple(name for name in METRICS if "-L" in name)
"""The scores whose improvement over other rows is reported."""


def evaluate(predictor: Predictor, stores: Sequence[ClipStore], selection: Selection) -> Evaluation:
    """All scores of a predictor and of the sanity rows: clip by clip, and over clips and speakers.

    Raises:
        InputError: the selection cannot be made or is empty, or the predictor does not fit the clips.
    """
    selection.clips(stores)
    request = RowRequest(stores=stores, selection=selection, train=stores, predictor=predictor)
    asked = [make_row(name, request) for name in ROWS]
    sheet = score_rows([row for row in asked if isinstance(row, ScoredRow)], stores, selection)
    return Evaluation(
        **{one.name: getattr(sheet, one.name) for one in fields(sheet)},
        model_id=predictor.model_id,
        data_sets=[store.root.resolve().name for store in stores],
        interval=method(sheet.clip_speakers),
        notes=_notes(sheet, [row for row in asked if isinstance(row, UndefinedRow)]),
        rows=_make_table(sheet.row_names, METRICS, sheet.summary),
        improvement_percent=_improvements(sheet),
        silence_ratio=_silence_ratio(sheet),
        compensated={
            row: {name: compensated_summary(sheet, row, name) for name in COMPENSATED} for row in sheet.row_names
        },
    )


def score_rows(rows: Sequence[ScoredRow], stores: Sequence[ClipStore], selection: Selection) -> ScoreSheet:
    """The scores of rows on the selected clips; nothing but these rows is computed.

    Raises:
        InputError: the selection cannot be made or is empty, or a predictor does not fit the clips.
    """
    clips = selection.clips(stores)
    digest, results, compensation = hashlib.sha256(), [], Compensation(clips)
    mouths = {row.name: (Cloud(), Cloud()) for row in rows}
    shown = tqdm(clips, desc="evaluate", unit="clip", disable=None)
    for case in selection.cases(stores, shown):
        pairs = {row.name: _pairs(case, row, mouths[row.name]) for row in rows}
        compensation.add(case, {row: by_alignment[EXPRESSION] for row, by_alignment in pairs.items()})
        results.append(_clip_scores(case, rows, pairs))
        digest.update(f"{case.name} {len(case.target)}{case.clip.moved}\n".encode() + landmark_bytes(case.target))
    return ScoreSheet(
        metric_version=METRIC_VERSION,
        kfusion_version=__version__,
        data_id=digest.hexdigest()[:16],
        split=selection.split,
        identity=selection.identity,
        clips=[
            replace(scored, compensated=compensation.scores.get(clip_name(clip)))
            for clip, scored in zip(clips, results, strict=True)
        ],
        shifts_ms=compensation.shifts_ms,
        frechet={row: frechet_distance(*clouds) for row, clouds in mouths.items()},
    )


def compensated_summary(sheet: ScoreSheet, row: str, metric: str) -> Summary:
    """A score over clips and speakers with the clocks compensated."""
    return summarise(sheet.compensated_values(row, metric), sheet.clip_speakers)


def find_sheet(folder: Path, data_id: str, row: str) -> ScoreSheet | None:
    """The first of the JSON files in `folder` that holds `row` scored on these very clips with comparable metrics.

    Raises:
        InputError: a file is no such JSON.
    """
    for path in sorted(folder.glob("*.json")):
        found = ScoreSheet.load(path)
        if found.data_id == data_id and found.metric_version in COMPARABLE and row in found.row_names:
            return found
    return None


def landmark_bytes(points: Points) -> bytes:
    """What identifies landmarks to 0.01 px, for a hash."""
    return np.round(points / DIGEST_PX).astype("<i4").tobytes()


def example_of(case: Case, drawn: Points) -> FaceExample:
    """What a row says of a case, in a few frames evenly spread over the part with sound."""
    pair, shown = case.aligned(drawn, EXPRESSION), case.shown_frames
    return FaceExample(
        clip_id=case.clip.clip_id,
        inter_ocular_px=case.inter_ocular_px,
        times_s=[frame / FPS for frame in shown],
        target=_tenths(pair.target[shown]),
        predicted=_tenths(pair.predicted[shown]),
    )


def _tenths(points: Points) -> list[list[float]]:
    return [[round(float(value), 1) for value in face.ravel()] for face in points]


def _pairs(case: Case, row: ScoredRow, mouths: tuple[Cloud, Cloud]) -> dict[str, AlignedPair]:
    """By alignment; `mouths` are those of the row and of the target in the clips so far, this one is added."""
    drawn = row.draw(case)
    pairs = {alignment: case.aligned(drawn, alignment) for alignment in ALIGNMENTS}
    pair, identity = pairs[EXPRESSION], case.still_identity
    for cloud, points in zip(mouths, (pair.predicted, pair.target), strict=True):
        cloud.add(mouth_vectors(points, identity, case.inter_ocular_px))
    return pairs


def _clip_scores(case: Case, rows: Sequence[ScoredRow], pairs: dict[str, dict[str, AlignedPair]]) -> ClipScores:
    scores: dict[str, dict[str, Scores]] = {
        row: {alignment: clip_metrics(pair) for alignment, pair in by_alignment.items()}
        for row, by_alignment in pairs.items()
    }
    clip, identity = case.clip, case.identity
    donors = {row.name: row.donors.get(case.name) for row in rows}
    return ClipScores(
        clip_id=clip.clip_id,
        corpus=clip.corpus,
        speaker=clip.speaker,
        frames=len(case.target),
        silent_frames=int(case.silent.sum()),
        identity_clip=identity.clip_id,
        identity_frame=identity.frame,
        identity_rule=identity.rule,
        audio_from=donors.get(SHUFFLED),
        emotion_from=donors.get(SHUFFLED_EMOTION),
        scores=scores,
    )


def _make_table(rows: Iterable[str], metrics: Iterable[str], cell: Callable[[str, str, str], Summary]) -> Table:
    return {
        row: {alignment: {metric: cell(row, alignment, metric) for metric in metrics} for alignment in ALIGNMENTS}
        for row in rows
    }


def _improvements(sheet: ScoreSheet) -> Table:
    speakers = sheet.clip_speakers

    def cell(row: str, alignment: str, metric: str) -> Summary:
        values, reference = (sheet.values(which, alignment, metric) for which in (MODEL, row))
        return improvement_percent(values, reference, speakers)

    return _make_table([row for row in REFERENCES if row in sheet.row_names], DISTANCES, cell)


def _silence_ratio(sheet: ScoreSheet) -> dict[str, Summary]:
    speeds = {row: sheet.values(row, EXPRESSION, "silence_speed") for row in sheet.row_names}
    own = speeds.pop(TARGET)
    return {row: ratio(values, own, sheet.clip_speakers) for row, values in speeds.items()}


def _notes(sheet: ScoreSheet, missing: list[UndefinedRow]) -> list[str]:
    notes, rules, count = [], sheet.identities, len(sheet.clips)
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
    silent = sum(clip.silent_frames >= 2 for clip in sheet.clips)
    return [*notes, f"{silent} of {count} clips hold a silence of at least 0.2 s"]

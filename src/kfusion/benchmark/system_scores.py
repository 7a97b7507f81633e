"""A system on one test set, shortened to what the record of a run keeps."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kfusion.benchmark.protocol_data import OpenTest
from kfusion.benchmark.run_record import TestScores
from kfusion.data.store import ClipStore
from kfusion.evaluation.alignment import ALIGNMENTS
from kfusion.evaluation.bootstrap import Interval
from kfusion.evaluation.compensation import COMPENSATED
from kfusion.evaluation.metrics.catalogue import CHANGED_IN, METRICS
from kfusion.evaluation.predictors import load_predictor
from kfusion.evaluation.sanity_rows import NOISE_FLOOR, RowRequest, UndefinedRow, make_row
from kfusion.evaluation.score_sheet import FaceExample, ScoreSheet
from kfusion.evaluation.scoring import compensated_summary, example_of, find_sheet, score_rows

KEPT_ALIGNMENTS = ("frame", "clip")
KEPT = ("M-LD", "M-LVD", "F-LD", "F-LVD", "opening_correlation")
"""What is kept clip by clip."""

NOT_SHOWN = frozenset({"ravdess"})
"""Corpora whose licence goes along with their faces: records of them keep scores alone."""


def noise_floor_folder(results: Path) -> Path:
    """Where `benchmarks/noise_floor.py` is to leave its JSONs."""
    return results.parent / "noise_floor"


def score(row: str, model: str | Path | None, opened: OpenTest, train: Sequence[ClipStore]) -> TestScores | None:
    """The scores of the sanity row `row` or of `model`; None where there is no such row on these clips.

    Args:
        row: its name, as in `kfusion.evaluation.sanity_rows`.
        model: what it asks, if anything: a checkpoint, or `default` for the packaged weights.
        opened: the test set.
        train: what the mean motion is taken from.

    Raises:
        InputError: the network does not fit the clips.
    """
    predictor, stores, selection = None if model is None else load_predictor(model), [opened.store], opened.selection
    made = make_row(row, RowRequest(stores=stores, selection=selection, train=train, predictor=predictor))
    if isinstance(made, UndefinedRow):
        return None
    clips = selection.clips(stores)
    shown = next(selection.cases(stores, [clips[len(clips) // 2]]))  # the middle one, whatever its errors
    example = None if shown.clip.corpus in NOT_SHOWN else example_of(shown, made.draw(shown))
    return shortened(score_rows([made], stores, selection), row, example)


def noise_floor(folder: Path, opened: OpenTest) -> TestScores | None:
    """The extractor's noise floor on a test set, from a JSON in `folder`; None where it was not measured."""
    found = find_sheet(folder, score_rows([], [opened.store], opened.selection).data_id, NOISE_FLOOR)
    return None if found is None else shortened(found, NOISE_FLOOR, None)


def _interval(sheet: ScoreSheet, row: str, alignment: str, metric: str) -> Interval:
    """A score over clips and speakers; undefined where the sheet is older than what the score is now."""
    if sheet.metric_version < CHANGED_IN.get(metric, 0):
        return Interval(math.nan, math.nan, math.nan)
    return sheet.summary(row, alignment, metric).interval


def shortened(sheet: ScoreSheet, row: str, example: FaceExample | None) -> TestScores:
    """A row of a score sheet."""
    return TestScores(
        data_id=sheet.data_id,
        identities=sheet.identities,
        clips=[clip.clip_id for clip in sheet.clips],
        speakers=sheet.clip_speakers,
        summaries={
            alignment: {metric: _interval(sheet, row, alignment, metric) for metric in METRICS}
            for alignment in ALIGNMENTS
        },
        per_clip={
            alignment: {metric: sheet.values(row, alignment, metric).tolist() for metric in KEPT}
            for alignment in KEPT_ALIGNMENTS
        },
        frechet=sheet.frechet.get(row, math.nan),
        example=example,
        **_compensated(sheet, row),
    )


def _compensated(sheet: ScoreSheet, row: str) -> dict[str, Any]:
    """What a row scores with the clocks compensated; nothing of a sheet that is older than that."""
    if sheet.shifts_ms is None:
        return {}
    return {
        "shifts_ms": sheet.shifts_ms[row],
        "compensated": {metric: compensated_summary(sheet, row, metric).interval for metric in COMPENSATED},
        "compensated_per_clip": {metric: sheet.compensated_values(row, metric).tolist() for metric in KEPT},
    }

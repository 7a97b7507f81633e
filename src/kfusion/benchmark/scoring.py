"""One row on one test set."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kfusion.benchmark.data import OpenTest
from kfusion.benchmark.result import Example, Summary, TestResult
from kfusion.data.store import ClipStore
from kfusion.evaluation.alignment import ALIGNMENTS, align
from kfusion.evaluation.cases import Case
from kfusion.evaluation.metrics import FPS, METRICS, mean_inter_ocular
from kfusion.evaluation.predictors import load_predictor
from kfusion.evaluation.result import Scored
from kfusion.evaluation.rows import Undefined, make_row
from kfusion.evaluation.sanity import NOISE_FLOOR
from kfusion.evaluation.scoring import find_scored, score_rows
from kfusion.landmarks import Points

KEPT_ALIGNMENTS = ("frame", "clip")
KEPT = ("M-LD", "M-LVD", "F-LD", "F-LVD", "opening_correlation")
"""What is kept clip by clip."""
FACES = 6
"""Frames of the example."""


def noise_floor_folder(results: Path) -> Path:
    """Where `benchmarks/noise_floor.py` is to leave its JSONs."""
    return results.parent / "noise_floor"


def score(name: str, model: str | Path | None, opened: OpenTest, train: Sequence[ClipStore]) -> TestResult | None:
    """The scores of a row, the sanity row `name` or `model`; None where there is no such row on these clips.

    Args:
        name: of the row, as in `kfusion.evaluation.sanity`.
        model: what it asks, if anything: a checkpoint, or `default` for the packaged weights.
        opened: the test set.
        train: what the mean motion is taken from.

    Raises:
        InputError: the network does not fit the clips.
    """
    predictor, stores = None if model is None else load_predictor(model), [opened.store]
    row = make_row(name, stores, opened.selection, predictor=predictor, train=train)
    if isinstance(row, Undefined):
        return None
    examples, shown = [], _shown_clip(opened)

    def seen(case: Case, drawn: dict[str, Points]) -> None:
        if case.clip.clip_id == shown:
            examples.append(_example(case, drawn[name]))

    return _compact(score_rows([row], stores, opened.selection, seen=seen), name, examples[0])


def noise_floor(folder: Path, opened: OpenTest) -> TestResult | None:
    """The extractor's noise floor on a test set, from a JSON in `folder`; None where it was not measured."""
    found = find_scored(folder, score_rows([], [opened.store], opened.selection).data_id, NOISE_FLOOR)
    return None if found is None else _compact(found, NOISE_FLOOR, None)


def _shown_clip(opened: OpenTest) -> str:
    """The clip of the figure: the middle one, whatever its errors."""
    clips = opened.selection.clips([opened.store])
    return clips[len(clips) // 2].clip_id


def _compact(found: Scored, row: str, example: Example | None) -> TestResult:
    return TestResult(
        data_id=found.data_id,
        identities=found.identities,
        clips=[clip.clip_id for clip in found.clips],
        speakers=found.speakers,
        summaries={
            alignment: {metric: _summary(found, row, alignment, metric) for metric in METRICS}
            for alignment in ALIGNMENTS
        },
        per_clip={
            alignment: {metric: found.values(row, alignment, metric).tolist() for metric in KEPT}
            for alignment in KEPT_ALIGNMENTS
        },
        frechet=found.frechet.get(row, math.nan),
        example=example,
    )


def _summary(found: Scored, row: str, alignment: str, metric: str) -> Summary:
    summary = found.summary(row, alignment, metric)
    return summary.mean, summary.low, summary.high


def _example(case: Case, predicted: Points) -> Example:
    """Frames evenly spread over the part with sound, head motion taken out."""
    ours, theirs = align("frame", predicted, case.target)
    heard = np.flatnonzero(~case.silent)
    first, last = (heard[0], heard[-1]) if len(heard) >= FACES else (0, len(theirs) - 1)
    shown = np.linspace(first, last, FACES).round().astype(int)
    return Example(
        clip_id=case.clip.clip_id,
        inter_ocular_px=mean_inter_ocular(case.target),
        times_s=[float(frame / FPS) for frame in shown],
        target=_rounded(theirs[shown]),
        predicted=_rounded(ours[shown]),
    )


def _rounded(points: Points) -> list[list[float]]:
    return [[round(float(value), 1) for value in face.ravel()] for face in points]

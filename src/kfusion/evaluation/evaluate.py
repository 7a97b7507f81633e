"""A predictor, and the sanity rows beside it, scored on prepared clips."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from tqdm import tqdm

from kfusion import __version__
from kfusion.data.store import ClipStore, StoredClip
from kfusion.evaluation.alignment import ALIGNMENTS, align
from kfusion.evaluation.bootstrap import Summary, Values, improvement_percent, method, ratio, summarise
from kfusion.evaluation.cases import Case, Selection
from kfusion.evaluation.identity import FRAME_0, OTHER_MOMENT
from kfusion.evaluation.metrics import METRIC_VERSION, METRICS, clip_metrics, mean_inter_ocular
from kfusion.evaluation.predictors import Predictor
from kfusion.evaluation.result import ClipResult, Evaluation, Scores, Table
from kfusion.evaluation.sanity import (
    HOLD,
    MEAN_MOTION,
    MEDIAN_FACE,
    MODEL,
    REFERENCES,
    SHUFFLED,
    TARGET,
    derangement,
    mean_displacement,
)
from kfusion.landmarks import Points

DISTANCES = tuple(name for name in METRICS if "-L" in name)
"""The scores whose improvement over other rows is reported."""
DIGEST_PX = 0.01


def evaluate(predictor: Predictor, stores: Sequence[ClipStore], selection: Selection) -> Evaluation:
    """All scores of a predictor and of the sanity rows: clip by clip, and over clips and speakers.

    Raises:
        InputError: the selection cannot be made or is empty, or the predictor does not fit the clips.
    """
    clips = selection.clips(stores)
    displacement = mean_displacement(stores, selection.identity)
    donors = _donors(clips)
    digest, results = hashlib.sha256(), []
    shown = tqdm(clips, desc="evaluate", unit="clip", disable=None)
    for case, donor in zip(selection.cases(stores, shown), donors, strict=True):
        results.append(_score(case, _rows(case, predictor, displacement, donor), donor))
        digest.update(f"{case.name} {len(case.target)}\n".encode())
        digest.update(np.round(case.target / DIGEST_PX).astype("<i4").tobytes())
    speakers = [f"{clip.corpus}/{clip.speaker}" for clip in results]

    def cell(row: str, alignment: str, metric: str) -> Summary:
        return summarise(_values(results, row, alignment, metric), speakers)

    return Evaluation(
        metric_version=METRIC_VERSION,
        kfusion_version=__version__,
        model_id=predictor.model_id,
        data_id=digest.hexdigest()[:16],
        data_sets=[store.root.resolve().name for store in stores],
        split=selection.split,
        speakers=sorted(set(speakers)),
        identity=selection.identity,
        identities=dict(Counter(clip.identity_rule for clip in results)),
        interval=method(speakers),
        notes=_notes(results),
        rows=_table(results[0].scores, METRICS, cell),
        improvement_percent=_improvements(results, speakers),
        silence_ratio=_silence_ratio(results, speakers),
        clips=results,
    )


def _donors(clips: list[StoredClip]) -> list[StoredClip | None]:
    """Whose sound the shuffled row listens to, for each clip; a single clip has none."""
    if len(clips) < 2:
        return [None] * len(clips)
    return [clips[index] for index in derangement([f"{clip.corpus}/{clip.clip_id}" for clip in clips])]


def _rows(case: Case, predictor: Predictor, displacement: Points | None, donor: StoredClip | None) -> dict[str, Points]:
    """What each row says the scored frames look like, (frames, 68, 2) in crop pixels."""
    identity = case.identity
    rows = {MODEL: case.predict(predictor), HOLD: case.hold(identity.points)}
    if identity.median is not None:
        rows[MEDIAN_FACE] = case.hold(identity.median)
    if displacement is not None:
        rows[MEAN_MOTION] = case.hold(identity.place(identity.unit + displacement))
    if donor is not None:
        rows[SHUFFLED] = case.predict(predictor, donor.samples())
    return rows | {TARGET: case.target}


def _score(case: Case, rows: dict[str, Points], donor: StoredClip | None) -> ClipResult:
    clip, identity = case.clip, case.identity
    return ClipResult(
        clip_id=clip.clip_id,
        corpus=clip.corpus,
        speaker=clip.speaker,
        frames=len(case.target),
        silent_frames=int(case.silent.sum()),
        identity_clip=identity.clip_id,
        identity_frame=identity.frame,
        identity_rule=identity.rule,
        audio_from=None if donor is None else donor.clip_id,
        scores={
            row: {alignment: _aligned_scores(alignment, points, case) for alignment in ALIGNMENTS}
            for row, points in rows.items()
        },
    )


def _aligned_scores(alignment: str, points: Points, case: Case) -> Scores:
    predicted, target = align(alignment, points, case.target)
    return clip_metrics(predicted, target, inter_ocular_px=mean_inter_ocular(case.target), silent=case.silent)


def _values(results: list[ClipResult], row: str, alignment: str, metric: str) -> Values:
    return np.array([clip.scores[row][alignment][metric] for clip in results])


def _table(rows: Iterable[str], metrics: Iterable[str], cell: Callable[[str, str, str], Summary]) -> Table:
    return {
        row: {alignment: {metric: cell(row, alignment, metric) for metric in metrics} for alignment in ALIGNMENTS}
        for row in rows
    }


def _improvements(results: list[ClipResult], speakers: list[str]) -> Table:
    def cell(row: str, alignment: str, metric: str) -> Summary:
        values, reference = (_values(results, which, alignment, metric) for which in (MODEL, row))
        return improvement_percent(values, reference, speakers)

    return _table([row for row in REFERENCES if row in results[0].scores], DISTANCES, cell)


def _silence_ratio(results: list[ClipResult], speakers: list[str]) -> dict[str, Summary]:
    own = _values(results, TARGET, "frame", "silence_speed")
    rows = [row for row in results[0].scores if row != TARGET]
    return {row: ratio(_values(results, row, "frame", "silence_speed"), own, speakers) for row in rows}


def _notes(results: list[ClipResult]) -> list[str]:
    notes, rules = [], Counter(clip.identity_rule for clip in results)
    if rules[FRAME_0]:
        notes.append(
            "identity frame-0: every clip is predicted on its own first frame, as in the paper's code; "
            "not comparable with other-clip"
        )
    if rules[OTHER_MOMENT]:
        notes.append(
            f"{rules[OTHER_MOMENT]} of {len(results)} clips are the only one of their speaker: identity from the "
            "last third, scored on the first two thirds"
        )
    if MEAN_MOTION not in results[0].scores:
        notes.append("no mean-motion row: none of the data sets has a training split")
    if SHUFFLED not in results[0].scores:
        notes.append("no shuffled-audio row: a single clip was evaluated")
    silent = sum(clip.silent_frames >= 2 for clip in results)
    return [*notes, f"{silent} of {len(results)} clips hold a silence of at least 0.2 s"]

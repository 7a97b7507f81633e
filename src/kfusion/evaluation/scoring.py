"""Rows scored on a selection of clips: the work behind `evaluate` and behind a single row of a benchmark."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from kfusion import __version__
from kfusion.data.store import ClipStore
from kfusion.evaluation.alignment import ALIGNMENTS, align, median_face
from kfusion.evaluation.cases import Case, Selection
from kfusion.evaluation.frechet import Cloud, frechet_distance, mouth_vectors
from kfusion.evaluation.metrics import METRIC_VERSION, clip_metrics, mean_inter_ocular
from kfusion.evaluation.result import ClipResult, Scored, Scores
from kfusion.evaluation.rows import Row
from kfusion.evaluation.sanity import SHUFFLED, SHUFFLED_EMOTION
from kfusion.landmarks import Points, remove_head_motion

DIGEST_PX = 0.01
FRECHET_ALIGNMENT = "frame"

Seen = Callable[[Case, dict[str, Points]], None]
"""Told of each clip and of what every row says of it: (frames, 68, 2), crop pixels."""


def score_rows(
    rows: Sequence[Row], stores: Sequence[ClipStore], selection: Selection, *, seen: Seen | None = None
) -> Scored:
    """The scores of rows on the selected clips; nothing but these rows is computed.

    Raises:
        InputError: the selection cannot be made or is empty, or a predictor does not fit the clips.
    """
    clips = selection.clips(stores)
    digest, results, clouds = hashlib.sha256(), [], _Clouds()
    shown = tqdm(clips, desc="evaluate", unit="clip", disable=None)
    for case in selection.cases(stores, shown):
        drawn = {row.name: row.draw(case) for row in rows}
        results.append(_clip_result(case, rows, {name: _scores(case, name, drawn[name], clouds) for name in drawn}))
        _update(digest, case)
        if seen is not None:
            seen(case, drawn)
    return Scored(
        metric_version=METRIC_VERSION,
        kfusion_version=__version__,
        data_id=digest.hexdigest()[:16],
        split=selection.split,
        identity=selection.identity,
        clips=results,
        frechet=clouds.distances(),
    )


def find_scored(folder: Path, data_id: str, row: str) -> Scored | None:
    """The first of the JSON files in `folder` that holds `row` scored on these very clips with these metrics.

    Raises:
        InputError: a file is no such JSON.
    """
    for path in sorted(folder.glob("*.json")):
        found = Scored.load(path)
        if found.data_id == data_id and found.metric_version == METRIC_VERSION and row in found.rows:
            return found
    return None


class _Clouds:
    """The mouth vectors of every row and of the target, pooled over clips."""

    def __init__(self) -> None:
        self._pairs: dict[str, tuple[Cloud, Cloud]] = {}

    def add(self, row: str, case: Case, predicted: Points, target: Points) -> None:
        """Count in a clip; both (T, 68, 2), without the head's motion."""
        identity = remove_head_motion(case.identity.points[None], median_face(case.target))[0]
        inter_ocular_px = mean_inter_ocular(case.target)
        for cloud, points in zip(self._pairs.setdefault(row, (Cloud(), Cloud())), (predicted, target), strict=True):
            cloud.add(mouth_vectors(points, identity, inter_ocular_px))

    def distances(self) -> dict[str, float]:
        """By row."""
        return {row: frechet_distance(*pair) for row, pair in self._pairs.items()}


def _scores(case: Case, row: str, drawn: Points, clouds: _Clouds) -> dict[str, Scores]:
    found, inter_ocular_px = {}, mean_inter_ocular(case.target)
    for alignment in ALIGNMENTS:
        predicted, target = align(alignment, drawn, case.target)
        found[alignment] = clip_metrics(predicted, target, inter_ocular_px=inter_ocular_px, silent=case.silent)
        if alignment == FRECHET_ALIGNMENT:
            clouds.add(row, case, predicted, target)
    return found


def _clip_result(case: Case, rows: Sequence[Row], scores: dict[str, dict[str, Scores]]) -> ClipResult:
    clip, identity = case.clip, case.identity
    donors = {row.name: row.donors.get(case.name) for row in rows}
    return ClipResult(
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


def _update(digest: "hashlib._Hash", case: Case) -> None:
    digest.update(f"{case.name} {len(case.target)}\n".encode())
    digest.update(np.round(case.target / DIGEST_PX).astype("<i4").tobytes())

"""The same scores with each speaker's clock compensated, so that a corpus's clock is no fault of a network.

In many recordings sound and picture do not have the same clock. For every row and every speaker the prediction is
shown earlier or later, by at most 120 ms in steps of 10 ms, as agrees best with the speaker's clips: the shift with
the highest mean mouth-opening correlation over them, of equals the smallest. What a row says of all of the
speaker's clips is then shifted by it, cubic between frames, and scored anew where both are there. Every row is given
its own shift, so a row gains by it even where the clock is right; shuffled audio shows how much.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from kfusion.data.store import StoredClip
from kfusion.evaluation.alignment import AlignedPair
from kfusion.evaluation.cases import Case
from kfusion.evaluation.identity_rules import speaker_of
from kfusion.evaluation.metrics.catalogue import FPS, METRICS
from kfusion.evaluation.metrics.timing import opening_correlation

REACH_MS, STEP_MS = 120, 10
SHIFTS_MS = sorted(range(-REACH_MS, REACH_MS + 1, STEP_MS), key=abs)
"""Positive: the prediction is shown later. The smallest first."""
COMPENSATED = (
    "M-LD", "M-LVD", "F-LD", "F-LVD", "M-LD-iod", "F-LD-iod", "opening_correlation", "motion_ratio", "closure_f1",
)  # fmt: skip
"""The scores that are given anew, alignment `frame`."""
MIN_SHIFTED_FRAMES = 12
"""A shorter clip stays where it is."""

Shifts = dict[str, dict[str, float]]
"""Row, speaker -> ms."""


class Compensation:
    """Gathers the clips of a speaker; when the last one has come its clocks are found and its clips scored anew.

    Args:
        clips: all that will come.
    """

    def __init__(self, clips: Sequence[StoredClip]) -> None:
        self._waited_for = Counter(speaker_of(clip) for clip in clips)
        self._pairs: dict[str, dict[str, dict[str, AlignedPair]]] = {}
        self.shifts_ms: Shifts = {}
        self.scores: dict[str, dict[str, dict[str, float]]] = {}
        """Clip (by `Case.name`), row -> scores."""

    def add(self, case: Case, pairs: dict[str, AlignedPair]) -> None:
        """What every row says of a clip."""
        gathered = self._pairs.setdefault(case.speaker, {})
        for row, pair in pairs.items():
            gathered.setdefault(row, {})[case.name] = pair
        self._waited_for[case.speaker] -= 1
        if not self._waited_for[case.speaker]:
            self._finish(case.speaker)

    def _finish(self, speaker: str) -> None:
        for row, pairs in self._pairs.pop(speaker).items():
            shift = best_shift_ms(list(pairs.values()))
            self.shifts_ms.setdefault(row, {})[speaker] = shift
            for clip, pair in pairs.items():
                moved = in_time(pair, shift)
                scores = {name: METRICS[name].measure(moved) for name in COMPENSATED}
                self.scores.setdefault(clip, {})[row] = scores


def best_shift_ms(pairs: Sequence[AlignedPair]) -> float:
    """The shift at which the mouth opens most nearly as in the targets, by the mean over clips whose target moves."""
    found = np.array([_correlations(pair) for pair in pairs if len(pair.target) >= MIN_SHIFTED_FRAMES])
    moving = found[~np.isnan(found).any(axis=1)] if len(found) else found
    return float(SHIFTS_MS[int(moving.mean(axis=0).argmax())]) if len(moving) else 0.0


def in_time(pair: AlignedPair, shift_ms: float) -> AlignedPair:
    """The prediction shown `shift_ms` later, over the frames where both are there."""
    if not shift_ms or len(pair.target) < MIN_SHIFTED_FRAMES:
        return pair
    kept, places = _overlap(len(pair.target), shift_ms)
    moved = CubicSpline(np.arange(len(pair.predicted)), pair.predicted)(places).astype(np.float32)
    return replace(pair, predicted=moved, target=pair.target[kept], silent=pair.silent[kept])


def _correlations(pair: AlignedPair) -> list[float]:
    """Of the mouth openings at every shift."""
    ours, theirs = pair.openings
    between, found = CubicSpline(np.arange(len(ours)), ours), []
    for shift in SHIFTS_MS:
        kept, places = _overlap(len(theirs), shift)
        found.append(opening_correlation(between(places), theirs[kept]))
    return found


def _overlap(frames: int, shift_ms: float) -> tuple[slice, NDArray[np.float64]]:
    """The target's frames that a shifted prediction reaches, and where in the prediction they are."""
    shift = round(shift_ms * FPS / 1000, 6)
    first, end = max(0, math.ceil(shift)), frames - max(0, math.ceil(-shift))
    return slice(first, end), np.arange(first, end, dtype=np.float64) - shift

"""How late the sound of a talking face is: the motion that the sound lets expect against the motion that is seen.

Both are seven distances and heights of the mouth, as velocities at 100 Hz. For every shift of the sound the share of
the seen motion that the expected one explains (the mean of r |r| over the seven) is held against that of all others.
The interval is a bootstrap over segments, widened by what the network is off for a voice that it has never heard.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kfusion.landmarks import Points, remove_head_motion, unit_frame

GRID_HZ = 100
REACH_MS = 500
"""Shifts to both sides that are looked at."""
SEGMENT_S = 0.25
LAG_MS, VOICE_SD_MS = 4.0, 9.7
"""What `kfusion-default-2` expects too early, and how far voices differ from that (standard deviation): GRID's clock is
right in the mean, and without a shift its own voice, s1, is found 2.1 ms late (validation), the 11 others 5.9 in the
mean: s26 14, s31 10, nine by a single clip each -18 to 20. The middle is taken off (`benchmarks/sync.py`)."""
MAX_WIDTH_MS = 60.0
MAX_RIVAL = 0.5
MIN_EXPLAINED, MIN_EXPLAINED_S = 0.03, 0.75
"""It cannot be told if the bootstrap's interval is wider, if a shift more than `_APART_MS` away explains more than this
share of what the best one explains, or if the best one explains less than this of the motion, or of so many seconds
(a quarter of three seconds: less fits by chance)."""
MIN_DRIFT_S = 600.0
"""Shorter recordings do not show a drift."""
RESAMPLES, SEED = 400, 0
_INTERVAL_PERCENT = (2.5, 97.5)
_APART_MS = 150.0
_STEP_MS = 1000 / GRID_HZ
_REACH = round(REACH_MS / _STEP_MS)
_SEGMENT = round(SEGMENT_S * GRID_HZ)
_MOST_GAP_S = 0.101
"""Between two pictures: across a longer one no motion was seen. Ten pictures a second are enough."""
_PIECE_S, _LEAST_PIECES = 15.0, 8
_PIECE = round(_PIECE_S * GRID_HZ)
_MOST_FROM_MEDIAN_MS = 200.0
_LEAST_KNOWN = 0.5
"""A shift that leaves less of the recording to be compared than this share is not looked at."""
_HOUR_S = 3600.0
_TOO_LITTLE = "too little speech, or too little of it is seen"
_INNER, _OUTER, _CHIN = ((62, 66), (60, 64)), ((51, 57), (48, 54)), 8

MouthVelocity = NDArray[np.float64]
"""Velocities (7, T) at 100 Hz, in eye distances a step; NaN where they are not known."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Drift:
    """How the lateness grows."""

    ms_per_hour: float
    low: float
    """Of the 95 % interval."""
    high: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Lateness:
    """How much later than the lips the sound comes, in ms; negative where it is early."""

    ms: float
    """With a drift: in the middle of the recording."""
    low: float
    """Of the 95 % interval."""
    high: float
    doubt: str = ""
    """Why it cannot be told; empty where it can."""
    drift: Drift | None = None
    """None where the recording is too short, or it cannot be told."""

    @property
    def is_certain(self) -> bool:
        """Whether it can be told."""
        return not self.doubt

    @property
    def is_off(self) -> bool:
        """Whether it is certain that sound and lips do not stand together."""
        return self.is_certain and not self.low <= 0 <= self.high


class Evidence(NamedTuple):
    """What segments of recordings say of every shift; more of it is joined by `pooled`."""

    sums: NDArray[np.float64]
    """(3, segments, 7, shifts): sums of products, of the squares of the expected and of the seen velocity."""
    known_s: NDArray[np.float64]
    """(segments, shifts), how much of it there is."""
    times_s: NDArray[np.float64]
    """(segments,), where they stand in the recording."""

    @property
    def most_known_s(self) -> float:
        """How much of the recordings there is for the shift that leaves most of them."""
        return float(self.known_s.sum(0).max())

    @property
    def whole(self) -> "Evidence":
        """The same as a single segment: of a clip whose parts are not independent of each other."""
        sums, known_s, times_s = self
        return Evidence(sums.sum(1, keepdims=True), known_s.sum(0, keepdims=True), times_s.mean(keepdims=True))

    def straightened(self, ms_per_hour: float) -> "Evidence":
        """As if the lateness did not drift; the middle stays."""
        late = ms_per_hour * (self.times_s - self.times_s.mean()) / _HOUR_S / _STEP_MS
        columns = np.arange(self.sums.shape[-1]) + late[:, None]
        places = np.rint(columns).astype(int).clip(0, self.sums.shape[-1] - 1)
        return self._replace(sums=np.take_along_axis(self.sums, places[None, :, None], axis=-1))


def pooled(evidence: Iterable[Evidence]) -> Evidence:
    """All of it together."""
    sums, known_s, times_s = zip(*evidence, strict=True)
    return Evidence(np.concatenate(sums, axis=1), np.concatenate(known_s), np.concatenate(times_s))


def mouth_motion(points: Points, times_s: NDArray[np.float64], count: int) -> MouthVelocity:
    """The velocities (7, count) of the mouth at n / 100 s.

    Args:
        points: (T, 68, 2), any frame; NaN where the face was not seen.
        times_s: when, (T,), rising.
        count: how many instants.
    """
    seen = ~np.isnan(points[:, 0, 0])
    instants = np.arange(count) / GRID_HZ
    if seen.sum() < 2:
        return np.full((7, count), np.nan)
    times_s, signals = times_s[seen], _signals(points[seen])
    motion: MouthVelocity = np.gradient(np.stack([np.interp(instants, times_s, signal) for signal in signals]), axis=1)
    after = np.searchsorted(times_s, instants).clip(1, len(times_s) - 1)
    unseen = (times_s[after] - times_s[after - 1] > _MOST_GAP_S) | (instants < times_s[0]) | (instants > times_s[-1])
    motion[:, unseen] = np.nan
    return motion


def _signals(points: Points) -> NDArray[np.float64]:
    """Openings and widths of the inner and the outer lip, heights of the chin and of both lips, (7, T)."""
    reference = np.median(points, axis=0).astype(np.float32)
    face = unit_frame(reference)(remove_head_motion(points, reference)).astype(np.float64)
    across = [np.linalg.norm(face[:, one] - face[:, other], axis=-1) for one, other in (*_INNER, *_OUTER)]
    return np.stack([*across, *(face[:, point, 1] for point in (_CHIN, _OUTER[0][0], _OUTER[0][1]))])


def compare(expected: MouthVelocity, seen: MouthVelocity, *, first: int = 0) -> Evidence:
    """What a stretch of a recording says of every shift of its sound.

    Args:
        expected: from the sound, (7, T'), from the start of the recording on.
        seen: (7, T).
        first: the instant of the recording at which `seen` begins.
    """
    starts = range(0, seen.shape[1], _PIECE)
    return pooled(_compare_piece(expected, seen[:, start : start + _PIECE], first + start) for start in starts)


def _compare_piece(expected: MouthVelocity, seen: MouthVelocity, first: int) -> Evidence:
    count = seen.shape[1]
    around = np.full((len(expected), count + 2 * _REACH), np.nan)
    low, high = first - _REACH, first + count + _REACH
    kept = expected[:, max(0, low) : max(0, high)]
    around[:, max(0, -low) : max(0, -low) + kept.shape[1]] = kept
    shifted = np.lib.stride_tricks.sliding_window_view(around, count, axis=1)  # (7, shifts, T): late by -reach .. reach
    starts = np.arange(0, count, _SEGMENT)
    known = ~(np.isnan(shifted) | np.isnan(seen[:, None]))
    a, b = np.where(known, shifted, 0), np.where(known, seen[:, None], 0)
    sums = np.stack([np.add.reduceat(part, starts, axis=-1) for part in (a * b, a * a, b * b)])
    known_s = np.add.reduceat(known.all(0), starts, axis=-1, dtype=float).T / GRID_HZ
    return Evidence(np.moveaxis(sums, -1, 1), known_s, (first + starts + _SEGMENT / 2) / GRID_HZ)


def estimate(evidence: Evidence, *, drifts: bool = False) -> Lateness:
    """The lateness that the evidence speaks for, or why it cannot be told; `drifts` looks whether it grows."""
    drift = _drift(evidence) if drifts else None
    steady = evidence if drift is None else evidence.straightened(drift.ms_per_hour)
    known_s = steady.known_s.sum(0)
    judged = known_s >= _LEAST_KNOWN * known_s.max()
    curve = _explained(steady.sums.sum(1)) * judged
    (ms,) = _peaks(curve[None])
    low, high = np.percentile(_peaks(_explained(_resampled(steady.sums)) * judged), _INTERVAL_PERCENT)
    doubt = _doubt(curve, ms, known_s) or _too_wide(high - low)
    voice = VOICE_SD_MS * 1.96
    return Lateness(
        ms=float(ms - LAG_MS),
        low=float(ms - LAG_MS - np.hypot(max(0.0, ms - low), voice)),
        high=float(ms - LAG_MS + np.hypot(max(0.0, high - ms), voice)),
        doubt=doubt,
        drift=None if doubt else drift,
    )


def _explained(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """The share of the motion that is explained at each shift, (..., shifts), of sums (3, ..., 7, shifts)."""
    products, expected, seen = sums
    power = expected * seen
    correlation = np.where(power > 0, products / np.sqrt(np.where(power > 0, power, 1)), 0)
    mean: NDArray[np.float64] = (correlation * np.abs(correlation)).mean(-2)
    return mean


def _peaks(curves: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where each curve (N, shifts) is highest, in ms, by the parabola through the peak and its neighbours."""
    rows, peak = np.arange(len(curves)), curves.argmax(-1)
    inner = peak.clip(1, curves.shape[-1] - 2)
    left, middle, right = (curves[rows, inner + step] for step in (-1, 0, 1))
    bend = left - 2 * middle + right
    top = np.where((bend < 0) & (inner == peak), 0.5 * (left - right) / np.where(bend < 0, bend, -1), 0)
    return np.asarray((peak + top - _REACH) * _STEP_MS, np.float64)


def _resampled(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums over draws of the segments, (3, RESAMPLES, 7, shifts)."""
    count = sums.shape[1]
    draws = np.random.default_rng(SEED).multinomial(count, np.full(count, 1 / count), size=RESAMPLES).astype(float)
    return np.stack([np.tensordot(draws, part, axes=1) for part in sums])


def _doubt(curve: NDArray[np.float64], ms: float, known_s: NDArray[np.float64]) -> str:
    """Why the peak of a curve is not believed; `known_s` is how much of the recording each shift is judged by."""
    peak = int(curve.argmax())
    shifts_ms = (np.arange(len(curve)) - _REACH) * _STEP_MS
    rival = curve[np.abs(shifts_ms - ms) > _APART_MS].max()
    if curve[peak] < MIN_EXPLAINED:
        return "the lips do not follow this sound"
    if abs(ms) > REACH_MS - _STEP_MS:
        return f"if they belong together, they are more than {REACH_MS} ms apart"
    if rival > MAX_RIVAL * curve[peak]:
        return "other shifts fit as well"
    if curve[peak] * known_s[peak] < MIN_EXPLAINED_S:
        return _TOO_LITTLE
    return ""


def _too_wide(width_ms: float) -> str:
    return _TOO_LITTLE if width_ms > MAX_WIDTH_MS else ""


def _drift(evidence: Evidence) -> Drift | None:
    """The median of the slopes between pieces of 15 s (Theil 1950, Sen 1968), with a bootstrap over pieces."""
    if np.ptp(evidence.times_s) < MIN_DRIFT_S:
        return None
    times_s, ms = _piecewise(evidence)
    if len(ms) < _LEAST_PIECES or np.ptp(times_s) < MIN_DRIFT_S:
        return None
    random = np.random.default_rng(SEED)
    draws = random.integers(len(ms), size=(RESAMPLES, len(ms)))
    low, high = np.percentile([_slope(times_s[draw], ms[draw]) for draw in draws], _INTERVAL_PERCENT)
    return Drift(ms_per_hour=_slope(times_s, ms), low=float(low), high=float(high))


def _piecewise(evidence: Evidence) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Time and lateness of every piece of 15 s that can be told."""
    numbers = (evidence.times_s // _PIECE_S).astype(int)
    told: list[tuple[float, float]] = []
    for number in np.unique(numbers):
        inside = numbers == number
        curve = _explained(evidence.sums[:, inside].sum(1))
        (ms,) = _peaks(curve[None])
        if not _doubt(curve, ms, evidence.known_s[inside].sum(0)):
            told.append((float(evidence.times_s[inside].mean()), float(ms)))
    times_s, late_ms = np.array(told, float).reshape(-1, 2).T
    near = np.abs(late_ms - np.median(late_ms)) < _MOST_FROM_MEDIAN_MS if told else np.zeros(0, bool)
    return times_s[near], late_ms[near]


def _slope(times_s: NDArray[np.float64], ms: NDArray[np.float64]) -> float:
    """In ms an hour."""
    first, second = np.triu_indices(len(ms), 1)
    apart = times_s[second] != times_s[first]  # a piece is drawn more than once
    slopes = (ms[second] - ms[first])[apart] / (times_s[second] - times_s[first])[apart]
    return float(np.median(slopes) * _HOUR_S) if len(slopes) else 0.0

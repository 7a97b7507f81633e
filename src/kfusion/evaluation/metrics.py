"""The scores of one clip: predicted against target landmarks, (T, 68, 2) each, in crop pixels at 30 fps.

Every function sees one clip, so no score depends on which clips are evaluated together. What a clip
does not define (the correlation of a motionless mouth, a speed in silence where there is none) is NaN.
`raw`, `clip` and `frame` in tables say how the two were laid upon each other before: see `alignment`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kfusion.evaluation.dynamics import (
    FAST_HZ,
    face_dynamics_deviation,
    lengths,
    lip_vertex_error,
    power_above,
    warped_distance,
)
from kfusion.landmarks import MOUTH, POINT_COUNT, Points, inter_ocular_distance, mouth_opening

METRIC_VERSION = 2
"""Scores of different versions must not stand in one table. 2: four more scores and the Frechet distance."""
FPS = 30
MOTIONLESS = 1e-4
"""A signal whose standard deviation is under this share of the inter-ocular distance does not move."""
LAG_REACH = 5
"""Lags from -5 to 5 frames (167 ms) are looked at."""
CLOSED = 0.03
"""The mouth is closed when the inner lips (62, 66) are less than this share of the inter-ocular distance apart."""
PARTS = {"M": MOUTH, "F": slice(0, POINT_COUNT), "R": slice(0, MOUTH.start)}
"""M the mouth, points 48-67; F the whole face, all 68; R the rest of the face, 0-47."""
UPPER_FACE = slice(17, MOUTH.start)
"""Brows, nose and eyes, points 17-47."""

Signal = NDArray[np.float64]
"""One number a frame, (T,)."""
Mask = NDArray[np.bool_]
"""Which frames, (T,)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """What a score is."""

    unit: str
    meaning: str


def _distances() -> dict[str, Metric]:
    names = {"M": "mouth, points 48-67", "F": "face, all 68 points", "R": "rest of the face, points 0-47"}
    found = {}
    for part, where in names.items():
        found[f"{part}-LD"] = Metric(unit="px", meaning=f"landmark distance, {where} (Eq. 14)")
        found[f"{part}-LVD"] = Metric(unit="px/frame", meaning=f"landmark velocity difference, {where} (Eq. 15)")
        for kind in ("LD", "LVD"):
            meaning = f"{part}-{kind} over the inter-ocular distance (36-45) of the target, mean of the clip"
            found[f"{part}-{kind}-iod"] = Metric(unit="%", meaning=meaning)
    return found


METRICS: dict[str, Metric] = {
    **_distances(),
    "opening_correlation": Metric(unit="", meaning="Pearson correlation of the mouth openings (62-66) over time"),
    "lag_frames": Metric(unit="frames", meaning="lag of the mouth opening in frames, positive: the prediction is late"),
    "lag_ms": Metric(unit="ms", meaning="lag of the mouth opening in milliseconds, positive: the prediction is late"),
    "motion_ratio": Metric(unit="", meaning="standard deviation of the mouth points over time, predicted over target"),
    "silence_speed": Metric(unit="px/frame", meaning="mean speed of the mouth points in silence (0.2 s at least)"),
    "jerk": Metric(unit="px/frame^3", meaning="mean size of the third difference of the mouth points"),
    "closure_f1": Metric(
        unit="", meaning="F1 of closed-mouth frames while there is sound: inner lips nearer than 3 % of inter-ocular"
    ),
    "power_above_8hz": Metric(
        unit="", meaning="power of the mouth points' velocity above 8 Hz, predicted over target (16 frames at least)"
    ),
    "LVE": Metric(
        unit="(% iod)^2",
        meaning="lip vertex error in CodeTalker's way: largest squared error of the mouth points of a frame, mean over "
        "frames; over the squared inter-ocular distance",
    ),
    "FDD": Metric(
        unit="% iod",
        meaning="face dynamics deviation in CodeTalker's way, points 17-47: spread over time of how far a point is "
        "from its mean place, target minus predicted",
    ),
    "DTW-LD": Metric(
        unit="px", meaning="landmark distance, mouth, along the best monotone path in time (symmetric time warping)"
    ),
}
"""All scores of a clip by their key."""


def clip_metrics(predicted: Points, target: Points, *, inter_ocular_px: float, silent: Mask) -> dict[str, float]:
    """Every score of `METRICS` of one clip.

    Args:
        predicted: (T, 68, 2), px, already aligned.
        target: (T, 68, 2), px.
        inter_ocular_px: of the target before any alignment, mean of the clip.
        silent: (T,), frames in silence.
    """
    scores = _distance_scores(predicted, target, inter_ocular_px)
    openings = [mouth_opening(points).astype(np.float64) / inter_ocular_px for points in (predicted, target)]
    lag = opening_lag(*openings)
    return (
        scores
        | _mouth_scores(predicted[:, MOUTH], target[:, MOUTH], inter_ocular_px)
        | {
            "opening_correlation": correlation(*openings),
            "lag_frames": lag,
            "lag_ms": 1000 * lag / FPS,
            "silence_speed": silence_speed(predicted[:, MOUTH], silent),
            "closure_f1": closure_f1(openings[0], openings[1], ~silent),
            "FDD": 100 / inter_ocular_px * face_dynamics_deviation(predicted[:, UPPER_FACE], target[:, UPPER_FACE]),
        }
    )


def _mouth_scores(mouth: Points, target: Points, inter_ocular_px: float) -> dict[str, float]:
    motionless_px = MOTIONLESS * inter_ocular_px
    return {
        "motion_ratio": motion_ratio(mouth, target, motionless_px),
        "jerk": jerk(mouth),
        "power_above_8hz": power_above(mouth, target, motionless_px, fps=FPS, above_hz=FAST_HZ),
        "LVE": (100 / inter_ocular_px) ** 2 * lip_vertex_error(mouth, target),
        "DTW-LD": warped_distance(mouth, target),
    }


def _distance_scores(predicted: Points, target: Points, inter_ocular_px: float) -> dict[str, float]:
    error = predicted.astype(np.float64) - target
    distance, difference = lengths(error), lengths(np.diff(error, axis=0))
    scores = {}
    for part, points in PARTS.items():
        scores[f"{part}-LD"] = _mean(distance[:, points])
        scores[f"{part}-LVD"] = _mean(difference[:, points])
    return scores | {f"{name}-iod": 100 * value / inter_ocular_px for name, value in scores.items()}


def landmark_distance(predicted: Points, target: Points) -> float:
    """LD = mean over frames and points of |p - p^|, Eq. 14; (T, N, 2) in, in their unit.

    Departs from the authors' code, which takes one norm over a whole batch.
    """
    return _mean(lengths(predicted.astype(np.float64) - target))


def landmark_velocity_difference(predicted: Points, target: Points) -> float:
    """LVD = mean over T - 1 frames and points of |(p_t - p_t-1) - (p^_t - p^_t-1)|, Eq. 13 and 15; unit/frame.

    Departs from the authors' code, which takes differences between points instead of frames. NaN for one frame.
    """
    error = predicted.astype(np.float64) - target
    return _mean(lengths(np.diff(error, axis=0)))


def correlation(predicted: Signal, target: Signal) -> float:
    """Pearson correlation of two signals (T,) in inter-ocular distances; NaN if one of them does not move."""
    if len(predicted) < 2:
        return float("nan")
    a, b = predicted - predicted.mean(), target - target.mean()
    power, wanted = float(a @ a), float(b @ b)
    if min(power, wanted) <= MOTIONLESS**2 * len(a):
        return float("nan")
    return float(np.clip(a @ b / np.sqrt(power * wanted), -1, 1))


def opening_lag(predicted: Signal, target: Signal) -> float:
    """How many frames `predicted` (T,) comes after `target` (T,): positive means late, negative early.

    The shift within +-5 frames at which the two correlate best, refined by the parabola through the
    peak and its neighbours. NaN if one does not move, or with fewer than 12 frames.
    """
    count = len(target)
    if count < 2 * LAG_REACH + 2 or np.isnan(correlation(predicted, target)):
        return float("nan")
    shifts = range(-LAG_REACH, LAG_REACH + 1)
    values = np.array([_shifted_correlation(predicted, target, shift) for shift in shifts])
    if np.isnan(values).all():
        return float("nan")
    peak = int(np.nanargmax(values))
    return shifts[peak] + _parabola_top(values, peak)


def _shifted_correlation(predicted: Signal, target: Signal, shift: int) -> float:
    late, early = max(shift, 0), max(-shift, 0)
    return correlation(predicted[late : len(predicted) - early], target[early : len(target) - late])


def _parabola_top(values: Signal, peak: int) -> float:
    """From `peak` to the top of the parabola through it and its neighbours, in -0.5 .. 0.5."""
    if not 0 < peak < len(values) - 1:
        return 0.0
    left, middle, right = values[peak - 1 : peak + 2]
    bend = left - 2 * middle + right
    return float(0.5 * (left - right) / bend) if np.isfinite(bend) and bend < 0 else 0.0


def motion_ratio(predicted: Points, target: Points, motionless_px: float) -> float:
    """Standard deviation over time, root mean square over points and axes, predicted over target (T, N, 2).

    NaN if the target moves no more than `motionless_px`.
    """
    moved, wanted = (np.sqrt(np.mean(points.astype(np.float64).var(axis=0))) for points in (predicted, target))
    return float(moved / wanted) if wanted > motionless_px else float("nan")


def silence_speed(points: Points, silent: Mask) -> float:
    """Mean of |p_t - p_t-1| over points (T, N, 2) and the frames t where t - 1 and t are silent; unit/frame."""
    speed = lengths(np.diff(points.astype(np.float64), axis=0))
    return _mean(speed[silent[1:] & silent[:-1]])


def jerk(points: Points) -> float:
    """Mean size of the third difference of points (T, N, 2); unit/frame^3 (at 30 fps 27000 times that in unit/s^3)."""
    return _mean(lengths(np.diff(points.astype(np.float64), n=3, axis=0)))


def closure_f1(predicted: Signal, target: Signal, counted: Mask) -> float:
    """F1 = 2 TP / (2 TP + FP + FN) of the closed-mouth frames among those `counted`.

    Openings (T,) in inter-ocular distances; NaN where neither of the two ever closes.
    """
    closed, wanted = predicted[counted] < CLOSED, target[counted] < CLOSED
    total = int(closed.sum() + wanted.sum())
    return 2 * int((closed & wanted).sum()) / total if total else float("nan")


def mean_inter_ocular(points: Points) -> float:
    """Inter-ocular distance of a clip (T, 68, 2), mean over its frames."""
    return float(inter_ocular_distance(points).mean(dtype=np.float64))


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if values.size else float("nan")

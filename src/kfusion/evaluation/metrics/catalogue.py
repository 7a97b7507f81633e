"""All scores of one clip by their key: what each is, and how it is measured.

A score sees one clip, so none depends on which clips are evaluated together. What a clip does not define (a
speed in silence where there is none, the correlation with a motionless mouth) is NaN. Whoever adds a score writes a
function in the file of its family and an entry here, and takes `METRIC_VERSION` one up.
"""

from collections.abc import Callable
from dataclasses import dataclass

from kfusion.evaluation.alignment import AlignedPair
from kfusion.evaluation.metrics.distance import landmark_distance, lip_vertex_error
from kfusion.evaluation.metrics.lips import closure_f1
from kfusion.evaluation.metrics.spectrum import FAST_HZ, power_above
from kfusion.evaluation.metrics.timing import MOTIONLESS, opening_correlation, warped_distance
from kfusion.evaluation.metrics.velocity import (
    face_dynamics_deviation,
    jerk,
    landmark_velocity_difference,
    motion_ratio,
    silence_speed,
)
from kfusion.landmarks import MOUTH, POINT_COUNT, Points

METRIC_VERSION = 4
"""Scores of different versions must not stand in one table, but for those of `COMPARABLE`.

2: four more scores and the Frechet distance. 3: correlation and closure F1 are defined by the target alone (a mouth
that stands still while the target's moves has correlation 0 and is no longer left out; a clip whose target never
closes has no closure F1), and all is scored a second time with the clocks compensated. 4: a mouth whose lips cross is
open by less than nothing; it was as open as they were apart.
"""
COMPARABLE = (2, 3, 4)
"""Versions whose scores are the same but for those in `CHANGED_IN`."""
CHANGED_IN = {"opening_correlation": 4, "lag_frames": 4, "lag_ms": 4, "closure_f1": 4}
"""The version that a score changed in; what is older is not shown."""
FPS = 30
UPPER_FACE = slice(17, MOUTH.start)
FACE_PARTS = {
    "M": ("mouth, points 48-67", MOUTH),
    "F": ("face, all 68 points", slice(0, POINT_COUNT)),
    "R": ("rest of the face, points 0-47", slice(0, MOUTH.start)),
}
FRECHET = "Frechet"
"""The key of the one score that belongs to all clips together, see `distribution`."""

Measure = Callable[[AlignedPair], float]


@dataclass(frozen=True, slots=True)
class Metric:
    """What a score is."""

    unit: str
    meaning: str
    measure: Measure


def clip_metrics(pair: AlignedPair) -> dict[str, float]:
    """Every score of `METRICS` of one clip."""
    return {name: metric.measure(pair) for name, metric in METRICS.items()}


def _of(points: slice, measure: Callable[[Points, Points], float]) -> Measure:
    return lambda pair: measure(*pair.part(points))


def _in_percent(name: str, measure: Measure) -> Metric:
    meaning = f"{name} over the inter-ocular distance (36-45) of the target, mean of the clip"
    return Metric("%", meaning, lambda pair: 100 * measure(pair) / pair.inter_ocular_px)


def _distances(part: str) -> dict[str, Metric]:
    where, points = FACE_PARTS[part]
    difference = f"landmark velocity difference, {where} (Eq. 15)"
    both = {
        f"{part}-LD": Metric("px", f"landmark distance, {where} (Eq. 14)", _of(points, landmark_distance)),
        f"{part}-LVD": Metric("px/frame", difference, _of(points, landmark_velocity_difference)),
    }
    return both | {f"{name}-iod": _in_percent(name, metric.measure) for name, metric in both.items()}


METRICS: dict[str, Metric] = {
    **_distances("M"),
    **_distances("F"),
    **_distances("R"),
    "opening_correlation": Metric(
        "",
        "Pearson correlation of the mouth openings (62-66, negative where the lips cross) over time",
        lambda pair: opening_correlation(*pair.openings),
    ),
    "lag_frames": Metric(
        "frames",
        "lag of the mouth opening in frames, positive: the prediction is late",
        lambda pair: pair.lag,
    ),
    "lag_ms": Metric(
        "ms",
        "lag of the mouth opening in milliseconds, positive: the prediction is late",
        lambda pair: 1000 * pair.lag / FPS,
    ),
    "motion_ratio": Metric(
        "",
        "standard deviation of the mouth points over time, predicted over target",
        lambda pair: motion_ratio(*pair.part(MOUTH), MOTIONLESS * pair.inter_ocular_px),
    ),
    "silence_speed": Metric(
        "px/frame",
        "mean speed of the mouth points in silence (0.2 s at least)",
        lambda pair: silence_speed(pair.predicted[:, MOUTH], pair.silent),
    ),
    "jerk": Metric(
        "px/frame^3",
        "mean size of the third difference of the mouth points",
        lambda pair: jerk(pair.predicted[:, MOUTH]),
    ),
    "closure_f1": Metric(
        "",
        "F1 of closed-mouth frames while there is sound: inner lips nearer than 3 % of inter-ocular",
        lambda pair: closure_f1(*pair.openings, ~pair.silent),
    ),
    "power_above_8hz": Metric(
        "",
        "power of the mouth points' velocity above 8 Hz, predicted over target (16 frames at least)",
        lambda pair: power_above(*pair.part(MOUTH), MOTIONLESS * pair.inter_ocular_px, fps=FPS, above_hz=FAST_HZ),
    ),
    "LVE": Metric(
        "(% iod)^2",
        "lip vertex error in CodeTalker's way: largest squared error of the mouth points of a frame, mean over "
        "frames; over the squared inter-ocular distance",
        lambda pair: (100 / pair.inter_ocular_px) ** 2 * lip_vertex_error(*pair.part(MOUTH)),
    ),
    "FDD": Metric(
        "% iod",
        "face dynamics deviation in CodeTalker's way, points 17-47: spread over time of how far a point is "
        "from its mean place, target minus predicted",
        lambda pair: 100 / pair.inter_ocular_px * face_dynamics_deviation(*pair.part(UPPER_FACE)),
    ),
    "DTW-LD": Metric(
        "px",
        "landmark distance, mouth, along the best monotone path in time (symmetric time warping)",
        _of(MOUTH, warped_distance),
    ),
}
"""All scores of a clip by their key, in the order of the tables."""

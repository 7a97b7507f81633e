"""All scores of one clip by their key: what each is, and how it is measured.

A score sees one clip, so none depends on which clips are evaluated together. What a clip does not define (the
correlation of a motionless mouth, a speed in silence where there is none) is NaN. Whoever adds a score writes a
function in the file of its family and an entry here, and takes `METRIC_VERSION` one up.
"""

from collections.abc import Callable
from dataclasses import dataclass

from kfusion.evaluation.alignment import AlignedPair
from kfusion.evaluation.metrics.distance import lip_vertex_error, mean
from kfusion.evaluation.metrics.lips import closure_f1
from kfusion.evaluation.metrics.spectrum import FAST_HZ, power_above
from kfusion.evaluation.metrics.timing import MOTIONLESS, correlation, opening_lag, warped_distance
from kfusion.evaluation.metrics.velocity import face_dynamics_deviation, jerk, motion_ratio, silence_speed
from kfusion.landmarks import MOUTH, POINT_COUNT

METRIC_VERSION = 2
"""Scores of different versions must not stand in one table. 2: four more scores and the Frechet distance."""
FPS = 30
PARTS = {
    "M": ("mouth, points 48-67", MOUTH),
    "F": ("face, all 68 points", slice(0, POINT_COUNT)),
    "R": ("rest of the face, points 0-47", slice(0, MOUTH.start)),
}
FRECHET = "Frechet"
"""The key of the one score that belongs to all clips together, see `distribution`."""

Measure = Callable[[AlignedPair], float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """What a score is."""

    unit: str
    meaning: str
    measure: Measure


def clip_metrics(pair: AlignedPair) -> dict[str, float]:
    """Every score of `METRICS` of one clip."""
    return {name: metric.measure(pair) for name, metric in METRICS.items()}


def _distances() -> dict[str, Metric]:
    found: dict[str, Metric] = {}
    for part, (where, points) in PARTS.items():
        both = {
            f"{part}-LD": Metric(
                unit="px",
                meaning=f"landmark distance, {where} (Eq. 14)",
                measure=_mean_distance(points),
            ),
            f"{part}-LVD": Metric(
                unit="px/frame",
                meaning=f"landmark velocity difference, {where} (Eq. 15)",
                measure=_mean_velocity_difference(points),
            ),
        }
        found |= both | {f"{name}-iod": _in_percent(name, metric.measure) for name, metric in both.items()}
    return found


def _mean_distance(points: slice) -> Measure:
    return lambda pair: mean(pair.distances[:, points])


def _mean_velocity_difference(points: slice) -> Measure:
    return lambda pair: mean(pair.velocity_differences[:, points])


def _in_percent(name: str, measure: Measure) -> Metric:
    return Metric(
        unit="%",
        meaning=f"{name} over the inter-ocular distance (36-45) of the target, mean of the clip",
        measure=lambda pair: 100 * measure(pair) / pair.inter_ocular_px,
    )


METRICS: dict[str, Metric] = {
    **_distances(),
    "opening_correlation": Metric(
        unit="",
        meaning="Pearson correlation of the mouth openings (62-66) over time",
        measure=lambda pair: correlation(*pair.openings),
    ),
    "lag_frames": Metric(
        unit="frames",
        meaning="lag of the mouth opening in frames, positive: the prediction is late",
        measure=lambda pair: opening_lag(*pair.openings),
    ),
    "lag_ms": Metric(
        unit="ms",
        meaning="lag of the mouth opening in milliseconds, positive: the prediction is late",
        measure=lambda pair: 1000 * opening_lag(*pair.openings) / FPS,
    ),
    "motion_ratio": Metric(
        unit="",
        meaning="standard deviation of the mouth points over time, predicted over target",
        measure=lambda pair: motion_ratio(*pair.mouths, MOTIONLESS * pair.inter_ocular_px),
    ),
    "silence_speed": Metric(
        unit="px/frame",
        meaning="mean speed of the mouth points in silence (0.2 s at least)",
        measure=lambda pair: silence_speed(pair.mouths[0], pair.silent),
    ),
    "jerk": Metric(
        unit="px/frame^3",
        meaning="mean size of the third difference of the mouth points",
        measure=lambda pair: jerk(pair.mouths[0]),
    ),
    "closure_f1": Metric(
        unit="",
        meaning="F1 of closed-mouth frames while there is sound: inner lips nearer than 3 % of inter-ocular",
        measure=lambda pair: closure_f1(*pair.openings, ~pair.silent),
    ),
    "power_above_8hz": Metric(
        unit="",
        meaning="power of the mouth points' velocity above 8 Hz, predicted over target (16 frames at least)",
        measure=lambda pair: power_above(*pair.mouths, MOTIONLESS * pair.inter_ocular_px, fps=FPS, above_hz=FAST_HZ),
    ),
    "LVE": Metric(
        unit="(% iod)^2",
        meaning="lip vertex error in CodeTalker's way: largest squared error of the mouth points of a frame, mean over "
        "frames; over the squared inter-ocular distance",
        measure=lambda pair: (100 / pair.inter_ocular_px) ** 2 * lip_vertex_error(*pair.mouths),
    ),
    "FDD": Metric(
        unit="% iod",
        meaning="face dynamics deviation in CodeTalker's way, points 17-47: spread over time of how far a point is "
        "from its mean place, target minus predicted",
        measure=lambda pair: 100 / pair.inter_ocular_px * face_dynamics_deviation(*pair.upper_faces),
    ),
    "DTW-LD": Metric(
        unit="px",
        meaning="landmark distance, mouth, along the best monotone path in time (symmetric time warping)",
        measure=lambda pair: warped_distance(*pair.mouths),
    ),
}
"""All scores of a clip by their key, in the order of the tables."""

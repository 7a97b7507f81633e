"""The axes of a face in a portrait, and lips that meet and never cross.

Points here are pixel indices (x, y): the centre of the first pixel is (0, 0).
"""

from dataclasses import dataclass
from functools import cache
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from kfusion.landmarks import EYE_CORNERS, INNER_LIPS, STABLE_POINTS, Points, fit_similarity

Places = NDArray[np.float64]
"""Points, (..., 2)."""

UPPER_INNER = (60, 61, 62, 63, 64)
LOWER_INNER = (60, 67, 66, 65, 64)
LIP_PAIRS = ((61, 67), (62, 66), (63, 65))
"""Partners of the inner lips, upper and lower."""
OUTER_PAIRS = ((50, 58), (51, 57), (52, 56))
SHUT_GAP = 0.03
"""Lips nearer than this are shut, over the distance between the outer eye corners: the landmarks of shut mouths, found
or predicted, lie 0.000 to 0.027 apart."""
OPEN_GAP = 0.075
"""From here on the gap is what the landmarks say."""
_FOLLOWING = 0.6
"""How far the outer lips go along where the inner ones are brought together."""


@dataclass(frozen=True, slots=True, eq=False)
class FaceAxes:
    """Coordinates of a face: u to the face's left in the picture's right, v down to its chin, in eye distances."""

    origin: Places
    """Between the outer eye corners, (2,), pixels."""
    across: Places
    """(2,), unit length, from the right eye to the left."""
    down: Places
    unit_px: float
    """The distance between the outer eye corners."""

    @classmethod
    def of(cls, points: Points) -> Self:
        """The axes of a face (68, 2) in a portrait."""
        right, left = (np.asarray(points[corner], np.float64) for corner in EYE_CORNERS)
        unit_px = float(np.linalg.norm(left - right))
        across = (left - right) / unit_px
        return cls((right + left) / 2, across, np.array([-across[1], across[0]]), unit_px)

    def to_face(self, places: NDArray[Any]) -> Places:
        """Pixels (..., 2) as (u, v)."""
        moved = (places - self.origin) / self.unit_px
        return np.stack([moved @ self.across, moved @ self.down], -1)

    def to_pixels(self, places: NDArray[Any]) -> Places:
        """(u, v) as pixels."""
        turned = places[..., :1] * self.across + places[..., 1:] * self.down
        return np.asarray(self.origin + self.unit_px * turned, np.float64)


def stabilised(points: Points, rest: Points) -> Places:
    """A face (68, 2) without the motion of its head from `rest` (68, 2): position, size and tilt."""
    stable = list(STABLE_POINTS)
    return fit_similarity(points[stable], rest[stable])(points).astype(np.float64)


def lip_gap(face: Places) -> float:
    """How far the middles of the inner lips are apart in face coordinates (68, 2); negative where they cross."""
    upper, lower = INNER_LIPS
    return float(face[lower, 1] - face[upper, 1])


def settled_lips(face: Places) -> Places:
    """A face (68, 2), face coordinates, whose lips are shut where they nearly are, and never cross."""
    settled, gap = face.copy(), lip_gap(face)
    share = float(np.clip((gap - SHUT_GAP) / (OPEN_GAP - SHUT_GAP), 0, 1))
    share *= share * (3 - 2 * share)
    for (upper, lower), (above, below) in zip(LIP_PAIRS, OUTER_PAIRS, strict=True):
        apart = face[lower, 1] - face[upper, 1]
        closing = (apart - max(apart, 0.0) * share) / 2
        settled[upper, 1] += closing
        settled[lower, 1] -= closing
        settled[above, 1] += _FOLLOWING * closing
        settled[below, 1] -= _FOLLOWING * closing
    if share == 0:
        for upper, lower in LIP_PAIRS:
            settled[[upper, lower], 0] = settled[[upper, lower], 0].mean()
    return settled


def curve(points: Places, count: int) -> Places:
    """`count` places on a smooth line through points (n, 2), ends kept: a Catmull-Rom spline."""
    return np.asarray(_spline(len(points), count) @ points, np.float64)


@cache
def _spline(known: int, count: int) -> NDArray[np.float64]:
    """What each of `known` points weighs at each of `count` places on the line through them, (count, known)."""
    points = np.eye(known)
    ends = np.vstack([2 * points[0] - points[1], points, 2 * points[-1] - points[-2]])
    place = np.linspace(0, known - 1, count)
    start = np.minimum(place.astype(int), known - 2)
    t = (place - start)[:, None]
    a, b, c, d = (ends[start + shift] for shift in range(4))
    value = 2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3
    return np.asarray(value / 2, np.float64)

"""Whether 68 points lie as those of a face do."""

import numpy as np
from numpy.typing import NDArray

from kfusion import assets
from kfusion.errors import InputError, MissingWeightsError
from kfusion.landmarks import Points, inter_ocular_distance

MIN_EYES_PX = 4.0
"""Between the outer eye corners of the smallest face in pixels; points of a stream are rounded to 0.01."""
MAX_COORDINATE = 1e6
MIN_LIKENESS = 0.7
"""Correlation with the mean face after the best similarity: faces measure 0.95 to 1, mirrored ones 0.1 to 0.25."""


def check_face(points: Points, where: str, *, in_pixels: bool = True) -> Points:
    """`points` (68, 2), which lie as those of a face do, x to the right and y down, turned as they may be.

    Raises:
        InputError: they are shares of a picture instead of pixels, mirrored, y up, or in another order.
    """
    if np.abs(points).max() > MAX_COORDINATE:
        raise InputError(f"{where}: holds coordinates beyond {MAX_COORDINATE:g}: pass pixels of a picture")
    eyes = float(inter_ocular_distance(points))
    if not eyes > 0:
        raise InputError(
            f"{where}: the outer eye corners (points 36 and 45) coincide: pass the landmarks of a whole face"
        )
    if in_pixels and eyes < MIN_EYES_PX:
        raise InputError(
            f"{where}: the outer eye corners are {eyes:.3g} apart, so these are no pixels: "
            "multiply x by the width and y by the height of the picture"
        )
    direct, reflected = _likeness(points)
    if direct >= MIN_LIKENESS:
        return points
    if reflected >= MIN_LIKENESS:
        raise InputError(
            f"{where}: the points are those of a face in a mirror: y must grow downwards (y = height - y), "
            "and points 36 to 41 be the eye on the left of an upright picture"
        )
    raise InputError(
        f"{where}: the points do not lie as those of a face do: pass 68 points in the order of 300-W and dlib"
    )


def mean_face() -> Points:
    """The canonical mean face, (68, 2), in units of its own.

    Raises:
        MissingWeightsError: its file is not there.
    """
    if not assets.MEAN_FACE.is_file():
        raise MissingWeightsError(f"{assets.MEAN_FACE}: the mean face is missing: install kfusion again")
    face: Points = np.load(assets.MEAN_FACE, allow_pickle=False)
    return face


def _likeness(points: Points) -> tuple[float, float]:
    """Correlation of the points with the mean face, as they are and reflected, each 0 to 1."""
    face, mean = (_complex(p) for p in (points, mean_face()))
    scale = float(np.linalg.norm(face) * np.linalg.norm(mean))
    return float(abs(np.vdot(mean, face))) / scale, float(abs(np.dot(mean, face))) / scale


def _complex(points: Points) -> NDArray[np.complex128]:
    flat = points[:, 0].astype(np.float64) + 1j * points[:, 1]
    return np.asarray(flat - flat.mean())

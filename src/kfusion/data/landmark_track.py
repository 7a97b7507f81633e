"""Landmarks that a corpus brings itself, where it has them in place of a video."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kfusion.errors import InputError
from kfusion.landmark_files import read_archive
from kfusion.landmarks import POINT_COUNT, Points

MAX_FPS = 240


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LandmarkTrack:
    """The face of one clip, picture by picture, seen from the front."""

    points: Points
    """(T, 68, 2) in whatever unit the corpus has, x right, y down; NaN where no face was found."""
    times_s: NDArray[np.float64]
    """(T,), on the clock of the corpus's sound file."""


def read_track_arrays(path: Path, **shapes: tuple[int, ...]) -> tuple[dict[str, NDArray[np.float64]], float]:
    """The named arrays of an `.npz` file, (T, *shape) each, and the `fps` beside them.

    Raises:
        InputError: the file is missing or damaged, or holds something else.
    """
    remedy = "take the corpus's own file"
    found = read_archive(path, remedy)
    arrays = {}
    for name, shape in shapes.items():
        if name not in found or found[name].dtype.kind not in "fiu" or found[name].shape[1:] != shape:
            raise InputError(f"{path}: no array '{name}' of shape (T, {', '.join(map(str, shape))}): {remedy}")
        arrays[name] = found[name].astype(np.float64)
    if len({len(array) for array in arrays.values()}) > 1 or not len(next(iter(arrays.values()))):
        raise InputError(f"{path}: the arrays {', '.join(arrays)} do not have one length: {remedy}")
    fps = float(found["fps"]) if "fps" in found and found["fps"].size == 1 else 0.0
    if not 1 <= fps <= MAX_FPS:
        raise InputError(f"{path}: {fps:g} frames a second: {remedy}")
    return arrays, fps


def check_points(path: Path, points: NDArray[np.float64]) -> Points:
    """Points (T, 68, ...) of a file as they are.

    Raises:
        InputError: one is not a finite number, or they are no faces.
    """
    if not np.isfinite(points).all():
        raise InputError(f"{path}: holds points that are not finite numbers: take the corpus's own file")
    assert points.shape[1] == POINT_COUNT
    return points.astype(np.float32)

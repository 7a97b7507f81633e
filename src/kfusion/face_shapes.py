"""ARKit's 52 shapes of a face, and where the 68 points go when one of them is fully on.

Left and right are the character's: the character's left eye is points 42-47, on the right of the picture.

The shapes of mouth and jaw were solved from recordings (`tools/make_face_shapes.py`); those of brows, lids, nose, and
the few of the mouth that never move in speech are drawn here after what their muscles do (Ekman and Friesen, Facial
Action Coding System, 1978): a pull at one point that fades with the distance from it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from kfusion import assets
from kfusion.errors import MissingWeightsError
from kfusion.landmarks import MIRROR, Points, Similarity, fit_similarity

Direction = NDArray[np.float64]
"""Displacement of the points, (68, 2), in eye distances of the mean face, x right, y down."""

ARKIT_SHAPES = (
    *("eyeBlinkLeft", "eyeLookDownLeft", "eyeLookInLeft", "eyeLookOutLeft", "eyeLookUpLeft"),
    *("eyeSquintLeft", "eyeWideLeft", "eyeBlinkRight", "eyeLookDownRight", "eyeLookInRight"),
    *("eyeLookOutRight", "eyeLookUpRight", "eyeSquintRight", "eyeWideRight"),
    *("jawForward", "jawLeft", "jawRight", "jawOpen", "mouthClose", "mouthFunnel", "mouthPucker"),
    *("mouthLeft", "mouthRight", "mouthSmileLeft", "mouthSmileRight", "mouthFrownLeft", "mouthFrownRight"),
    *("mouthDimpleLeft", "mouthDimpleRight", "mouthStretchLeft", "mouthStretchRight"),
    *("mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper"),
    *("mouthPressLeft", "mouthPressRight", "mouthLowerDownLeft", "mouthLowerDownRight"),
    *("mouthUpperUpLeft", "mouthUpperUpRight", "browDownLeft", "browDownRight", "browInnerUp"),
    *("browOuterUpLeft", "browOuterUpRight", "cheekPuff", "cheekSquintLeft", "cheekSquintRight"),
    *("noseSneerLeft", "noseSneerRight", "tongueOut"),
)
"""In the order of ARKit over the wire: Live Link, Azure."""
LIDS = ((43, 47), (44, 46))
"""Upper and lower lid of the character's left eye."""
_LIPS = range(48, 68)
_LOWER_LIP = (55, 56, 57, 58, 59, 65, 66, 67)
_CHIN = range(5, 12)
_LEFT_BROW = range(22, 27)
_LEFT_UPPER_LIP = range(51, 54)
_NOSTRILS = range(31, 36)


@dataclass(frozen=True, slots=True, eq=False)
class _Measured:
    """What was measured once: `assets.FACE_SHAPES`."""

    face: Direction
    """The mean face, whose eye distance is the unit."""
    depth: NDArray[np.float64]
    """How far behind the outer eye corners each point lies, (68,)."""
    triangles: NDArray[np.uint16]
    """A mask through the points, (N, 3), each seen from the front in the order of the clock."""
    directions: dict[str, Direction]


def mean_face_depth() -> tuple[Direction, NDArray[np.float64]]:
    """The mean face (68, 2), and how far behind its outer eye corners each point lies, (68,).

    Raises:
        MissingWeightsError: the packaged file is not there.
    """
    return _measured().face, _measured().depth


def mask_triangles() -> NDArray[np.uint16]:
    """Triangles of a mask through the 68 points, the mouth left open, (N, 3), clockwise seen from the front.

    Raises:
        MissingWeightsError: the packaged file is not there.
    """
    return _measured().triangles


def to_mean_face(face: Points) -> Similarity:
    """The map that lays `face` (68, 2) on the mean face, in which directions are given.

    Raises:
        MissingWeightsError: the packaged file is not there.
    """
    return fit_similarity(face, _measured().face.astype(np.float32))


def shape_directions(face: Points) -> dict[str, Direction]:
    """Where the points of a resting face (68, 2) go for a weight of 1, by shape.

    The shapes that 68 points do not show (gaze, tongue, cheeks puffed, jaw forward) are left out, and `mouthClose`,
    which means something on top of `jawOpen` alone. Lids close as far as those of this face are open.

    Raises:
        MissingWeightsError: the packaged file is not there.
    """
    measured = _measured().directions
    left = {name: one for name, one in measured.items() if name.endswith("Left")}
    both = {name: one for name, one in measured.items() if name not in left}
    left |= _drawn_left(_measured().face) | _left_lid(to_mean_face(face)(face).astype(np.float64))
    right = {f"{name.removesuffix('Left')}Right": _mirrored(one) for name, one in left.items()}
    return left | right | both | _drawn_whole(_measured().face)


def _drawn_whole(face: Direction) -> dict[str, Direction]:
    """Shapes of both sides that do not move in speech."""
    inner = _pull(face, 22, (0.0, -0.065), 0.22, _LEFT_BROW)
    chin = _pull(face, 8, (0.0, -0.09), 0.35, _CHIN)
    chin[list(_LOWER_LIP)] = (0.0, -0.08)
    return {"browInnerUp": inner + _mirrored(inner), "mouthShrugLower": chin}


def _drawn_left(face: Direction) -> dict[str, Direction]:
    """The left ones of shapes that do not move in speech."""
    sideways = np.zeros_like(face)
    sideways[_LIPS], sideways[_CHIN] = (0.15, 0.0), (0.03, 0.0)
    brow = _pull(face, 22, (0.0, 0.035), 0.15, _LEFT_BROW)
    sneer = _pull(face, 35, (0.0, -0.07), 0.15, _NOSTRILS) + _pull(face, 53, (0.0, -0.05), 0.15, _LEFT_UPPER_LIP)
    return {
        "mouthLeft": sideways,
        "mouthFrownLeft": _pull(face, 54, (0.015, 0.06), 0.1, _LIPS),
        "browDownLeft": _pull(face, 23, (-0.035, 0.045), 0.3, _LEFT_BROW),
        "browOuterUpLeft": _pull(face, 25, (0.02, -0.09), 0.25, _LEFT_BROW),
        "noseSneerLeft": brow + sneer,
    }


def _left_lid(face: Direction) -> dict[str, Direction]:
    """The left ones of the shapes of the lids, as shares of how far the eyes are open."""
    names = ("eyeBlinkLeft", "eyeWideLeft", "eyeSquintLeft", "cheekSquintLeft")
    shapes = {name: np.zeros_like(face) for name in names}
    for upper, lower in LIDS:
        gap = (face[lower] - face[upper] + (face[MIRROR[lower]] - face[MIRROR[upper]]) * (-1, 1)) / 2
        shapes["eyeBlinkLeft"][upper] = 0.95 * gap
        shapes["eyeWideLeft"][upper] = -0.35 * gap
        shapes["eyeSquintLeft"][lower] = shapes["cheekSquintLeft"][lower] = -0.25 * gap
    return shapes


def _pull(face: Direction, at: int, by: tuple[float, float], reach: float, among: Sequence[int]) -> Direction:
    """The points `among` moved `by` at the point `at`, less with the distance from it: e-fold at `reach`."""
    direction = np.zeros_like(face)
    share = np.exp(-(((face[among] - face[at]) ** 2).sum(-1)) / reach**2)
    direction[among] = share[:, None] * by
    return direction


def _mirrored(direction: Direction) -> Direction:
    mirrored: Direction = direction[MIRROR] * (-1.0, 1.0)
    return mirrored


@cache
def _measured() -> _Measured:
    if not assets.FACE_SHAPES.is_file():
        raise MissingWeightsError(f"{assets.FACE_SHAPES}: the shapes of faces are missing: install kfusion again")
    with np.load(assets.FACE_SHAPES, allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    directions = dict(zip(arrays["names"].tolist(), arrays["directions"].astype(np.float64), strict=True))
    face, depth = (arrays[name].astype(np.float64) for name in ("face", "depth"))
    return _Measured(face, depth, arrays["triangles"], directions)

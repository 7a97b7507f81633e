"""The one face of a portrait, or the reason why there is none."""

import logging

import numpy as np

from kfusion.errors import InputError
from kfusion.face.finder import FaceFinder
from kfusion.face.search import MAX_DISAGREEMENT, Sighting, believed, find_on_tiles, find_turned
from kfusion.face.views import Scene, disagreement
from kfusion.landmarks import MOUTH, Points

log = logging.getLogger(__name__)

MAX_SIDE_RATIO = 2.6
"""Of the two halves of a face: beyond it the face is a profile."""
MAX_MOUTH_OUTSIDE = 0.25
MAX_FACE_OUTSIDE = 0.5
_ADVICE = "pass a picture with one face looking at the camera"


def find_identity(scene: Scene, where: str, person: int | None = None) -> Points:
    """The landmarks (68, 2), in pixels of the picture, of the one face in a portrait.

    Of several faces the largest is taken, with a notice, or number `person`, counted from the left from 1. A face on
    its side or upside down is found too: its points lie where the picture shows it, with a notice. Small faces are
    looked for on overlapping tiles.

    Raises:
        InputError: there is no face, or no such person, closer looks do not agree on one, it is turned too far to the
            side, or its mouth lies outside the picture.
    """
    with FaceFinder() as finder:
        first = scene.faces(finder)
        found = (
            believed(finder, scene, first)
            or find_turned(finder, scene)
            or find_on_tiles(finder, scene)
            or find_on_tiles(finder, scene, upside_down=True)
        )
    if not found:
        raise InputError(f"{where}: {_why_not(first)}")
    chosen = _chosen(found, person, where)
    face = _first_look(first, chosen)
    _check(face, scene.picture.size, where)
    if chosen.quarter_turns:
        log.warning("%s: %s; its landmarks lie where the picture shows it", where, _posture(chosen))
    return face


def _chosen(found: list[Sighting], person: int | None, where: str) -> Sighting:
    """The largest, which comes first, or a number from the left."""
    if person is None:
        if len(found) > 1:
            log.warning("%s: %d faces found, the largest is used", where, len(found))
        return found[0]
    if not 1 <= person <= len(found):
        faces = "1 face" if len(found) == 1 else f"{len(found)} faces"
        raise InputError(f"{where}: {faces} found, there is no person {person}: count from the left, from 1")
    return sorted(found, key=lambda seen: float(seen.points[:, 0].mean()))[person - 1]


def _first_look(first: list[Points], seen: Sighting) -> Points:
    """The face as the first look at the whole picture found it, where that is what was seen."""
    if not seen.quarter_turns:
        for face in first:
            if disagreement(face, seen.points) <= MAX_DISAGREEMENT:
                return face
    return seen.points


def _posture(seen: Sighting) -> str:
    return "the face is upside down" if seen.quarter_turns == 2 else "the face lies on its side"


def _why_not(first: list[Points]) -> str:
    if not first:
        return f"no face found: {_ADVICE}"
    if side_ratio(first[0]) > MAX_SIDE_RATIO:
        return _profile(first[0])
    return f"no face found: something looks like one, but closer looks do not agree on its points: {_ADVICE}"


def _profile(face: Points) -> str:
    return (
        f"the face is turned to the side (one half is {side_ratio(face):.1f} times the other): "
        "pass a picture that looks at the camera"
    )


def _check(face: Points, size_px: tuple[int, int], where: str) -> None:
    if side_ratio(face) > MAX_SIDE_RATIO:
        raise InputError(f"{where}: {_profile(face)}")
    outside = np.any((face < 0) | (face > np.array(size_px)), axis=-1, keepdims=True)
    for part, points, limit in (("mouth", outside[MOUTH], MAX_MOUTH_OUTSIDE), ("face", outside, MAX_FACE_OUTSIDE)):
        if points.mean() > limit:
            raise InputError(
                f"{where}: {points.sum()} of {len(points)} points of the {part} lie outside the picture: "
                "pass a picture that shows the whole face"
            )


def side_ratio(face: Points) -> float:
    """How many times wider the nearer half of the face is than the other, eye corners to nose bridge."""
    axis = face[45] - face[36]
    axis = axis / np.linalg.norm(axis)
    right, left = (face[27:31].mean(0) - face[36]) @ axis, (face[45] - face[27:31].mean(0)) @ axis
    narrow, wide = sorted([right, left])
    return float(wide / narrow) if narrow > 0 else float("inf")

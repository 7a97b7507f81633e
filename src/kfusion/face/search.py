"""Faces that closer looks agree on.

The landmarker gives 68 points for whatever its detector takes for a face: a forehead seen upside down, a coin. What a
look finds is therefore looked at again, closer, on squares round it that are turned so that it is upright: twice as
it is and once mirrored. The looks at a true face differ by 0.01 to 0.04 eye distances, those at others by more.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations, islice

from kfusion.face.views import Finder, Scene, around, disagreement, face_distance, face_size, quarter_turns, tiles
from kfusion.landmarks import Points

MAX_DISAGREEMENT = 0.06
"""Of three looks at one face: mean distance between their points over the distance between the eyes."""
MAX_TURNED_DISAGREEMENT = 0.03
"""Of a face that is not upright: brows and hair over a pair of eyes pass for one upside down, at 0.035 to 0.06."""
_LOOKS = ((1.6, False), (2.2, False), (1.8, True))
"""Side of the square over the longer side of the face, and whether it is mirrored."""
_WIDE = 3.0
_ROUNDS = 3
_MAX_CANDIDATES = 16
_TURNED_LEVELS = 2


@dataclass(frozen=True, slots=True)
class Sighting:
    """A face that was seen three times."""

    points: Points
    """(68, 2), pixels of the picture."""
    disagreement: float
    """Of the three looks, in eye distances."""

    @property
    def quarter_turns(self) -> int:
        """How often the picture must be turned, counter-clockwise, so that the face is upright."""
        return quarter_turns(self.points)


def look_again(finder: Finder, scene: Scene, face: Points) -> Sighting | None:
    """What closer looks make of `face`, which may be another face at its place; None where they do not agree.

    A face upside down is sometimes seen twice: at its place, and upright where a forehead or a chin is. The looks at
    the true one agree better.
    """
    seen = _settle(finder, scene, face)
    turned = around(face, _WIDE, quarter_turns=quarter_turns(face) + 2)
    other = min(turned.faces(finder, scene), key=lambda found: face_distance(found, face), default=None)
    if other is None or (seen and disagreement(other, seen.points) <= MAX_DISAGREEMENT):
        return seen
    rival = _settle(finder, scene, other)
    both = [sighting for sighting in (seen, rival) if sighting]
    return min(both, key=lambda sighting: sighting.disagreement, default=None)


def believed(finder: Finder, scene: Scene, faces: Iterable[Points]) -> list[Sighting]:
    """Those of `faces` that closer looks agree on, each once, largest first."""
    kept: list[Sighting] = []
    for face in islice(faces, _MAX_CANDIDATES):
        seen = look_again(finder, scene, face)
        if seen and all(_apart(seen.points, other.points) for other in kept):
            kept.append(seen)
    return sorted(kept, key=lambda seen: face_size(seen.points), reverse=True)


def find_turned(finder: Finder, scene: Scene) -> list[Sighting]:
    """Faces on their side or upside down in the whole picture, largest first."""
    for turns in (2, 1, 3):
        found = believed(finder, scene, scene.faces(finder, turns))
        if found:
            return found
    return []


def find_on_tiles(finder: Finder, scene: Scene, *, upside_down: bool = False) -> list[Sighting]:
    """Faces too small to be found in the whole picture, from 60 pixels up (upside down from 1/32 of it), largest first.

    Costs about 4 ms for each tile without a face: 0.2 s for 1920 x 1080, 3 s for 8000 x 6000 pixels.
    """
    levels = tiles(*scene.picture.size, quarter_turns=2 if upside_down else 0)
    for level in islice(levels, _TURNED_LEVELS if upside_down else None):
        faces = [face for view in level for face in view.faces(finder, scene)]
        found = believed(finder, scene, _distinct(sorted(faces, key=face_size, reverse=True)))
        if found:
            return found
    return []


def _settle(finder: Finder, scene: Scene, face: Points) -> Sighting | None:
    """Looks closer, again from what was seen, until three looks agree."""
    for _ in range(_ROUNDS):
        turns = quarter_turns(face)
        views = [around(face, margin, quarter_turns=turns, mirrored=mirrored) for margin, mirrored in _LOOKS]
        seen = [near for view in views if (near := _nearest(view.faces(finder, scene), face)) is not None]
        if not seen:
            return None
        face = seen[len(seen) // 2]
        if len(seen) == len(_LOOKS) and quarter_turns(face) == turns:
            spread = max(disagreement(first, second) for first, second in combinations(seen, 2))
            if spread <= (MAX_TURNED_DISAGREEMENT if turns else MAX_DISAGREEMENT):
                return Sighting(face, spread)
    return None


def _nearest(faces: list[Points], to: Points) -> Points | None:
    near = [face for face in faces if not _apart(face, to)]
    return min(near, key=lambda face: face_distance(face, to), default=None)


def _apart(first: Points, second: Points) -> bool:
    return face_distance(first, second) > face_size(second) / 2


def _distinct(faces: list[Points]) -> list[Points]:
    kept: list[Points] = []
    for face in faces:
        if all(_apart(face, other) for other in kept):
            kept.append(face)
    return kept

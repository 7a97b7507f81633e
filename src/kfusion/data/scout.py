"""Where the face is in a clip, before its crop is placed."""

from PIL import Image as Pillow

from kfusion.face import Finder, Scene, find_on_tiles
from kfusion.face.views import around, face_distance, face_size
from kfusion.landmarks import Points
from kfusion.video import Image

MAX_SEARCHES = 20
"""Pictures of one clip in which a small face is looked for on tiles: a clip without a face costs about 4 s more."""
_NEAR = 2.2
"""Side of the square in which a small face is looked for again, over the longer side of the face."""


class Scout:
    """Finds the face in pictures of one clip, one after another."""

    def __init__(self, finder: Finder) -> None:
        self._finder = finder
        self._small: Points | None = None
        self._searches = 0

    def find(self, picture: Image) -> Points | None:
        """The face in `picture`, (68, 2), in its pixels: as a whole, where a small one was last, or on tiles."""
        faces = self._finder.find(picture)
        if faces:
            return faces[0]
        if self._small is None and self._searches >= MAX_SEARCHES:
            return None
        scene = Scene.of(Pillow.fromarray(picture))
        if self._small is not None:
            faces = around(self._small, _NEAR).faces(self._finder, scene)
        if not faces and self._searches < MAX_SEARCHES:
            self._searches += 1
            faces = [seen.points for seen in find_on_tiles(self._finder, scene)]
        if not faces:
            return None
        self._small = faces[0]
        return faces[0]


def most_often_seen(faces: list[Points]) -> list[Points]:
    """Those of `faces` that belong to the face that is there most often; of two as often, the larger.

    A face belongs to the one that was last seen less than its own size away.
    """
    groups: list[list[Points]] = []
    for face in faces:
        near = [group for group in groups if face_distance(group[-1], face) < face_size(face)]
        if near:
            min(near, key=lambda group: face_distance(group[-1], face)).append(face)
        else:
            groups.append([face])
    return max(groups, key=lambda group: (len(group), face_size(group[0])))

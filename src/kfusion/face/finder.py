"""Find the 68 landmarks of the faces in a picture, with MediaPipe's face landmarker."""

from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from kfusion.errors import MissingExtraError, MissingWeightsError, foreign, one_line
from kfusion.face.chatter import without_startup_chatter
from kfusion.landmarks import POINT_COUNT, Points
from kfusion.video import Image

if TYPE_CHECKING:
    from mediapipe.tasks.python.vision import FaceLandmarker

LANDMARKER = Path(__file__).parents[1] / "assets" / "face_landmarker.task"
"""Google's face landmarker, float16 version 1 (Apache-2.0)."""
EXTRACTOR = "mediapipe-face-landmarker-float16-1"
MAX_FACES = 8
_MIN_SIDE_PX = 8
"""A narrower picture holds no face, and fails in MediaPipe."""
_NO_MEDIAPIPE = "pip install mediapipe, or, where it has no build for the platform, pass a landmark file"
_NO_LIBRARY = "install that system library (on Debian and Ubuntu libgles2 and libegl1), or pass a landmark file"

# fmt: off
_MESH_TO_68 = (
    [127] + [0] * 15 + [356]  # the jaw is resampled along _RIGHT_JAW and _LEFT_JAW
    + [70, 63, 105, 66, 107, 336, 296, 334, 293, 300]
    + [168, 6, 195, 4, 240, 97, 2, 326, 460]
    + [33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380]
    + [61, 39, 37, 0, 267, 269, 291, 321, 314, 17, 84, 91]
    + [78, 82, 13, 312, 308, 317, 14, 87]
)
_RIGHT_JAW = [127, 234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152]
_LEFT_JAW = [152, 377, 400, 378, 379, 365, 397, 288, 361, 323, 454, 356]
# fmt: on


class FaceFinder:
    """Finds faces; close it, or use it in a `with` block. Threads may share it: they take turns.

    Raises:
        MissingExtraError: MediaPipe is not installed (it has no build for this platform).
        MissingWeightsError: the landmarker file is not there.
    """

    def __init__(self, *, max_faces: int = MAX_FACES, landmarker: Path = LANDMARKER) -> None:
        if not landmarker.is_file():
            raise MissingWeightsError(f"{landmarker}: the face landmarker is missing: install kfusion again")
        self._landmarker: FaceLandmarker = _create_landmarker(landmarker, max_faces)
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Free the network."""
        self._closed = True
        with suppress(RuntimeError):  # a graph that failed says so once more
            self._landmarker.close()

    def find(self, image: Image) -> list[Points]:
        """The faces in `image`, largest first, each (68, 2) in image pixels; none found is an empty list.

        Raises:
            InputError: the face landmarker failed.
        """
        height, width = image.shape[:2]
        if min(height, width) < _MIN_SIDE_PX:
            return []
        with foreign("the face landmarker failed", "pass another picture, or a landmark file"):
            import mediapipe

            if self._closed:  # MediaPipe would find no face
                raise ValueError("the finder is closed")
            picture = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(image))
            found = self._landmarker.detect(picture).face_landmarks
        scale = np.array([width, height], np.float64)
        faces = [to_68(np.array([(p.x, p.y) for p in mesh]) * scale) for mesh in found]
        return sorted(faces, key=_area, reverse=True)


def _area(face: Points) -> float:
    return float(np.prod(np.ptp(face, axis=0)))


def to_68(mesh: np.ndarray[Any, Any]) -> Points:
    """The 68 landmarks (68, 2) of a mesh of MediaPipe (478, 2)."""
    face = mesh[_MESH_TO_68]
    face[:9] = _equidistant(mesh[_RIGHT_JAW], 9)
    face[8:17] = _equidistant(mesh[_LEFT_JAW], 9)
    assert face.shape == (POINT_COUNT, 2)
    return face.astype(np.float32)


def _equidistant(line: np.ndarray[Any, Any], count: int) -> np.ndarray[Any, Any]:
    """`count` points along a polyline (N, 2), equally far apart, both ends kept."""
    travelled = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    wanted = np.linspace(0.0, travelled[-1], count)
    return np.stack([np.interp(wanted, travelled, line[:, axis]) for axis in range(2)], -1)


def _create_landmarker(landmarker: Path, max_faces: int) -> "FaceLandmarker":
    try:
        from mediapipe.tasks.python import BaseOptions
        from mediapipe.tasks.python.vision import FaceLandmarker, FaceLandmarkerOptions
    except ImportError as error:
        raise MissingExtraError("finding a face in a picture", "", _NO_MEDIAPIPE) from error
    options = FaceLandmarkerOptions(base_options=BaseOptions(str(landmarker)), num_faces=max_faces)
    try:
        with without_startup_chatter():
            return FaceLandmarker.create_from_options(options)
    except OSError as error:
        raise MissingExtraError("finding a face in a picture", "", f"{error}: {_NO_LIBRARY}") from error
    except (RuntimeError, ValueError) as error:
        raise MissingWeightsError(
            f"{landmarker}: the face landmarker is damaged ({one_line(error)}): install kfusion again"
        ) from error

"""The landmarks of the face in a crop, with MediaPipe's networks on LiteRT, at two thirds of MediaPipe's cost.

The same two networks and the same way from one to the other as in MediaPipe's graph: the detector sees the crop as
128 x 128 pixels and gives a box and the eyes; the square round the box, 1.5 times as large and turned so that the eyes
are level, is seen by the mesh network as 256 x 256. Landmarks differ by 0.01 px of the crop from MediaPipe's
(`benchmarks/prepare.py`). Where it sees no face, MediaPipe has the last word.
"""

import zipfile
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from kfusion.errors import MissingExtraError
from kfusion.face.finder import LANDMARKER, to_68
from kfusion.face.views import Finder
from kfusion.landmarks import Points
from kfusion.video import Image

_Coordinates = NDArray[np.float64]
_DETECTOR, _MESH = "face_detector.tflite", "face_landmarks_detector.tflite"
_DETECTOR_PX, _MESH_PX = 128, 256
_LEAST_SCORE, _SAME_FACE = 0.5, 0.3
"""Of a detection and of a mesh; and the overlap from which two detections are one face."""
_MARGIN = 1.5
_GRIDS = ((16, 2), (8, 6))
"""Cells a side, and detections a cell."""


@dataclass(frozen=True, slots=True)
class _Square:
    """A turned square of a picture."""

    center: tuple[float, float]
    side: float
    angle: float
    """Clockwise, radians."""

    @property
    def turn(self) -> _Coordinates:
        """(2, 2), from the axes of the square to those of the picture."""
        cosine, sine = np.cos(self.angle), np.sin(self.angle)
        return np.array([[cosine, -sine], [sine, cosine]])

    def pixels(self, image: Image, size: int, border: int) -> Image:
        """What it shows, (size, size, 3)."""
        scaled = self.turn * (self.side / size)
        corner = np.array(self.center) - self.turn @ np.full(2, self.side / 2)
        way = np.column_stack([scaled, corner])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        shown = cv2.warpAffine(image, way, (size, size), flags=flags, borderMode=border)
        return np.asarray(shown, np.uint8)


class CropFinder:
    """Finds the one face in a crop; each process needs its own.

    Args:
        otherwise: what is asked where no face is seen.

    Raises:
        MissingExtraError: LiteRT is not installed.
    """

    def __init__(self, otherwise: Finder, landmarker: Path = LANDMARKER) -> None:
        self._otherwise = otherwise
        with zipfile.ZipFile(landmarker) as bundle:
            self._detector = _LiteNetwork(bundle.read(_DETECTOR), white=1.0, black=-1.0)
            self._mesh = _LiteNetwork(bundle.read(_MESH), white=1.0, black=0.0)
        self._anchors = _anchors()

    def find(self, image: Image) -> list[Points]:
        """The face in a square `image`, (68, 2) in its pixels; none found is an empty list."""
        square = self._detected(image)
        mesh = None if square is None else self._looked_at(image, square)
        return self._otherwise.find(image) if mesh is None else [to_68(mesh)]

    def _detected(self, image: Image) -> _Square | None:
        height, width = image.shape[:2]
        whole = _Square((width / 2, height / 2), max(width, height), 0.0)
        pixels = whole.pixels(image, _DETECTOR_PX, cv2.BORDER_CONSTANT)
        places, logits = sorted(self._detector(pixels), key=lambda found: -found.shape[-1])
        scores = _sigmoid(logits.ravel())
        likely = scores >= _LEAST_SCORE
        if not likely.any():
            return None
        low, high, eyes = _best(places[0][likely].astype(np.float64), scores[likely], self._anchors[likely])
        offset = np.array([width, height]) / 2 - whole.side / 2
        return _around(*(part * whole.side + offset for part in (low, high, eyes)))

    def _looked_at(self, image: Image, square: _Square) -> _Coordinates | None:
        """The mesh (478, 2) in pixels of the image."""
        found = self._mesh(square.pixels(image, _MESH_PX, cv2.BORDER_REPLICATE))
        presence = next(value for value in found if value.ndim == 4 and value.size == 1)
        if _sigmoid(presence.ravel())[0] < _LEAST_SCORE:
            return None
        mesh = max(found, key=lambda value: value.size).reshape(-1, 3)[:, :2].astype(np.float64)
        placed: _Coordinates = (mesh / _MESH_PX - 0.5) @ square.turn.T * square.side + np.array(square.center)
        return placed


class _LiteNetwork:
    """A network of one picture, on one thread.

    Args:
        content: its file.
        white: what it takes for the brightest level.
        black: and for the darkest.
    """

    def __init__(self, content: bytes, *, white: float, black: float) -> None:
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ImportError as error:
            raise MissingExtraError("--finder litert", "litert") from error
        self._network = Interpreter(model_content=content, num_threads=1)
        self._network.allocate_tensors()
        self._input: int = self._network.get_input_details()[0]["index"]
        self._scale, self._black = np.float32((white - black) / 255), np.float32(black)
        self._pixels = np.empty(self._network.get_input_details()[0]["shape"], np.float32)
        self._outputs: list[int] = [output["index"] for output in self._network.get_output_details()]

    def __call__(self, picture: Image) -> list[NDArray[Any]]:
        np.multiply(picture, self._scale, out=self._pixels[0])
        self._pixels += self._black
        self._network.set_tensor(self._input, self._pixels)
        self._network.invoke()
        return [self._network.get_tensor(output) for output in self._outputs]


def litert_version() -> str:
    """Its name and version.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        return f"LiteRT {version('ai-edge-litert')}"
    except PackageNotFoundError as error:
        raise MissingExtraError("--finder litert", "litert") from error


def _best(
    places: _Coordinates, scores: _Coordinates, anchors: _Coordinates
) -> tuple[_Coordinates, _Coordinates, _Coordinates]:
    """The most likely face: corners (2,), (2,) and eyes (2, 2), all detections of it weighted by their scores."""
    centers, sizes = places[:, :2] / _DETECTOR_PX + anchors, places[:, 2:4] / _DETECTOR_PX
    low, high = centers - sizes / 2, centers + sizes / 2
    eyes = places[:, 4:8].reshape(-1, 2, 2) / _DETECTOR_PX + anchors[:, None]
    best = int(scores.argmax())
    shared = np.prod((np.minimum(high[best], high) - np.maximum(low[best], low)).clip(0), axis=1)
    areas = np.prod(high - low, axis=1)
    same = shared / (areas + areas[best] - shared) > _SAME_FACE
    weights = scores[same] / scores[same].sum()
    low, high, eyes = (np.tensordot(weights, part[same], axes=1) for part in (low, high, eyes))
    return low, high, eyes


def _around(low: _Coordinates, high: _Coordinates, eyes: _Coordinates) -> _Square:
    """The square that the mesh network is to see."""
    across = eyes[1] - eyes[0]
    middle = (low + high) / 2
    side = float((high - low).max()) * _MARGIN
    return _Square((float(middle[0]), float(middle[1])), side, float(np.arctan2(across[1], across[0])))


def _anchors() -> _Coordinates:
    """The middle of the cell of each detection, (896, 2), 0 to 1."""
    grids = []
    for cells, each in _GRIDS:
        middles = (np.arange(cells) + 0.5) / cells
        y, x = np.meshgrid(middles, middles, indexing="ij")
        grids.append(np.repeat(np.stack([x.ravel(), y.ravel()], -1), each, axis=0))
    return np.concatenate(grids)


def _sigmoid(logits: NDArray[Any]) -> _Coordinates:
    return 1 / (1 + np.exp(-np.clip(logits.astype(np.float64), -100, 100)))

"""The 68 facial landmarks: their order, their coordinate frames and the sequence type.

Point order is the usual one (300-W, dlib): 0-16 jaw, 17-26 brows, 27-35 nose, 36-47 eyes,
48-67 mouth (48-59 outer lip, 60-67 inner lip).

Coordinate frames, all with x to the right and y down:

    image   pixels of a picture. Coordinates are continuous: the pixel in column c and row r covers
            [c, c + 1) x [r, r + 1), so its centre is (c + 0.5, r + 0.5).
    crop    pixels of the 256 x 256 crop that `kfusion prepare` places once on a clip: the image frame
            shifted and scaled, never rotated.
    unit    what networks see. The origin is the midpoint of the outer eye corners (36 and 45), the x
            axis runs from 36 to 45, and the distance between them is 1. Position, size and in-plane
            rotation of the face in the picture are gone.
"""

import csv
import json
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from kfusion.errors import InputError, OutputError, foreign
from kfusion.files import atomic_path
from kfusion.landmark_files import read_archive, read_first_face

Points = NDArray[np.float32]
"""Landmarks, (..., 68, 2)."""

POINT_COUNT = 68
JAW = slice(0, 17)
MOUTH = slice(48, 68)
MOUTH_COUNT = 20
EYE_CORNERS = (36, 45)
"""Outer corners of the right and the left eye; their distance is the inter-ocular distance."""
INNER_LIPS = (62, 66)
"""Middle of the upper and the lower inner lip; their distance is the mouth opening."""
CLOSED = 0.03
"""The mouth is closed when its opening is less than this share of the inter-ocular distance."""
STABLE_POINTS = (36, 39, 42, 45, 27, 28, 29, 30)
"""Eye corners and nose bridge: they follow the head, not the speech."""
MIRROR = np.concatenate(
    [
        [*range(16, -1, -1), *range(26, 16, -1), 27, 28, 29, 30, 35, 34, 33, 32, 31],
        [45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40],
        [54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65],
    ]
)
"""Index of each point's partner on the other side of the face."""
CONTOURS: tuple[tuple[tuple[int, ...], bool], ...] = (
    (tuple(range(17)), False),
    (tuple(range(17, 22)), False),
    (tuple(range(22, 27)), False),
    (tuple(range(27, 31)), False),
    (tuple(range(31, 36)), False),
    (tuple(range(36, 42)), True),
    (tuple(range(42, 48)), True),
    (tuple(range(48, 60)), True),
    (tuple(range(60, 68)), True),
)
"""The lines a face is drawn with: point indices, and whether the line is closed."""
CROP_SIZE_PX = 256
NPZ_FORMAT = 1
MESSAGE_DECIMALS = 2
"""Of a coordinate in a message, in pixels."""
_FRAMES_AT_ONCE = 10


@dataclass(frozen=True, slots=True)
class Similarity:
    """A map of the plane that keeps shape: `p -> matrix @ p + offset`, rotation and scale only."""

    matrix: NDArray[np.float64]
    """(..., 2, 2), a rotation times a scale."""
    offset: NDArray[np.float64]
    """(..., 2)"""

    def __call__(self, points: Points) -> Points:
        """Points after the map, (..., N, 2)."""
        mapped = points.astype(np.float64) @ np.swapaxes(self.matrix, -1, -2) + self.offset[..., None, :]
        return mapped.astype(np.float32)

    def inverse(self) -> "Similarity":
        """The map that undoes this one."""
        matrix = np.asarray(np.linalg.inv(self.matrix), np.float64)
        return Similarity(matrix, -(matrix @ self.offset[..., None])[..., 0])


def unit_frame(identity: Points) -> Similarity:
    """The map from the frame of `identity` (68, 2) to its unit frame.

    Raises:
        InputError: the outer eye corners coincide, so the face has no size.
    """
    right, left = (np.asarray(identity[point], np.float64) for point in EYE_CORNERS)
    x, y = left - right
    square = x * x + y * y
    if not square > 0:
        raise InputError("the outer eye corners (points 36 and 45) coincide: pass the landmarks of a whole face")
    matrix = np.array([[x, y], [-y, x]]) / square
    return Similarity(matrix, -matrix @ ((right + left) / 2))


def fit_similarity(source: Points, target: Points) -> Similarity:
    """The similarity that brings `source` nearest to `target` in the least-squares sense.

    Both are (..., N, 2) with broadcastable leading axes. Source: Umeyama 1991, no reflection; in
    the plane it is one complex division.
    """
    a = source.astype(np.float64) - source.mean(-2, keepdims=True, dtype=np.float64)
    b = target.astype(np.float64) - target.mean(-2, keepdims=True, dtype=np.float64)
    power = (a * a).sum((-1, -2))
    real = (a * b).sum((-1, -2)) / power
    imaginary = (a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]).sum(-1) / power
    matrix = np.stack([np.stack([real, -imaginary], -1), np.stack([imaginary, real], -1)], -2)
    offset = target.mean(-2, dtype=np.float64) - (matrix @ source.mean(-2, dtype=np.float64)[..., None])[..., 0]
    return Similarity(matrix, offset)


def remove_head_motion(points: Points, reference: Points) -> Points:
    """Points (T, 68, 2) with each frame moved so that its stable points meet those of `reference` (68, 2)."""
    stable = list(STABLE_POINTS)
    return fit_similarity(points[:, stable], reference[None, stable])(points)


def mirror(points: Points) -> Points:
    """Points (..., 68, 2) of the face seen in a mirror, x negated: for the unit frame."""
    return np.ascontiguousarray(points[..., MIRROR, :] * np.array([-1, 1], np.float32))


def inter_ocular_distance(points: Points) -> NDArray[np.float32]:
    """Distance between the outer eye corners, (...), in the unit of `points` (..., 68, 2)."""
    right, left = EYE_CORNERS
    return _distance(points, right, left)


def eased(share: NDArray[Any] | float) -> NDArray[Any]:
    """0 where `share` is below 0, 1 above 1, and without a corner in between."""
    share = np.clip(share, 0, 1)
    return np.asarray(share * share * (3 - 2 * share))


def mouth_opening(points: Points) -> NDArray[np.float32]:
    """Distance between the inner lips (62 and 66), (...), in the unit of `points` (..., 68, 2)."""
    upper, lower = INNER_LIPS
    return _distance(points, upper, lower)


def signed_opening(points: Points) -> NDArray[np.float32]:
    """How far the lower inner lip is below the upper one (62, 66), (...), in the unit of `points` (..., 68, 2).

    Along the face's own vertical, which is square to the line through the eyes; negative where the lips cross.
    """
    (upper, lower), (right, left) = INNER_LIPS, EYE_CORNERS
    apart, across = points[..., lower, :] - points[..., upper, :], points[..., left, :] - points[..., right, :]
    down = apart[..., 1] * across[..., 0] - apart[..., 0] * across[..., 1]
    return np.asarray(down / np.linalg.norm(across, axis=-1), np.float32)


def _distance(points: Points, first: int, second: int) -> NDArray[np.float32]:
    return np.asarray(np.linalg.norm(points[..., second, :] - points[..., first, :], axis=-1), np.float32)


def frame_count(duration_s: float, fps: float) -> int:
    """How many landmark frames show `duration_s` seconds: frame t stands at t / fps, the last partial one counts."""
    return int(np.ceil(round(duration_s * fps, 6)))


def resample(
    points: Points, times_s: NDArray[np.float64], fps: float, count: int, *, keep_closings: bool = False
) -> Points:
    """Landmarks at t / fps for t in 0..count-1, from landmarks seen at `times_s` (T,), linear in between.

    With `keep_closings` lips that meet for one frame alone still do (see `onto_closings`).
    """
    wanted = np.arange(count) / fps
    if keep_closings:
        wanted = onto_closings(wanted, times_s, mouth_opening(points) / inter_ocular_distance(points))
    flat = points.reshape(len(points), -1)
    columns = [np.interp(wanted, times_s, column) for column in flat.T]
    return np.stack(columns, -1).reshape(count, *points.shape[1:]).astype(np.float32)


def onto_closings(
    wanted: NDArray[np.float64], times: NDArray[np.float64], opening: NDArray[np.floating[Any]]
) -> NDArray[np.float64]:
    """Instants (N,), the nearest to each closing of the lips moved onto it: between two frames the lips would be open.

    An instant moves by less than the way from one frame to the next, and by half of the way to its neighbours at most.

    Args:
        wanted: evenly spaced, in the unit of `times`.
        times: of the frames, evenly spaced, (T,).
        opening: of the mouth in each frame, in inter-ocular distances, (T,).
    """
    if len(wanted) < 2 or len(times) < 3:
        return wanted
    before, here, after = opening[:-2], opening[1:-1], opening[2:]
    closings = times[1:-1][(here < CLOSED) & (here <= before) & (here < after)]
    nearest = np.round((closings - wanted[0]) / (wanted[1] - wanted[0])).astype(int)
    inside = (nearest >= 0) & (nearest < len(wanted))
    closings, nearest = closings[inside], nearest[inside]
    near = np.abs(closings - wanted[nearest]) < times[1] - times[0]
    moved = wanted.copy()
    moved[nearest[near]] = closings[near]
    return moved


def rounded_points(points: Points) -> list[Any]:
    """Points as JSON types, to a hundredth of a pixel: how messages carry them."""
    values: list[Any] = np.round(points.astype(np.float64), MESSAGE_DECIMALS).tolist()
    return values


def check_landmarks(points: NDArray[Any], where: str) -> Points:
    """Landmarks of one face as float32 (68, 2).

    Raises:
        InputError: the shape is not (68, 2), or a value is not finite.
    """
    if points.shape != (POINT_COUNT, 2):
        raise InputError(f"{where}: landmarks have shape {points.shape}, expected (68, 2): x and y of 68 points")
    real = np.issubdtype(points.dtype, np.integer) or np.issubdtype(points.dtype, np.floating)
    if not real or not (np.abs(points) < np.finfo(np.float32).max).all():
        raise InputError(f"{where}: landmarks hold values that are not finite numbers: detect them again")
    return points.astype(np.float32)


def read_landmarks(path: str | Path) -> Points:
    """The (68, 2) landmarks of one face from `.npy`, `.npz` (key `landmarks`), `.json` or `.csv`, image pixels.

    Of a sequence (T, 68, 2) the first frame is taken.

    Raises:
        InputError: the file is missing, unreadable, or does not hold 68 finite points.
    """
    return check_landmarks(read_first_face(Path(path)), str(path))


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LandmarkSequence:
    """A moving face: frame t, counted from `first_frame`, shows it at t / fps."""

    points: Points
    """(T, 68, 2)"""
    fps: float
    """Frames a second."""
    coordinates: str = "image"
    """The coordinate frame of `points`: `image`, `crop` or `unit`."""
    model: str = ""
    """Id of the model that made it."""
    source: str = ""
    """The recording it was made from."""
    first_frame: int = 0
    """Number of the first frame: above 0 in a piece of a stream."""

    def __len__(self) -> int:
        return len(self.points)

    @property
    def frame(self) -> str:
        """The former name of `coordinates`."""
        warnings.warn("LandmarkSequence.frame is now .coordinates", DeprecationWarning, stacklevel=2)
        return self.coordinates

    @property
    def times_s(self) -> NDArray[np.float64]:
        """The moment each frame shows, (T,)."""
        return (self.first_frame + np.arange(len(self.points))) / self.fps

    def save(self, path: str | Path) -> Path:
        """Write the sequence as `.npz`, `.csv` or `.json`, by the name's ending; whole or not at all.

        Raises:
            OutputError: the ending is unknown or the place cannot be written.
        """
        path = Path(path)
        writer = _WRITERS.get(path.suffix.lower())
        if writer is None:
            raise OutputError(f"{path}: unknown output type '{path.suffix}': use {', '.join(_WRITERS)}")
        with atomic_path(path) as part:
            writer(self, part)
        return path

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """A sequence that `save` wrote as `.npz`.

        Raises:
            InputError: the file is missing, damaged, or was not written by `save`.
        """
        arrays = read_archive(Path(path))
        with foreign(f"{path}: not a landmark sequence", "pass a file that kfusion wrote"):
            points, fps = arrays["landmarks"], float(arrays["fps"])
            text = {key: str(arrays[key]) for key in ("model", "source")}
            coordinates = str(coordinates_of(arrays))
            first = int(arrays.get("first_frame", 0))
        if not 0 < fps < np.inf:
            raise InputError(
                f"{path}: not a landmark sequence ({fps:g} frames a second): pass a file that kfusion wrote"
            )
        if points.ndim != 3 or points.shape[1:] != (POINT_COUNT, 2):
            raise InputError(f"{path}: landmarks have shape {points.shape}, expected (T, 68, 2)")
        return cls(points=points.astype(np.float32), fps=fps, coordinates=coordinates, first_frame=first, **text)


def coordinate_keys(coordinates: str) -> dict[str, str]:
    """How a file or a message names its coordinate frame: `coordinates`, and `frame`, its former name.

    `frame` stays for who reads it. In a row or a message of landmarks `frame` is the number of a frame.
    """
    return {"coordinates": coordinates, "frame": coordinates}


def coordinates_of(header: Mapping[str, Any]) -> Any:
    """What `coordinate_keys` wrote, or a version before it."""
    return header["coordinates"] if "coordinates" in header else header["frame"]


def _write_npz(sequence: LandmarkSequence, path: Path) -> None:
    with path.open("wb") as file:
        np.savez_compressed(file, landmarks=sequence.points, **_header(sequence))


def _header(sequence: LandmarkSequence) -> dict[str, Any]:
    """What a file says beside the points."""
    return {
        "format": NPZ_FORMAT,
        "fps": sequence.fps,
        **coordinate_keys(sequence.coordinates),
        "model": sequence.model,
        "source": sequence.source,
        "first_frame": sequence.first_frame,
    }


def _write_csv(sequence: LandmarkSequence, path: Path) -> None:
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["frame", "time_s", *(f"{axis}{point}" for point in range(POINT_COUNT) for axis in "xy")])
        for index, (time_s, points) in enumerate(zip(sequence.times_s, sequence.points, strict=True)):
            rows.writerow(
                [sequence.first_frame + index, f"{time_s:.6f}", *(f"{value:.4f}" for value in points.ravel())]
            )


def json_pieces(sequence: LandmarkSequence) -> Iterator[str]:
    """The text of a `.json` file, some frames at a time, so that a long one holds up no other thread."""
    yield f'{json.dumps(_header(sequence))[:-1]}, "landmarks": ['
    for start in range(0, len(sequence), _FRAMES_AT_ONCE):
        frames = sequence.points[start : start + _FRAMES_AT_ONCE].astype(np.float64)
        yield (", " if start else "") + json.dumps(np.round(frames, 4).tolist())[1:-1]
    yield "]}"


def _write_json(sequence: LandmarkSequence, path: Path) -> None:
    with path.open("w") as file:
        file.writelines(json_pieces(sequence))


_WRITERS: dict[str, Callable[[LandmarkSequence, Path], None]] = {
    ".npz": _write_npz,
    ".csv": _write_csv,
    ".json": _write_json,
}
LANDMARK_KINDS = tuple(ending[1:] for ending in _WRITERS)
"""Kinds of files that `LandmarkSequence.save` writes."""

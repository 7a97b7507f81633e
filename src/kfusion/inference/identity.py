"""The face that is to speak: from a portrait, a landmark file, an array, or the canonical mean face."""

import logging
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from kfusion import assets
from kfusion.errors import InputError
from kfusion.inference.geometry import check_face, mean_face
from kfusion.inference.picture import is_video, read_picture, to_rgb
from kfusion.landmarks import CROP_SIZE_PX, POINT_COUNT, LandmarkSequence, Points, check_landmarks, read_landmarks
from kfusion.video import Image, video_frames

LANDMARK_ENDINGS = (".npy", ".npz", ".json", ".csv")
MEAN_FACE_SHARE = 2 / 3
"""Longer side of the mean face over the side of the crop that it is placed in."""
VIDEO_LOOKS, VIDEO_STEP = 8, 10
"""How many pictures of a video are looked at for a face, and how far apart they are."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Portrait:
    """A picture of a face, perhaps scaled down."""

    picture: Image
    """(H, W, 3), RGB, upright, longer side at most 1600 pixels."""
    size_px: tuple[int, int]
    """Width and height of the picture before it was scaled down: the image frame of its landmarks."""

    @property
    def scale(self) -> NDArray[np.float64]:
        """Pixels of the whole portrait in one pixel of `picture`, (2,)."""
        height, width = self.picture.shape[:2]
        return np.array(self.size_px, np.float64) / np.array([width, height], np.float64)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Identity:
    """The landmarks of the face that is to speak, and its portrait if there is one."""

    points: Points
    """(68, 2)"""
    coordinates: str = "image"
    """The coordinate frame of `points`: `image`, or `crop` for the mean face."""
    portrait: Portrait | None = None


IdentityLike = str | Path | NDArray[Any] | LandmarkSequence | Identity | None


def read_identity(identity: IdentityLike, *, person: int | None = None, from_video: bool = False) -> Identity:
    """The face to animate.

    Args:
        identity: path to a picture, path to a landmark file (`.npy`, `.npz`, `.json`, `.csv`), a picture
            (H, W, 3) uint8, landmarks (68, 2), a `LandmarkSequence` (its first frame is taken), or None for
            the canonical mean face, upright in the middle of a 256 x 256 crop.
        person: which face of a picture with several, counted from the left from 1; None for the largest.
        from_video: whether a path may also be a video, whose first usable picture is taken, with a notice.

    Raises:
        InputError: it cannot be read, or shows no usable face, or fewer than `person`.
    """
    if identity is None:
        return mean_identity()
    if isinstance(identity, Identity):
        return identity
    if isinstance(identity, LandmarkSequence):
        points = check_face(
            check_landmarks(_first(identity), "identity"), "identity", in_pixels=identity.coordinates != "unit"
        )
        return Identity(points=points, coordinates=identity.coordinates)
    if isinstance(identity, np.ndarray):
        return _from_array(identity, person)
    path = Path(identity)
    if path.suffix.lower() in LANDMARK_ENDINGS:
        return Identity(points=check_face(read_landmarks(path), str(path)))
    if from_video and is_video(path):
        return _from_video(path, person)
    picture, size_px = read_picture(path)
    return _from_picture(picture, size_px, str(path), person)


def mean_identity() -> Identity:
    """The canonical mean face, in the middle of a 256 x 256 crop."""
    face = mean_face()
    low, high = face.min(0), face.max(0)
    scale = CROP_SIZE_PX * MEAN_FACE_SHARE / (high - low).max()
    placed = (face - (low + high) / 2) * scale + CROP_SIZE_PX / 2
    return Identity(points=check_landmarks(placed, str(assets.MEAN_FACE)), coordinates="crop")


def _first(sequence: LandmarkSequence) -> Points:
    if not len(sequence):
        raise InputError("identity: the landmark sequence holds 0 frames: pass at least one")
    first: Points = sequence.points[0]
    return first


def _from_array(identity: NDArray[Any], person: int | None) -> Identity:
    if identity.shape == (POINT_COUNT, 2):
        return Identity(points=check_face(check_landmarks(identity, "identity"), "identity"))
    if identity.ndim == 3 and identity.shape[2] == 3 and identity.dtype == np.uint8 and identity.size:
        picture = Pillow.fromarray(identity)
        return _from_picture(to_rgb(picture), picture.size, "identity", person)
    raise InputError(
        f"identity: an array of shape {identity.shape} and type {identity.dtype}: "
        "pass landmarks (68, 2) or an RGB picture (H, W, 3) of uint8"
    )


def _from_picture(picture: Pillow.Image, size_px: tuple[int, int], where: str, person: int | None) -> Identity:
    from kfusion.face import Scene, find_identity

    scene = Scene.of(picture)
    portrait = Portrait(picture=np.asarray(scene.small), size_px=size_px)
    points = find_identity(scene, where, person) * (np.array(size_px) / np.array(picture.size))
    return Identity(points=points.astype(np.float32), portrait=portrait)


def _from_video(path: Path, person: int | None) -> Identity:
    """The face of the first picture of a video that shows one."""
    reason = None
    for time_s, frame in islice(video_frames(path), 0, VIDEO_LOOKS * VIDEO_STEP, VIDEO_STEP):
        picture = Pillow.fromarray(frame)
        try:
            identity = _from_picture(picture, picture.size, f"{path} at {time_s:.2f} s", person)
        except InputError as error:
            reason = error
            continue
        log.warning("%s: is a video, its picture at %.2f s is the portrait", path, time_s)
        return identity
    raise InputError(
        f"{path}: is a video without a usable face in its first {VIDEO_LOOKS * VIDEO_STEP} pictures: "
        "save one of its pictures as PNG and pass that"
    ) from reason

"""The face that is to speak: from a portrait, a landmark file, an array, or the canonical mean face."""

import struct
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageOps

from kfusion import assets
from kfusion.errors import InputError, MissingWeightsError
from kfusion.landmarks import CROP_SIZE_PX, POINT_COUNT, LandmarkSequence, Points, check_landmarks, read_landmarks
from kfusion.video import Image

LANDMARK_ENDINGS = (".npy", ".npz", ".json", ".csv")
MAX_SIDE_PX = 1600
"""A larger portrait is scaled down to this before the face is looked for."""
MEAN_FACE_SHARE = 2 / 3
"""Longer side of the mean face over the side of the crop that it is placed in."""
_PICTURE_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    struct.error,
    Pillow.DecompressionBombError,
    Pillow.DecompressionBombWarning,
)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Portrait:
    """A picture of a face, perhaps scaled down."""

    picture: Image
    """(H, W, 3), RGB, upright, longer side at most `MAX_SIDE_PX`."""
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
    frame: str = "image"
    """Coordinate frame of `points`: `image`, or `crop` for the mean face."""
    portrait: Portrait | None = None


IdentityLike = str | Path | NDArray[Any] | LandmarkSequence | Identity | None


def read_identity(identity: IdentityLike) -> Identity:
    """The face to animate.

    Args:
        identity: path to a picture, path to a landmark file (`.npy`, `.npz`, `.json`, `.csv`), a picture
            (H, W, 3) uint8, landmarks (68, 2), a `LandmarkSequence` (its first frame is taken), or None for
            the canonical mean face, upright in the middle of a 256 x 256 crop.

    Raises:
        InputError: it cannot be read, or shows no usable face.
    """
    if identity is None:
        return mean_identity()
    if isinstance(identity, Identity):
        return identity
    if isinstance(identity, LandmarkSequence):
        return Identity(points=check_landmarks(_first(identity), "identity"), frame=identity.frame)
    if isinstance(identity, np.ndarray):
        return _from_array(identity)
    path = Path(identity)
    if path.suffix.lower() in LANDMARK_ENDINGS:
        return Identity(points=read_landmarks(path))
    return _from_picture(_open_picture(path), str(path))


def mean_identity() -> Identity:
    """The canonical mean face, in the middle of a 256 x 256 crop."""
    if not assets.MEAN_FACE.is_file():
        raise MissingWeightsError(f"{assets.MEAN_FACE}: the mean face is missing: install kfusion again")
    face = np.load(assets.MEAN_FACE, allow_pickle=False)
    low, high = face.min(0), face.max(0)
    scale = CROP_SIZE_PX * MEAN_FACE_SHARE / (high - low).max()
    placed = (face - (low + high) / 2) * scale + CROP_SIZE_PX / 2
    return Identity(points=check_landmarks(placed, str(assets.MEAN_FACE)), frame="crop")


def _first(sequence: LandmarkSequence) -> Points:
    if not len(sequence):
        raise InputError("identity: the landmark sequence holds 0 frames: pass at least one")
    first: Points = sequence.points[0]
    return first


def _from_array(identity: NDArray[Any]) -> Identity:
    if identity.shape == (POINT_COUNT, 2):
        return Identity(points=check_landmarks(identity, "identity"))
    if identity.ndim == 3 and identity.shape[2] == 3 and identity.dtype == np.uint8:
        return _from_picture(Pillow.fromarray(identity), "identity")
    raise InputError(
        f"identity: an array of shape {identity.shape} and type {identity.dtype}: "
        "pass landmarks (68, 2) or an RGB picture (H, W, 3) of uint8"
    )


def _from_picture(picture: Pillow.Image, where: str) -> Identity:
    from kfusion.face import find_identity

    size_px = picture.size
    picture.thumbnail((MAX_SIDE_PX, MAX_SIDE_PX))
    portrait = Portrait(picture=np.asarray(picture), size_px=size_px)
    points = find_identity(portrait.picture, where) * portrait.scale
    return Identity(points=points.astype(np.float32), portrait=portrait)


def _open_picture(path: Path) -> Pillow.Image:
    if not path.is_file():
        raise InputError(f"{path}: no such picture: pass a portrait (JPEG, PNG, WebP) or a landmark file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Pillow.DecompressionBombWarning)
            with Pillow.open(path) as picture:
                return _to_rgb(ImageOps.exif_transpose(picture))
    except _PICTURE_ERRORS as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: cannot read the picture ({reason}): pass a portrait as JPEG, PNG or WebP") from error


def _to_rgb(picture: Pillow.Image) -> Pillow.Image:
    if picture.mode.startswith(("I", "F")):
        return _to_8_bit(picture).convert("RGB")
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        return Pillow.alpha_composite(Pillow.new("RGBA", picture.size, "white"), picture).convert("RGB")
    return picture.convert("RGB")


def _to_8_bit(picture: Pillow.Image) -> Pillow.Image:
    values = np.nan_to_num(np.asarray(picture, np.float32))
    full_scale = next((full for full in (1.0, 255.0, 65535.0) if values.max() <= full), float(values.max()))
    return Pillow.fromarray((values.clip(0, None) * (255 / full_scale)).astype(np.uint8))

"""The portrait that is to talk, at its full size, and why some cannot."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image as Pillow

from kfusion.errors import InputError
from kfusion.inference.identity import Identity, IdentityLike, read_identity
from kfusion.inference.picture import is_video, read_picture
from kfusion.landmarks import Points
from kfusion.picture.hidden_mouth import why_hidden
from kfusion.video import Image

MAX_SIDE_PX = 3840
"""A larger portrait is scaled down to this: 4K."""


@dataclass(frozen=True, slots=True, eq=False)
class Sitter:
    """A portrait at the size at which it is drawn, and its landmarks there."""

    picture: Image
    """(H, W, 3), RGB, H and W even."""
    points: Points
    """(68, 2), its pixels."""
    scale: float
    """Its pixels in one of the picture that was read."""
    identity: Identity
    """What was read."""


def read_sitter(portrait: "IdentityLike | Sitter", *, person: int | None = None) -> Sitter:
    """The sitter in a picture: a path, an array (H, W, 3), or what `read_identity` gave.

    Raises:
        InputError: it cannot be read, shows no usable face, or no mouth.
    """
    if isinstance(portrait, Sitter):
        return portrait
    return seat(read_identity(portrait, person=person), portrait if isinstance(portrait, str | Path) else None)


def seat(identity: Identity, path: str | Path | None = None) -> Sitter:
    """The sitter of a portrait that can talk.

    Args:
        identity: what `read_identity` gave.
        path: the picture that it was read from, to draw it at its full size; without it, what `identity` keeps.

    Raises:
        InputError: there is no picture, or its mouth cannot be seen.
    """
    if identity.portrait is None:
        raise InputError("a talking picture needs a picture of the face: pass one with --face, or use --video points")
    kept = identity.portrait.picture
    picture = kept if path is None or is_video(Path(path)) else np.asarray(_small_enough(read_picture(Path(path))[0]))
    scale = picture.shape[1] / identity.portrait.size_px[0]
    points = (identity.points * scale).astype(np.float32)
    reason = why_hidden(picture, points)
    if reason:
        raise InputError(f"{path or 'the portrait'}: {reason}")
    return Sitter(_even(picture), points, scale, identity)


def _small_enough(picture: Pillow.Image) -> Pillow.Image:
    shrunk = MAX_SIDE_PX / max(picture.size)
    if shrunk >= 1:
        return picture
    return picture.resize(
        (max(1, round(picture.width * shrunk)), max(1, round(picture.height * shrunk))), Pillow.Resampling.LANCZOS
    )


def _even(picture: Image) -> Image:
    """Without its last row or column where their number is odd, as films need it."""
    height, width = picture.shape[:2]
    if min(height, width) < 2:
        picture = cv2.copyMakeBorder(picture, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
        height, width = picture.shape[:2]
    return np.ascontiguousarray(picture[: height // 2 * 2, : width // 2 * 2])

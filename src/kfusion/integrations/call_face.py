"""The portrait in a call: it speaks, and between what it says it rests, blinks and looks about."""

import math

import cv2
import numpy as np

from kfusion.errors import InputError
from kfusion.inference.generator import Generator
from kfusion.inference.identity import IdentityLike
from kfusion.landmarks import Points
from kfusion.motion.life import Life, LifeOptions
from kfusion.motion.resting import face_in_silence
from kfusion.picture.sitter import Sitter, read_sitter
from kfusion.picture.talking import TalkingPicture
from kfusion.video import Image

SETTLE_S = 0.13
"""How long a face takes from what it showed to something that does not follow from it: to rest, or out of it."""
MIN_SIDE_PX = 64


class CallFace:
    """One picture after another, in the frame rate of the call. Not for use by several threads at once."""

    def __init__(self, sitter: Sitter, fps: float, life: LifeOptions | None) -> None:
        self.sitter = sitter
        self.size_px = (sitter.picture.shape[1], sitter.picture.shape[0])
        """Width and height of the pictures, both even."""
        self._talking = TalkingPicture(sitter.picture, sitter.points)
        self._life = Life(fps, life) if life else None
        self._rest = self._shown = sitter.points
        self._aside = np.zeros_like(self._rest)
        """How far what is shown is from what is asked for, when it began to settle."""
        self._settling = self._settle_frames = max(1, round(SETTLE_S * fps))
        self._still: Image | None = None
        """The last picture, where nothing in it can have moved since."""

    def prepare(self, generator: Generator) -> None:
        """Learn how this face rests: as the network draws it in silence, not with the smile of the portrait."""
        silent = face_in_silence(generator.stream(self.sitter.identity).push)
        self._rest = self._shown = silent * np.float32(self.sitter.scale)

    def draw(self, points: Points | None, *, follows: bool = True) -> Image:
        """The next picture, (H, W, 3), RGB.

        Args:
            points: (68, 2), in the frame of the portrait; None at rest.
            follows: whether they follow from those before; if not, the face goes there and does not jump.
        """
        if not follows:
            self._settling, self._still = 0, None
        target = self._rest if points is None else points * np.float32(self.sitter.scale)
        placed = self._settled(target)
        if points is None and self._life is None and self._settling == self._settle_frames:
            self._still = self._talking.frame(placed) if self._still is None else self._still
            return self._still
        signs = (self._life.step(self._talking.opening(placed)),) if self._life else ()
        return self._talking.frame(placed, *signs)

    def _settled(self, target: Points) -> Points:
        if self._settling == 0:
            self._aside = self._shown - target
        if self._settling < self._settle_frames:
            self._settling += 1
            share = np.float32(0.5 + 0.5 * math.cos(math.pi * self._settling / self._settle_frames))
            target = target + share * self._aside
        self._shown = target
        return target


def read_call_sitter(portrait: IdentityLike | Sitter, largest_px: int) -> Sitter:
    """The sitter of a portrait, whose longer side is `largest_px` at most.

    Raises:
        InputError: the size is too small, or the portrait cannot be read or shows no usable face.
    """
    if largest_px < MIN_SIDE_PX:
        raise InputError(f"largest_px is {largest_px}: use {MIN_SIDE_PX} or more")
    sitter = read_sitter(portrait)
    height, width = sitter.picture.shape[:2]
    shrunk = largest_px / max(width, height)
    if shrunk >= 1:
        return sitter
    even = [max(2, 2 * round(side * shrunk / 2)) for side in (width, height)]
    picture = np.asarray(cv2.resize(sitter.picture, even, interpolation=cv2.INTER_AREA), np.uint8)
    return Sitter(picture, sitter.points * np.float32(shrunk), sitter.scale * shrunk, sitter.identity)

"""The mouth as it is drawn: two lips that part at a seam, and the cavity between them."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from kfusion.motion.life import LifeSigns
from kfusion.picture.anatomy import FaceAxes, Places, lip_gap
from kfusion.picture.cavity import make_cavity
from kfusion.picture.field import Grid, Reals
from kfusion.picture.light import Light
from kfusion.picture.portrait_mouth import PortraitMouth, opening_outline, polygon_mask
from kfusion.picture.seam import Seam, seam_line
from kfusion.picture.stage import moved_with_head
from kfusion.video import Image

_ROUND = np.array([0.52, 0.30])
"""How far round the middle of the mouth every pixel is looked at, in eye distances."""
_BRIGHT_GAP = 0.14
"""Lips so far apart let all the light in."""
_LIT_LEAST = 0.72
_SHADED = 0.66
_UNDER_LIP = 0.02
"""How far the shadow of the lips reaches."""


@dataclass(frozen=True, slots=True, eq=False)
class Layers:
    """Where what the nodes of a grid show comes from in the portrait, each (rows, columns, 2)."""

    upper: Reals
    """By the motion of the skull."""
    lower: Reals
    """By that of the jaw."""
    still: Reals
    """By none but that of the whole head."""


class Mouth:
    """The mouth of one portrait."""

    def __init__(self, portrait: Image, axes: FaceAxes, shown: PortraitMouth, light: Light, seed: int) -> None:
        self._axes, self._shown = axes, shown
        self._seam = Seam.of(shown.face, 1 / axes.unit_px)
        self._light = light
        self._low, size = self._rest_box()
        pixels = np.stack(np.meshgrid(*(np.arange(low, low + n) for low, n in zip(self._low, size, strict=True))), -1)
        places = axes.to_face(pixels) - self._seam.line[len(self._seam.line) // 2]
        lips = (-shown.gap / 2, shown.gap / 2)
        self._cavity = make_cavity(places.astype(np.float32), lips, self._light, axes.unit_px, seed)
        self._own = self._own_teeth(portrait) if shown.teeth else None

    def draw(self, canvas: Image, source: Image, grid: Grid, layers: Layers, face: Places, life: LifeSigns) -> None:
        """Draw what moves onto a canvas.

        Args:
            canvas: (H, W, 3), what is seen where nothing moves.
            source: the portrait, with its eyes as they are now.
            grid: of the layers.
            layers: where what is seen comes from.
            face: the landmarks now, (68, 2), face coordinates.
            life: the motion of the head.
        """
        around = self._around(grid, face, life)
        apart = layers.lower - layers.upper
        moved = grid.moved_part(layers.upper, apart)
        if moved is not None:
            share, _ = self._seam.choice(self._axes.to_face(layers.upper + apart / 2))
            places = layers.upper + share[..., None] * apart
            moved.put(canvas, _sampled(source, grid.dense(places, moved)))
        near = Layers(*(grid.dense(places, around) for places in (layers.upper, layers.lower, layers.still)))
        lips = self._lips(source, near)
        self._open(lips, around, near, face, life)
        around.put(canvas, lips)

    def _around(self, grid: Grid, face: Places, life: LifeSigns) -> Grid:
        """The cells round the mouth."""
        middle = (face[60] + face[64]) / 2
        corners = middle + _ROUND * np.array([[-1, -1], [1, -1], [-1, 1], [1, 1]])
        pixels = moved_with_head(self._axes.to_pixels(corners), self._axes, life)
        return grid.part(pixels.min(0), pixels.max(0))

    def _lips(self, source: Image, near: Layers) -> Image:
        """Both layers, each on its side of the seam."""
        above, below, lower = self.lip_places(near)
        first, second = _sampled(source, above), _sampled(source, below)
        return np.asarray(cv2.blendLinear(first, second, 1 - lower, lower))

    def lip_places(self, near: Layers) -> tuple[Reals, Reals, Reals]:
        """Where pixels come from above and below the seam, (H, W, 2), and how much they lie below it, (H, W)."""
        apart = near.lower - near.upper
        lower, parted = self._seam.choice(self._axes.to_face(near.upper + apart / 2))
        above = near.upper + (lower * (1 - parted))[..., None] * apart
        return above, above + parted[..., None] * apart, lower

    def _open(self, lips: Image, part: Grid, near: Layers, face: Places, life: LifeSigns) -> None:
        """Put the line between shut lips, or what shows between open ones, onto the lips."""
        gap, low = lip_gap(face), np.array([part.left, part.top])
        if self._shown.gap:
            self._shut_line(lips, low, face, gap, life)
        if gap <= 0:
            return
        outline = moved_with_head(self._axes.to_pixels(opening_outline(face)), self._axes, life)
        opening = polygon_mask(outline, lips.shape[:2], low)
        opening = cv2.GaussianBlur(opening, (0, 0), max(0.4, 0.7 * self._light.blur_px))
        rows, columns = np.flatnonzero(opening.max(1) > 0.003), np.flatnonzero(opening.max(0) > 0.003)
        if not len(rows):
            return
        box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        jaw = (face[[57, 66, 8]] - self._shown.face[[57, 66, 8]]).mean(0) if gap else np.zeros(2)
        inside = self._inside(near.still[box], jaw, gap)
        shade = self._shade(opening, gap)[box]
        lips[box] = _mixed(lips[box], (inside * shade[..., None]).clip(0, 255), opening[box])

    def _inside(self, still: Reals, jaw: Places, gap: float) -> Reals:
        """What is behind the lips at places of the portrait's skull, (h, w, 3)."""
        skull = still - self._low.astype(np.float32)
        shift = jaw[0] * self._axes.across + jaw[1] * self._axes.down
        with_jaw = skull - (self._axes.unit_px * shift).astype(np.float32)
        shown = _sampled(self._cavity.dark, skull).astype(np.float32)
        for plate, places in ((self._cavity.lower, with_jaw), (self._cavity.upper, skull)):
            shown = _laid(_sampled(plate, places, cv2.INTER_LINEAR), shown)
        if self._own is not None:
            shown = _laid(_sampled(self._own, skull), shown)
        return shown

    def _shade(self, opening: Reals, gap: float) -> Reals:
        """Lips take the light: little gets in between lips that are nearly shut, and none close under them."""
        reach = max(1.0, _UNDER_LIP * self._axes.unit_px)
        wide = min(1.0, gap / max(_BRIGHT_GAP, self._shown.gap))
        lit = np.float32(_LIT_LEAST + (1 - _LIT_LEAST) * wide)
        if self._own is not None:
            return np.full(opening.shape, lit)
        free = np.asarray(cv2.GaussianBlur(opening, (0, 0), reach), np.float32)
        return lit * (np.float32(_SHADED) + np.float32(1 - _SHADED) * free)

    def _shut_line(self, lips: Image, low: Places, face: Places, gap: float, life: LifeSigns) -> None:
        """The dark line of shut lips, for a portrait whose mouth is open: as dark as the mouth is shut."""
        strength = 0.55 * max(0.0, 1 - gap / (0.5 * self._shown.gap))
        if strength == 0:
            return
        line = moved_with_head(self._axes.to_pixels(seam_line(face)), self._axes, life) - low
        mask = np.zeros(lips.shape[:2], np.uint8)
        width = max(1, round(0.012 * self._axes.unit_px))
        cv2.polylines(mask, [np.round(line * 16).astype(np.int32)], False, 255, width, cv2.LINE_AA, 4)
        soft = cv2.GaussianBlur(mask, (0, 0), max(0.6, 0.008 * self._axes.unit_px)).astype(np.float32)
        dark = np.broadcast_to(self._light.lips * np.float32(0.35), lips.shape)
        lips[:] = _mixed(lips, dark, soft * np.float32(strength / 255))

    def _rest_box(self) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
        """Low corner and size of the part of the portrait that the cavity is made for."""
        middle = self._seam.line[len(self._seam.line) // 2]
        corners = self._axes.to_pixels(middle + _ROUND * np.array([[-1, -1], [1, -1], [-1, 1], [1, 1]]))
        low = np.floor(corners.min(0)).astype(int)
        return low, np.ceil(corners.max(0)).astype(int) - low

    def _own_teeth(self, portrait: Image) -> Image:
        """What the open mouth of a portrait shows, over the box of the cavity, (H, W, 4), with its cover."""
        height, width = self._cavity.dark.shape[:2]
        left, top = self._low.tolist()
        where = np.stack(np.meshgrid(np.arange(left, left + width), np.arange(top, top + height)), -1).astype(
            np.float32
        )
        shown = _sampled(portrait, where, cv2.INTER_NEAREST)
        outline = self._axes.to_pixels(opening_outline(self._shown.face))
        mask = polygon_mask(outline, (height, width), self._low)
        edge = max(1, round(0.014 * self._axes.unit_px))
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * edge + 1, 2 * edge + 1))
        sure, reach = cv2.erode(mask, disc), cv2.dilate(mask, disc)
        rim = ((sure < 1) & (reach > 0)).astype(np.uint8)
        filled = cv2.inpaint(shown, rim, edge + 1, cv2.INPAINT_TELEA)
        cover = cv2.GaussianBlur(mask, (0, 0), max(0.7, self._light.blur_px))
        return np.dstack([filled, (cover * 255).astype(np.uint8)])


def _sampled(picture: Image, places: Reals, how: int = cv2.INTER_CUBIC) -> Image:
    return np.asarray(cv2.remap(picture, places, None, how, borderMode=cv2.BORDER_REPLICATE))


def _mixed(first: Image, second: Reals | Image, share: Reals) -> Image:
    """`first` where `share` (H, W) is 0, `second` where it is 1."""
    mixed = first + share[..., None] * (second.astype(np.float32) - first)
    return np.asarray(mixed + 0.5, np.uint8)


def _laid(front: Image, back: Reals) -> Reals:
    """A picture with cover (H, W, 4) on another."""
    share = front[..., 3:].astype(np.float32) * np.float32(1 / 255)
    return back + share * (front[..., :3] - back)

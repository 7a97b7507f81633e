"""The portrait that talks: one picture for each face of 68 moving points.

Two layers follow the landmarks: the upper lip and all above it move with the skull, the lower lip and the chin with the
jaw. They part at a seam between the inner lips, behind which lies the cavity of the mouth; beyond the corners of the
mouth one fades into the other. Both are linear in the landmarks and smooth, on a coarse grid, and are held back before
they could fold. What lies off the face is the portrait's own, bit for bit, unless the head sways.
"""

import numpy as np

from kfusion.errors import InputError
from kfusion.landmarks import Points, check_landmarks
from kfusion.motion.life import STILL, LifeSigns
from kfusion.picture.anatomy import FaceAxes, Places, lip_gap, settled_lips, stabilised
from kfusion.picture.eyes import Eyes, eye_white
from kfusion.picture.field import Grid, PointField, Reals, held_back, sources
from kfusion.picture.light import light_of
from kfusion.picture.mouth import Layers, Mouth
from kfusion.picture.portrait_mouth import portrait_mouth
from kfusion.picture.stage import Stage, face_stage, head_stage
from kfusion.video import Image

_LIPS, _JAW, _BROWS, _HELD = 3e-4, 1e-2, 5e-3, 2e-3
"""How loosely the motion follows landmarks, as noise beside a variance of 1."""
_UPPER = {
    _LIPS: (48, 49, 50, 51, 52, 53, 54, 60, 61, 62, 63, 64),
    _BROWS: tuple(range(17, 27)),
    _HELD: (0, 1, 2, 14, 15, 16, *range(27, 48)),
}
_LOWER = {
    _LIPS: (48, 54, 55, 56, 57, 58, 59, 60, 64, 65, 66, 67),
    _JAW: tuple(range(3, 14)),
    _HELD: (0, 1, 15, 16, *range(27, 48)),
}
_REACH = 0.6
"""How far a point moves what is round it, in eye distances."""
_HIDDEN = 0.014
"""How much of the edge of each open lip is hidden when they are shut, in eye distances."""
CELLS = 16
"""Of the grid, in an eye distance."""
_EYE_SHUT, _EYE_OPEN = 0.15, 0.6
"""Share of its opening in the portrait at which an eye of the landmarks counts as shut, and as open."""


class TalkingPicture:
    """A portrait and its 68 landmarks, ready to talk.

    Not for use by several threads at once. `frame` needs nothing but the landmarks of its moment, so that it can draw
    a stream.
    """

    def __init__(self, portrait: Image, points: Points, *, seed: int = 0) -> None:
        """`portrait` (H, W, 3), RGB; `points` (68, 2) in its pixels; `seed` of the grain in the mouth.

        Raises:
            InputError: it is no picture, or the points are no face in it.
        """
        self.portrait = np.ascontiguousarray(portrait)
        self._rest = _checked(self.portrait, points) - np.float32(0.5)
        self._axes = FaceAxes.of(self._rest)
        self._mouth_shown = portrait_mouth(self.portrait, self._axes, self._rest.astype(np.float64))
        self._face = self._mouth_shown.face
        step = max(2, round(self._axes.unit_px / CELLS))
        self._stage = face_stage(self._axes, self._face, step)
        self._head_stage: Stage | None = None
        grid, mask = self._stage.grid, self._stage.mask
        self._layers = [_Layer(grid, mask, self._axes, self._face, points) for points in (_UPPER, _LOWER)]
        light = light_of(self.portrait, self._axes, self._face, eye_white(self.portrait, self._axes, self._face))
        self._eyes = Eyes(self.portrait, self._axes, self._face, light.grain)
        self._mouth = Mouth(self.portrait, self._axes, self._mouth_shown, light, seed)
        self._source = self.portrait.copy()

    def opening(self, landmarks: Points) -> float:
        """How far the lips of `landmarks` (68, 2) are apart, in eye distances, once they are settled."""
        return lip_gap(self._settled(landmarks))

    def frame(self, landmarks: Points, life: LifeSigns = STILL) -> Image:
        """The picture of one moment, (H, W, 3), RGB, an array of its own.

        Args:
            landmarks: (68, 2), pixels of the portrait. The motion of the whole head in them is left out.
            life: what the face does beside speaking.

        Raises:
            InputError: the landmarks are none.
        """
        settled = self._settled(check_landmarks(landmarks, "the moving face"))
        moved = settled - self._mouth_shown.reference
        moved[17:27, 1] -= life.brows
        upper, lower, moved = self._motions(moved)
        stage = self._stage_for(life)
        seen = stage.seen(self._axes, life)
        grid = self._stage.grid
        layers = Layers(sources(grid, upper, seen), sources(grid, lower, seen), seen)
        self._draw_eyes(settled, life)
        canvas = self._source.copy()
        self._mouth.draw(canvas, self._source, stage.grid, layers, self._face + moved, life)
        return canvas

    def _settled(self, landmarks: Points) -> Places:
        return settled_lips(self._axes.to_face(stabilised(landmarks - np.float32(0.5), self._rest)))

    def _motions(self, moved: Places) -> tuple[Reals, Reals, Places]:
        """The motion of both layers, and that of the points, held back where they would fold."""
        upper, lower = (layer(self._axes, self._overlapping(moved)) for layer in self._layers)
        share = np.float32(min(held_back(motion, self._stage.grid.step) for motion in (upper, lower)))
        return (upper, lower, moved) if share == 1 else (share * upper, share * lower, share * moved)

    def _overlapping(self, moved: Places) -> Places:
        """Motion that hides a little of the edges of open lips as they shut: no line of teeth goes with them."""
        gap = self._mouth_shown.gap
        if gap == 0:
            return moved
        hidden = moved.copy()
        aside = _HIDDEN * max(0.0, 1 - lip_gap(self._face + moved) / gap)
        hidden[61:64, 1] += aside
        hidden[65:68, 1] -= aside
        return hidden

    def _stage_for(self, life: LifeSigns) -> Stage:
        if life.shift == (0.0, 0.0) and life.roll == 0 and life.nearer == 0:
            return self._stage
        if self._head_stage is None:
            self._head_stage = head_stage(self._axes, self._face, self._stage.grid.step, self.portrait.shape[:2])
        return self._head_stage

    def _draw_eyes(self, settled: Places, life: LifeSigns) -> None:
        closed = max(life.closed, self._closed(settled))
        self._eyes.draw(self._source, closed, life.gaze)

    def _closed(self, settled: Places) -> float:
        """How far the eyes of the landmarks are shut beside those of the portrait."""
        now, rest = (np.mean([face[41, 1] - face[37, 1], face[46, 1] - face[44, 1]]) for face in (settled, self._face))
        share = (_EYE_OPEN - now / max(rest, 1e-3)) / (_EYE_OPEN - _EYE_SHUT)
        return float(np.clip(share, 0, 1))


def _checked(portrait: Image, points: Points) -> Points:
    points = check_landmarks(points, "the portrait")
    if portrait.ndim != 3 or portrait.shape[2] != 3 or portrait.dtype != np.uint8:
        raise InputError(
            f"the portrait: an array of shape {portrait.shape} and type {portrait.dtype}: pass RGB (H, W, 3) of uint8"
        )
    height, width = portrait.shape[:2]
    inside = ((points >= 0) & (points <= [width, height])).all(-1).sum()
    if inside < len(points) / 4:
        raise InputError(
            f"the portrait: {inside} of {len(points)} landmarks lie in the picture of {width} x {height} pixels: "
            "pass those of a face in it"
        )
    return points


class _Layer:
    """A part of the face that follows some of its points."""

    def __init__(
        self, grid: Grid, mask: Reals, axes: FaceAxes, face: Places, points: dict[float, tuple[int, ...]]
    ) -> None:
        self._points = [point for chosen in points.values() for point in chosen]
        self._held = np.array([noise == _HELD for noise, chosen in points.items() for _ in chosen])
        noise = np.array([noise for noise, chosen in points.items() for _ in chosen], np.float32)
        places = axes.to_pixels(face[self._points]).astype(np.float32)
        self._field = PointField(grid, places, noise, _REACH * axes.unit_px, mask)

    def __call__(self, axes: FaceAxes, moved: Places) -> Reals:
        """The motion of the nodes in pixels, for points that go by `moved` (68, 2), face coordinates."""
        chosen = np.where(self._held[:, None], 0.0, moved[self._points])
        turned = chosen[:, :1] * axes.across + chosen[:, 1:] * axes.down
        return self._field((axes.unit_px * turned).astype(np.float32))

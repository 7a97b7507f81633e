"""The part of a portrait that is drawn anew: the face alone, or the whole head where it sways."""

from dataclasses import dataclass

import cv2
import numpy as np

from kfusion.landmarks import eased
from kfusion.motion.life import LifeSigns
from kfusion.picture.anatomy import FaceAxes, Places
from kfusion.picture.field import Grid, Reals

_BESIDE, _BELOW = 0.16, 0.42
"""Where motion has faded away, in eye distances from the jaw: beside the face, and below its chin."""
_FOREHEAD = 0.25
_HEAD = (1.25, 1.75)
"""Half the width and height of what moves with the head as one, in eye distances."""
_BODY = 2.1
"""Where the head's motion has faded away, over the size of the head."""
_FRAME = 0.30
"""It has faded away at the frame of the picture, too, within this distance."""


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """A part of the picture, and how much of it moves."""

    grid: Grid
    mask: Reals
    """0 to 1 at its nodes: of the face's motion, or of the head's."""

    def seen(self, axes: FaceAxes, life: LifeSigns) -> Reals:
        """What place of a face whose head is at rest is seen at each node, (rows, columns, 2)."""
        nodes = self.grid.nodes
        shift, roll, nearer = head_motion(axes, life)
        if not (shift.any() or roll or nearer):
            return nodes
        pivot = neck(axes)
        turn = np.array([[np.cos(roll), np.sin(roll)], [-np.sin(roll), np.cos(roll)]]) / (1 + nearer)
        back = (nodes - (pivot + shift)) @ turn.T + pivot - nodes
        return (nodes + self.mask[..., None] * back).astype(np.float32)


def head_motion(axes: FaceAxes, life: LifeSigns) -> tuple[Places, float, float]:
    """Shift in pixels, roll in radians, growth."""
    return np.array(life.shift) * axes.unit_px, life.roll, life.nearer


def neck(axes: FaceAxes) -> Places:
    """The place about which a head turns, (2,), pixels."""
    return axes.to_pixels(np.array([0.0, 1.3]))


def moved_with_head(places: Places, axes: FaceAxes, life: LifeSigns) -> Places:
    """Where places of the face are (n, 2) once its head has moved."""
    shift, roll, nearer = head_motion(axes, life)
    pivot = neck(axes)
    turn = np.array([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]]) * (1 + nearer)
    return np.asarray((places - pivot) @ turn.T + pivot + shift, np.float64)


def face_stage(axes: FaceAxes, face: Places, step: int) -> Stage:
    """The face with a margin, in which its own motion fades away."""
    brows = face[17:27] - [0.0, _FOREHEAD]
    outline = np.vstack([face[:17], brows[::-1]])
    margin = _BELOW + 2 / 16
    corners = np.array(
        [
            [x, y]
            for x in (outline[:, 0].min() - margin, outline[:, 0].max() + margin)
            for y in (outline[:, 1].min() - margin, outline[:, 1].max() + margin)
        ]
    )
    pixels = axes.to_pixels(corners)
    grid = Grid.over(pixels.min(0), pixels.max(0), step)
    places = axes.to_face(grid.nodes)
    outside = _outside(places, outline)
    lowness = np.clip((places[..., 1] - face[33, 1]) / (face[8, 1] - face[33, 1]), 0, 1)
    fade = _BESIDE + (_BELOW - _BESIDE) * lowness**2
    return Stage(grid, eased(1 - outside / fade).astype(np.float32))


def head_stage(axes: FaceAxes, face: Places, step: int, shape: tuple[int, int]) -> Stage:
    """The head with hair and neck, and all round it in which its motion fades away: the frame stays."""
    middle = np.array([0.0, (face[8, 1] - 0.6) / 2])
    reach = np.array(_HEAD) * _BODY
    corners = np.array([middle + reach * sign for sign in ([-1, -1], [1, -1], [-1, 1], [1, 1])])
    pixels = axes.to_pixels(corners)
    height, width = shape
    grid = Grid.over(np.maximum(pixels.min(0), 0), np.minimum(pixels.max(0), [width, height]), step)
    away = np.linalg.norm((axes.to_face(grid.nodes) - middle) / _HEAD, axis=-1)
    mask = eased((_BODY - away) / (_BODY - 1))
    border = np.minimum(grid.nodes, np.array([width - 1, height - 1]) - grid.nodes).min(-1)
    mask = mask * eased((border - 2 * step) / (_FRAME * axes.unit_px))
    return Stage(grid, mask.astype(np.float32))


def _outside(places: Places, outline: Places) -> Reals:
    """How far places (rows, columns, 2) lie outside of a polygon, 0 inside."""
    polygon = outline.astype(np.float32)[:, None]
    flat = places.reshape(-1, 2).astype(np.float64)
    found = [max(0.0, -cv2.pointPolygonTest(polygon, (x, y), True)) for x, y in flat.tolist()]
    return np.array(found, np.float32).reshape(places.shape[:2])

"""Smooth motion of a picture, kept on a coarse grid: made from moving points, inverted, counted for folds.

Positions are pixel indices (x, y), as `cv2.remap` counts them: the centre of the first pixel is (0, 0).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from kfusion.video import Image

Reals = NDArray[np.float32]
_MARGIN = 3
"""Nodes round those over a grid at which it is looked up."""
_HALF_STEPS, _NEWTON_STEPS = 3, 2
_FINER_STEPS = 5
LEAST_PX = 0.06
"""A motion that nobody sees."""
LEAST_AREA = 0.15
"""A motion that shrinks any part of the face to less than this share of its area is held back."""


@dataclass(frozen=True, slots=False)
class Grid:
    """Nodes in the middles of square cells over a part of a picture."""

    left: int
    top: int
    step: int
    """Side of a cell in pixels."""
    columns: int
    rows: int

    @classmethod
    def over(cls, low: NDArray[Any], high: NDArray[Any], step: int) -> Self:
        """The smallest grid whose cells cover what lies between `low` and `high` (2,)."""
        left, top = np.floor(low).astype(int).tolist()
        columns, rows = np.maximum(np.ceil((high - [left, top]) / step), 1).astype(int).tolist()
        return cls(left, top, step, columns, rows)

    @cached_property
    def nodes(self) -> Reals:
        """Their places, (rows, columns, 2)."""
        half = (self.step - 1) / 2
        x = self.left + half + self.step * np.arange(self.columns)
        y = self.top + half + self.step * np.arange(self.rows)
        return np.stack(np.meshgrid(x, y), -1).astype(np.float32)

    def at(self, values: Reals, places: Reals) -> Reals:
        """Node values (rows, columns, n) looked up at places (r, c, 2); zero outside of the grid."""
        x, y = cv2.split((places - self.nodes[0, 0]) * np.float32(1 / self.step))
        found = cv2.remap(values, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
        return np.asarray(found, np.float32)

    def part(self, low: NDArray[Any], high: NDArray[Any]) -> Self:
        """The grid of those cells that touch what lies between `low` and `high` (2,); at least one cell."""
        left, top = np.floor((low - [self.left, self.top]) / self.step).astype(int).tolist()
        right, bottom = np.ceil((high - [self.left, self.top]) / self.step).astype(int).tolist()
        left, right = min(max(left, 0), self.columns - 1), min(max(right, 1), self.columns)
        top, bottom = min(max(top, 0), self.rows - 1), min(max(bottom, 1), self.rows)
        across, down = max(right - left, 1), max(bottom - top, 1)
        return type(self)(self.left + left * self.step, self.top + top * self.step, self.step, across, down)

    def moved_part(self, places: Reals, apart: Reals) -> Self | None:
        """The smallest part outside of which places (rows, columns, 2) are the nodes' own and `apart` is nothing."""
        moved = (cv2.absdiff(places, self.nodes) > LEAST_PX) | (np.abs(apart) > LEAST_PX)
        either = moved[..., 0] | moved[..., 1]
        rows, columns = np.flatnonzero(either.any(1)), np.flatnonzero(either.any(0))
        if not len(rows):
            return None
        low, high = self.nodes[rows[0], columns[0]], self.nodes[rows[-1], columns[-1]]
        return self.part(low - self.step, high + self.step)

    def dense(self, places: Reals, part: "Grid") -> Reals:
        """Places of the nodes (rows, columns, 2) at every pixel of a part of this grid, (H, W, 2)."""
        wide = np.concatenate([2 * places[:1] - places[1:2], places, 2 * places[-1:] - places[-2:-1]])
        wide = np.concatenate([2 * wide[:, :1] - wide[:, 1:2], wide, 2 * wide[:, -1:] - wide[:, -2:-1]], axis=1)
        column, row = (part.left - self.left) // self.step, (part.top - self.top) // self.step
        near = wide[row : row + part.rows + 2, column : column + part.columns + 2]
        size = (near.shape[1] * self.step, near.shape[0] * self.step)
        dense = np.asarray(cv2.resize(near, size, interpolation=cv2.INTER_LINEAR), np.float32)
        return dense[self.step : -self.step, self.step : -self.step]

    def put(self, canvas: Image, drawn: Image) -> None:
        """Put what was drawn over the cells onto a picture, as far as that reaches."""
        top, left = max(self.top, 0), max(self.left, 0)
        bottom = min(self.top + drawn.shape[0], canvas.shape[0])
        right = min(self.left + drawn.shape[1], canvas.shape[1])
        if bottom > top and right > left:
            inside = drawn[top - self.top : bottom - self.top, left - self.left : right - self.left]
            canvas[top:bottom, left:right] = inside


class PointField:
    """What moves at given points moves everything round them: smooth, linear in their displacements.

    The mean of a Gaussian process with a Matern 5/2 kernel (Rasmussen and Williams 2006, section 4.2).
    """

    def __init__(self, grid: Grid, points: Reals, noise: Reals, reach: float, mask: Reals) -> None:
        """`points` (n, 2) with their `noise` (n,); motion fades within `reach` pixels; `mask` (rows, columns)."""
        self._grid = grid
        among = _matern(points, points, reach) + np.diag(noise.astype(np.float64))
        around = _matern(grid.nodes.reshape(-1, 2), points, reach)
        weights = np.linalg.solve(among, around.T).T * mask.reshape(-1, 1)
        self._weights = weights.astype(np.float32)

    def __call__(self, displacement: Reals) -> Reals:
        """Where the nodes go, (rows, columns, 2), if the points go by `displacement` (n, 2)."""
        moved = self._weights @ displacement.astype(np.float32)
        return moved.reshape(self._grid.rows, self._grid.columns, 2)


def _matern(first: NDArray[Any], second: NDArray[Any], reach: float) -> NDArray[np.float64]:
    apart = np.linalg.norm(first[:, None].astype(np.float64) - second[None], axis=-1) * (np.sqrt(5) / reach)
    return np.asarray((1 + apart + apart * apart / 3) * np.exp(-apart), np.float64)


def sources(grid: Grid, motion: Reals, seen: Reals) -> Reals:
    """Where what is seen at `seen` (rows, columns, 2) comes from under a motion of the nodes of a grid.

    Half steps come near enough, whatever stretches, for Newton's method to end it.
    """
    source = seen.copy()
    window = _near(grid, seen)
    wanted = seen[window]
    found, undone = wanted, _inverse_slopes(motion, grid.step)
    for _ in range(_HALF_STEPS):
        found = np.asarray((found + wanted - grid.at(motion, found)) / 2, np.float32)
    for _ in range(_NEWTON_STEPS):
        off, slopes = found + grid.at(motion, found) - wanted, grid.at(undone, found)
        back = [(slopes[..., row : row + 2] * off).sum(-1) for row in (0, 2)]
        found = np.asarray(found - np.stack(back, -1), np.float32)
    source[window] = found
    return source


def _inverse_slopes(motion: Reals, step: int) -> Reals:
    """The inverse of the Jacobian of a motion at its nodes, row by row, (rows, columns, 4)."""
    down, across = (np.asarray(np.gradient(motion, step, axis=axis)) for axis in (0, 1))
    a, b, c, d = 1 + across[..., 0], down[..., 0], across[..., 1], 1 + down[..., 1]
    area = np.maximum(a * d - b * c, LEAST_AREA)
    return np.asarray(np.stack([d / area, -b / area, -c / area, a / area], -1), np.float32)


def _near(grid: Grid, places: Reals) -> tuple[slice, slice]:
    """Those rows and columns of places (r, c, 2), a grid's nodes or nearly, that lie over a grid, with a margin."""
    (left, top), (right, bottom) = grid.nodes[0, 0] - grid.step, grid.nodes[-1, -1] + grid.step
    across, down = places[len(places) // 2, :, 0], places[:, places.shape[1] // 2, 1]
    columns, rows = np.flatnonzero((across > left) & (across < right)), np.flatnonzero((down > top) & (down < bottom))
    if not (len(columns) and len(rows)):
        return np.s_[:0, :0]
    return np.s_[max(rows[0] - _MARGIN, 0) : rows[-1] + _MARGIN, max(columns[0] - _MARGIN, 0) : columns[-1] + _MARGIN]


def areas(motion: Reals, step: int) -> Reals:
    """The share of its area that each cell between four nodes keeps, (rows - 1, columns - 1): the Jacobian."""
    across = (motion[:-1, 1:] - motion[:-1, :-1] + motion[1:, 1:] - motion[1:, :-1]) / (2 * step)
    down = (motion[1:, :-1] - motion[:-1, :-1] + motion[1:, 1:] - motion[:-1, 1:]) / (2 * step)
    return np.asarray((1 + across[..., 0]) * (1 + down[..., 1]) - across[..., 1] * down[..., 0], np.float32)


def held_back(motion: Reals, step: int) -> float:
    """The largest share, up to 1, of a motion that leaves every cell more than `LEAST_AREA` of its area.

    It is found to half a percent, so that a motion that grows is held back without a jump.
    """

    def folds(share: float) -> bool:
        return bool(areas(np.float32(share) * motion, step).min() < LEAST_AREA)

    held = free = 1.0
    while held > 0.05 and folds(held):
        held, free = 0.85 * held, held
    for _ in range(_FINER_STEPS if held < 1 else 0):
        middle = (held + free) / 2
        held, free = (held, middle) if folds(middle) else (middle, free)
    return held


def count_folds(source: Reals, used: NDArray[np.bool_] | None = None) -> int:
    """How many squares of four neighbouring pixels of a map (H, W, 2) are turned over or have no area.

    Args:
        source: where each pixel of a picture comes from.
        used: which pixels count, (H, W); all, if left out.
    """
    across, down = np.diff(source, axis=1)[:-1], np.diff(source, axis=0)[:, :-1]
    folded = across[..., 0] * down[..., 1] - across[..., 1] * down[..., 0] <= 0
    if used is not None:
        folded &= used[:-1, :-1] & used[1:, :-1] & used[:-1, 1:] & used[1:, 1:]
    return int(folded.sum())

"""Landmarks to ARKit weights: bounded least squares on the displacements from the resting face, each frame for itself.

The 68 points leave much open (a mouth opens by the jaw, or by both lips), so the answer is held near what an animator
expects: the jaw explains how far the lips are apart, left and right go together, the shapes that speech hardly uses are
dear, and jaw and mouth go to one side at a time. Less motion than the points tremble is none.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kfusion.face_shapes import ARKIT_SHAPES, Direction, shape_directions, to_mean_face
from kfusion.landmarks import INNER_LIPS, POINT_COUNT, Points, remove_head_motion

Weights = NDArray[np.float32]
"""ARKit weights, (T, 52), 0 to 1, in the order of `ARKIT_SHAPES`."""

_OPPOSITE = {
    "jawLeft": "jawRight",
    "mouthLeft": "mouthRight",
    **{f"eyeBlink{side}": f"eyeWide{side}" for side in ("Left", "Right")},
}
"""Shapes that are one number with a sign, the second where it is negative: they never fight."""
_UNTOLD = ("noseSneerLeft", "noseSneerRight", "cheekSquintLeft", "cheekSquintRight")
"""Shapes that the points show, but not apart from the lip's and the lower lid's."""
_COST = {
    "mouthFrown": 5.0,
    "mouthDimple": 2.0,
    "mouthPress": 2.0,
    "mouthShrug": 2.0,
    "mouthStretch": 5.0,
    "jawLeft": 4.0,
    "jawOpen": 0.1,
}
"""How dear a shape is, by the start of its name; 1 for the others."""
_SHRINK = 5e-5
"""Weight of a squared weight of cost 1, beside squared displacements of points in eye distances."""
_TIE = 3e-3
"""Weight of the squared difference of a left shape of the mouth from its right one."""
_JAW = 0.1
"""Weight of the squared difference of `jawOpen` from the parting of the lips over what it parts them by."""
_IMPORTANCE = ((range(5, 12), 0.05), (range(17, 27), 1.0), (range(36, 48), 1.0), (range(48, 68), 1.0))
_INNER = ((61, 62, 63, 65, 66, 67), 1.5)
_PARTS = ((*range(5, 12), *range(48, 68)), range(17, 27), range(36, 48))
"""Points that move together: mouth and chin, brows, lids."""
_TREMBLE = 0.0022
"""Mean displacement of the points of a part, in eye distances, that counts as none."""
_STEPS = 120


@dataclass(frozen=True, slots=True)
class _Problem:
    """Least squares in variables of equal curvature: `gram` has ones on its diagonal."""

    gram: NDArray[np.float64]
    """(K, K)"""
    from_points: NDArray[np.float64]
    """(136, K): displacements to the linear term."""
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    """(K,), bounds of the variables."""

    def solve(self, displacement: NDArray[np.float64]) -> NDArray[np.float64]:
        """Weights (T, K) of displacements (T, 136), by accelerated projected gradients (Beck and Teboulle 2009)."""
        linear = displacement @ self.from_points
        step = 1 / float(np.linalg.eigvalsh(self.gram)[-1])
        found = ahead = np.zeros_like(linear)
        speed = 1.0
        for _ in range(_STEPS):
            new = np.clip(ahead - step * (ahead @ self.gram - linear), self.low, self.high)
            faster = (1 + np.sqrt(1 + 4 * speed * speed)) / 2
            ahead = new + (speed - 1) / faster * (new - found)
            found, speed = new, faster
        share: NDArray[np.float64] = found / self.high
        return share


class ArkitSolver:
    """ARKit weights of one face; frames are solved one by one, so that a stream gives what a recording gives.

    Args:
        rest: the face with its mouth closed, (68, 2), in any frame: there every weight is 0.
    """

    def __init__(self, rest: Points) -> None:
        self.rest = rest
        self._matrix = to_mean_face(rest).matrix
        directions = shape_directions(rest)
        opposites = set(_OPPOSITE.values())
        self._names = [name for name in ARKIT_SHAPES if name in directions and name not in (*opposites, *_UNTOLD)]
        self._reach = {name: _reach(directions[name], directions[other]) for name, other in _OPPOSITE.items()}
        for name, other in _OPPOSITE.items():
            directions[name] = (directions[name] - directions[other] / self._reach[name]) / 2
        low = np.array([-self._reach.get(name, 0.0) for name in self._names])
        self._problem = _posed(self._names, np.stack([directions[name] for name in self._names]), low)

    def __call__(self, points: Points) -> Weights:
        """The weights (T, 52) of points (T, 68, 2) in the frame of the resting face, head motion and all."""
        moved = remove_head_motion(points, self.rest).astype(np.float64) - self.rest
        displacement = _without_tremble(moved @ self._matrix.T)
        solved = self._problem.solve(displacement.reshape(-1, 2 * POINT_COUNT))
        weights = np.zeros((len(points), len(ARKIT_SHAPES)), np.float32)
        for name, values in zip(self._names, solved.T, strict=True):
            weights[:, ARKIT_SHAPES.index(name)] = np.maximum(values, 0)
            if name in _OPPOSITE:
                weights[:, ARKIT_SHAPES.index(_OPPOSITE[name])] = np.maximum(-values, 0) / self._reach[name]
        return weights


def _posed(names: list[str], directions: NDArray[np.float64], low: NDArray[np.float64]) -> _Problem:
    """The problem for shapes that move the points along `directions` (K, 68, 2), with weights from `low` (K,) to 1."""
    basis = directions.reshape(len(names), -1).T
    weighted = np.repeat(_importance(), 2)[:, None] * basis
    gram, linear = basis.T @ weighted, weighted
    gram += np.diag([_SHRINK * _cost(name) ** 2 for name in names]) + _ties(names)
    jaw, parting = names.index("jawOpen"), _parting()
    gram[jaw, jaw] += _JAW
    linear[:, jaw] += _JAW * parting / float(parting @ basis[:, jaw])
    scale = np.sqrt(np.diag(gram))
    return _Problem(gram / np.outer(scale, scale), linear / scale, low * scale, scale)


def _reach(direction: Direction, opposite: Direction) -> float:
    """How far the opposite goes, in lengths of the direction."""
    return float(np.linalg.norm(opposite) / np.linalg.norm(direction))


def _parting() -> NDArray[np.float64]:
    """What takes displacements (136,) to how much further the inner lips are apart."""
    upper, lower = INNER_LIPS
    row = np.zeros((68, 2))
    row[upper, 1], row[lower, 1] = -1, 1
    return row.ravel()


def _ties(names: list[str]) -> NDArray[np.float64]:
    """The part of the Gram matrix that holds left and right of the mouth together."""
    ties = np.zeros((len(names), len(names)))
    for left, name in enumerate(names):
        if name.startswith("mouth") and name.endswith("Left") and name not in _OPPOSITE:
            right = names.index(f"{name.removesuffix('Left')}Right")
            ties[[left, right], [left, right]] += _TIE
            ties[[left, right], [right, left]] -= _TIE
    return ties


def _cost(name: str) -> float:
    return next((cost for start, cost in _COST.items() if name.startswith(start)), 1.0)


def _importance() -> NDArray[np.float64]:
    """How much the square of a point's displacement counts, (68,)."""
    importance = np.zeros(68)
    for points, weight in (*_IMPORTANCE, _INNER):
        importance[list(points)] = weight
    return importance


def _without_tremble(displacement: NDArray[np.float64]) -> NDArray[np.float64]:
    """Displacements (T, 68, 2) in which each part of the face moves by less, or not at all where it only trembled."""
    still = np.zeros_like(displacement)
    for points in _PARTS:
        part = displacement[:, list(points)]
        size = np.sqrt((part * part).sum(-1).mean(-1))[:, None, None]
        still[:, list(points)] = part * np.maximum(0, 1 - (_TREMBLE / np.maximum(size, 1e-9)) ** 2)
    return still

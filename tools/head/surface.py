"""What the shape of a mesh tells: its triangles, its normals, how much light reaches each place."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]
_DIRECTIONS = 96
_PICTURE = 220
_BIAS_M = 0.0015
_GRID = 10
_SAMPLES = np.array([(i, j, _GRID - i - j) for i in range(_GRID + 1) for j in range(_GRID + 1 - i)]) / _GRID
"""Barycentric weights of places spread over a triangle."""


def triangles_of(quads: Numbers) -> Numbers:
    """Two triangles for each quad (N, 4): (2 N, 3)."""
    return quads[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3)


def normals_of(points: Floats, triangles: Numbers) -> Floats:
    """Normals of the vertices, (N, 3): means of those of their triangles, by area."""
    a, b, c = (points[triangles[:, corner]] for corner in range(3))
    across = np.cross(b - a, c - a)
    normals = np.zeros_like(points)
    for corner in range(3):
        np.add.at(normals, triangles[:, corner], across)
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)


def filled(corners: Floats) -> "tuple[Numbers, Numbers, Floats] | None":
    """Columns, rows and barycentric weights of the pixels in a triangle (3, 2); None where there is none."""
    low = np.floor(corners.min(0)).astype(int)
    high = np.ceil(corners.max(0)).astype(int) + 1
    columns, rows = np.meshgrid(np.arange(low[0], high[0]), np.arange(low[1], high[1]))
    (ax, ay), (bx, by), (cx, cy) = corners
    area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
    if abs(area) < 1e-9:
        return None
    x, y = columns + 0.5, rows + 0.5
    second = ((x - ax) * (cy - ay) - (cx - ax) * (y - ay)) / area
    third = ((bx - ax) * (y - ay) - (x - ax) * (by - ay)) / area
    weights = np.stack([1 - second - third, second, third], -1)
    inside = (weights >= -1e-4).all(-1)
    return columns[inside], rows[inside], weights[inside]


def light_of(points: Floats, normals: Floats, triangles: Numbers) -> Floats:
    """The share of the sky that each vertex sees, (N,): 1 in the open."""
    seen, possible = np.zeros(len(points)), np.zeros(len(points))
    for direction in _sphere(_DIRECTIONS):
        slope = np.maximum(normals @ direction, 0)
        seen += slope * _sees(points + normals * _BIAS_M, direction, points, triangles)
        possible += slope
    return seen / np.maximum(possible, 1e-9)


def _sees(places: Floats, direction: Floats, points: Floats, triangles: Numbers) -> NDArray[np.bool_]:
    """Whether nothing lies between each place and a sky in that direction, by a picture of depths seen from there."""
    side = np.cross(direction, [0.3, 0.9, 0.1])
    side /= np.linalg.norm(side)
    frame = np.stack([side, np.cross(direction, side), direction], 1)
    seen, asked = points @ frame, places @ frame
    low = seen[:, :2].min(0)
    scale = (_PICTURE - 1) / np.ptp(seen[:, :2], axis=0).max()
    spread = np.einsum("sk,tkd->tsd", _SAMPLES, seen[triangles]).reshape(-1, 3)
    depths = np.full(_PICTURE * _PICTURE, -np.inf)
    np.maximum.at(depths, _pixels((spread[:, :2] - low) * scale), spread[:, 2])
    return asked[:, 2] + _BIAS_M >= depths[_pixels((asked[:, :2] - low) * scale)]


def _pixels(places: Floats) -> Numbers:
    columns, rows = np.clip(places.astype(int), 0, _PICTURE - 1).T
    return columns + _PICTURE * rows


def _sphere(count: int) -> Floats:
    """Directions spread evenly (Fibonacci's spiral), (count, 3)."""
    number = np.arange(count) + 0.5
    y = 1 - 2 * number / count
    turn = np.pi * (1 + 5**0.5) * number
    ring = np.sqrt(1 - y * y)
    return np.stack([ring * np.cos(turn), y, ring * np.sin(turn)], 1)

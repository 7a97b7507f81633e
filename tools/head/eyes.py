"""Eyeballs: rings about the line of sight, coloured, with the turns that somebody's targets make."""

from dataclasses import dataclass

import numpy as np
from makehuman import Vectors
from numpy.typing import NDArray
from surface import Floats, Numbers

RINGS_DEG = (0, 5, 9.5, 10.5, 13, 16, 19, 22, 24.5, 26.5, 28, 32, 38, 46, 56, 68, 82, 98, 120)
SECTORS = 40
PUPIL_DEG, IRIS_DEG = 10, 25.5
BULGE_M = 0.0006
PUPIL, INNER, OUTER, LIMBUS, WHITE = ((8, 6, 6), (128, 88, 54), (82, 58, 40), (30, 24, 22), (228, 221, 216))


@dataclass(frozen=True, slots=True, eq=False)
class Eyeball:
    """One eye."""

    points: Vectors
    normals: Vectors
    triangles: Numbers
    colours: NDArray[np.uint8]
    targets: dict[str, tuple[Vectors, Vectors]]


def eyeballs(ring: Vectors, turns: dict[str, Vectors]) -> Eyeball:
    """The eye in place of MakeHuman's, whose points are `ring`, and who moves them as `turns` say."""
    middle, radius = _sphere_through(ring)
    angles = np.radians(RINGS_DEG)
    around = np.arange(SECTORS) * 2 * np.pi / SECTORS
    flat = np.stack([np.cos(around), np.sin(around), np.zeros(SECTORS)], 1)
    ways = np.sin(angles)[:, None, None] * flat + np.cos(angles)[:, None, None] * (0.0, 0.0, 1.0)
    out = radius + BULGE_M * np.clip(1 - (angles / np.radians(IRIS_DEG)) ** 2, 0, 1)
    normals = ways.reshape(-1, 3)
    points = middle + (out[:, None, None] * ways).reshape(-1, 3)
    targets = {}
    for name, by in turns.items():
        turn = _rotation(ring - middle, ring + by - middle)
        targets[name] = ((points - middle) @ turn.T - (points - middle), normals @ turn.T - normals)
    return Eyeball(points, normals, _lattice(), _colours(angles, around), targets)


def _sphere_through(points: Vectors) -> tuple[Floats, float]:
    rows = np.concatenate([2 * points, np.ones((len(points), 1))], 1)
    x, y, z, rest = np.linalg.lstsq(rows, (points**2).sum(1), rcond=None)[0]
    middle = np.array([x, y, z])
    return middle, float(np.sqrt(rest + middle @ middle))


def _rotation(before: Vectors, after: Vectors) -> Floats:
    """The rotation nearest to what takes points to others (Kabsch)."""
    left, _, right = np.linalg.svd(after.T @ before)
    return left @ np.diag([1, 1, np.sign(np.linalg.det(left @ right))]) @ right


def _lattice() -> Numbers:
    triangles = []
    for ring in range(len(RINGS_DEG) - 1):
        for sector in range(SECTORS):
            a, b = ring * SECTORS + sector, ring * SECTORS + (sector + 1) % SECTORS
            triangles += [(a, a + SECTORS, b), (b, a + SECTORS, b + SECTORS)]
    return np.array(triangles)


def _colours(angles: Floats, around: Floats) -> NDArray[np.uint8]:
    degrees = np.degrees(angles)[:, None]
    spokes = 1 + 0.22 * np.sin(around * 17 + 2 * np.sin(around * 5)) * np.sin(around * 29)
    share = np.clip((degrees - PUPIL_DEG) / (IRIS_DEG - PUPIL_DEG), 0, 1)[..., None]
    iris = ((1 - share) * INNER + share * OUTER) * spokes[None, :, None]
    edge = np.clip((degrees - 21) / 4, 0, 1)[..., None]
    iris = (1 - edge) * iris + edge * np.array(LIMBUS)
    white = np.array(WHITE) * (1 - 0.3 * np.clip((degrees - 38) / 35, 0, 1))[..., None]
    picture = np.where((degrees < PUPIL_DEG)[..., None], PUPIL, np.where((degrees < 27)[..., None], iris, white))
    rows = np.clip(picture + np.zeros((len(angles), len(around), 3)), 0, 255).reshape(-1, 3)
    return np.concatenate([linear(rows), np.full((len(rows), 1), 255, np.uint8)], 1)


def linear(colours: Floats) -> NDArray[np.uint8]:
    """Colours of sRGB, 0 to 255, in linear light, as the vertices of glTF have them."""
    share = colours / 255
    light = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return (light * 255).round().astype(np.uint8)

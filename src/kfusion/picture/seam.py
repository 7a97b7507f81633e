"""Where the two layers of a mouth part: sharp between the lips, soft beyond its corners."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from kfusion.landmarks import eased
from kfusion.picture.anatomy import LIP_PAIRS, Places, curve
from kfusion.picture.field import Reals

_SHARP = 0.85
"""Share of the way to the corners up to which the seam is sharp."""
_SPREAD = 0.8
"""How fast it gets soft beyond."""
_LINE = 41


@dataclass(frozen=True, slots=True, eq=False)
class Seam:
    """The line between the lips of a portrait, in face coordinates."""

    line: Places
    """From corner to corner, (n, 2)."""
    pixel: float
    """Size of a pixel."""

    @classmethod
    def of(cls, face: Places, pixel: float) -> Self:
        """The seam of a face (68, 2)."""
        return cls(seam_line(face), pixel)

    def height(self, across: NDArray[Any]) -> Reals:
        """Where it runs at each `across`; flat beyond its ends."""
        return np.asarray(np.interp(across, self.line[:, 0], self.line[:, 1]), np.float32)

    def choice(self, places: Places) -> tuple[Reals, Reals]:
        """Of places (H, W, 2) of the portrait: their share of the lower layer, and whether the layers part there.

        The second goes from 1 between the lips to 0 at the corners of the mouth.
        """
        across, down = places[..., 0].astype(np.float32), places[..., 1].astype(np.float32)
        middle, half = self.line[[0, -1], 0].mean(), np.ptp(self.line[[0, -1], 0]) / 2
        aside = np.abs(across - np.float32(middle)) * np.float32(1 / half)
        width = np.float32(0.7 * self.pixel) + np.float32(_SPREAD * half) * np.maximum(aside - _SHARP, 0)
        lower = eased((down - self.height(across)) / (2 * width) + np.float32(0.5))
        return lower, eased((1 - aside) * np.float32(1 / (1 - _SHARP)))


def seam_line(face: Places) -> Places:
    """The line in the middle between the inner lips of a face (68, 2), corner to corner, (n, 2)."""
    middles = [(face[upper] + face[lower]) / 2 for upper, lower in LIP_PAIRS]
    return curve(np.stack([face[60], *middles, face[64]]), _LINE)

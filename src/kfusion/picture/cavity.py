"""The inside of a mouth: teeth, tongue and dark, made to fit the light, colour, sharpness and grain of a portrait.

Places are measured from the middle of the mouth at rest, in eye distances (90 mm in an adult): `across` to the face's
left in the picture's right, `down` from the line where the lips meet. Widths of teeth: Wheeler's Dental Anatomy; the
upper ones show 2 mm below the upper lip at rest (Vig and Brundo 1978).
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from kfusion.picture.field import Reals
from kfusion.picture.light import Light
from kfusion.video import Image

_MM = 1 / 90
_UPPER_WIDTHS = np.array([8.5, 6.6, 6.8, 5.2, 4.6, 4.0]) * _MM
"""From the middle to the side, as seen from the front."""
_LOWER_WIDTHS = np.array([5.2, 5.6, 6.2, 5.4, 4.6, 4.0]) * _MM
_UPPER_LENGTHS = np.array([10.0, 8.6, 9.6, 8.0, 7.4, 7.0]) * _MM
_LOWER_LENGTHS = np.array([8.6, 8.8, 9.4, 8.0, 7.4, 7.0]) * _MM
_UPPER_EDGE = 2.2 * _MM
"""How far the upper teeth reach below the upper lip at rest."""
_LOWER_EDGE = -1.8 * _MM
"""Where the lower teeth begin below the lower lip at rest."""
_RAISED = 0.15
"""How much of the gap between open lips is due to the upper one."""
_ARCH = 0.30
"""How far the edges of the teeth bend up to the sides."""
_TONGUE = (0.22, -0.115)
"""Half its width, and where its back begins below the lower lip."""


@dataclass(frozen=True, slots=True, eq=False)
class Plate:
    """A layer of the mouth."""

    colour: Reals
    """(H, W, 3)"""
    cover: Reals
    """(H, W), 0 to 1."""


@dataclass(frozen=True, slots=True, eq=False)
class Cavity:
    """What lies behind the lips, over the pixels of a box."""

    dark: Image
    """(H, W, 3)"""
    upper: Image
    """What stays with the skull, (H, W, 4): colour, and how much it covers."""
    lower: Image
    """What goes with the jaw."""


def make_cavity(places: Reals, lips: tuple[float, float], light: Light, unit_px: float, seed: int) -> Cavity:
    """The cavity of a mouth over a box whose pixels lie at `places` (H, W, 2).

    `lips` is where the upper and the lower one end in the middle, on the same scale as places.
    """
    across, down = places[..., 0], places[..., 1]
    below_upper, below_lower = down - lips[0] - _RAISED * (lips[1] - lips[0]), down - lips[1]
    aa = 1 / unit_px
    depth = np.exp(-((across / 0.22) ** 2))
    dark = (
        light.tinted(light.lips, 1.0, 0.8, 0.8) * (0.26 + 0.22 * depth * np.clip(below_upper / 0.16, 0, 1))[..., None]
    )
    upper = _teeth(across, _UPPER_EDGE - below_upper, _UPPER_WIDTHS, _UPPER_LENGTHS, light, aa)
    lower = _teeth(across, below_lower - _LOWER_EDGE, _LOWER_WIDTHS, _LOWER_LENGTHS, light, aa)
    lower = _over(Plate(lower.colour * np.float32(0.80), lower.cover), _tongue(across, below_lower, light))
    return Cavity(
        _matched(dark.astype(np.float32), light, seed).clip(0, 255).astype(np.uint8),
        _finished(upper, light, seed + 1),
        _finished(lower, light, seed + 2),
    )


def _teeth(across: Reals, inward: Reals, widths: NDArray[Any], lengths: NDArray[Any], light: Light, aa: float) -> Plate:
    """A row of teeth and its gum; `inward` is the distance from the line of the edges to the roots."""
    side = np.abs(across) * np.float32(1.0 + 0.02 * np.sign(across))
    ends = np.cumsum(widths)
    tooth = np.minimum(np.searchsorted(ends, side), len(widths) - 1)
    local = np.clip((side - (ends - widths)[tooth]) / widths[tooth] * 2 - 1, -1, 1)
    edge = inward + _ARCH * across**2 - np.array([0, 0.7, 0.2, 0.5, 0.6, 0.8])[tooth] * _MM - 0.5 * _MM * local**4
    root = edge - lengths[tooth] * (1 - 0.16 * local**2)
    crown = (
        light.teeth
        * _crown_shade(across, edge, local, widths[tooth], aa)[..., None]
        * (1 + light.slope * across)[..., None]
    )
    warmth = np.array([0.0, 0.015, 0.07]) if light.coloured else np.zeros(3)
    crown = crown * (1 - warmth * np.clip(edge / 0.1, 0, 1)[..., None])
    gum = light.tinted(light.lips, 0.82, 0.74, 0.76)
    gummed = np.clip(root / (2.5 * aa) + 0.5, 0, 1)[..., None]
    cover = np.clip(edge / (1.5 * aa) + 0.5, 0, 1) * (side < ends[-1])
    return Plate((crown * (1 - gummed) + gum * gummed).astype(np.float32), cover.astype(np.float32))


def _crown_shade(
    across: NDArray[Any], edge: NDArray[Any], local: NDArray[Any], width: NDArray[Any], aa: float
) -> Reals:
    """Round crowns, thin shadows between them, thinner enamel at the edge, darker to the sides of the mouth."""
    round_crown = 1 - 0.13 * np.abs(local) ** 3
    from_side = (1 - np.abs(local)) * width / 2
    between = 1 - 0.30 * np.exp(-from_side / max(0.5 * aa, 0.25 * _MM))
    enamel = 1 - 0.12 * np.exp(-np.maximum(edge, 0) / (1.2 * _MM))
    corridor = np.exp(-((np.abs(across) / 0.30) ** 3))
    return np.asarray(round_crown * between * enamel * (0.25 + 0.75 * corridor), np.float32)


def _tongue(across: Reals, down: Reals, light: Light) -> Plate:
    half, start = _TONGUE
    height = np.asarray((down - start - 1.6 * across**2) / 0.12, np.float32)
    light_on_it = (0.50 + 0.45 * np.clip(height, 0, 1)) * (1 - 0.10 * np.exp(-((across / 0.012) ** 2)))
    cover = np.clip(height * 3, 0, 1) * np.clip((half - np.abs(across)) / 0.06, 0, 1)
    colour = light.tinted(light.lips, 1.0, 0.86, 0.88) * light_on_it[..., None]
    return Plate(colour.astype(np.float32), cover.astype(np.float32))


def _over(front: Plate, back: Plate) -> Plate:
    cover = front.cover + back.cover * (1 - front.cover)
    share = (front.cover / np.maximum(cover, 1e-3))[..., None]
    colour = front.colour * share + back.colour * (1 - share)
    return Plate(np.asarray(colour, np.float32), np.asarray(cover, np.float32))


def _finished(plate: Plate, light: Light, seed: int) -> Image:
    colour = _matched(plate.colour, light, seed).clip(0, 255)
    cover = cv2.GaussianBlur(plate.cover, (0, 0), light.blur_px) * 255
    return np.dstack([colour, cover]).astype(np.uint8)


def _matched(colour: Reals, light: Light, seed: int) -> Reals:
    """As sharp and as grainy as the portrait."""
    soft = cv2.GaussianBlur(colour, (0, 0), light.blur_px)
    noise = np.random.default_rng(seed).normal(0, light.grain, colour.shape[:2]).astype(np.float32)
    return np.asarray(soft + noise[..., None], np.float32)

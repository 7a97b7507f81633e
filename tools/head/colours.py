"""Where hair, brows, lips and shirt are, and what colour every place of the skin has."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from makehuman import Corners, MakeHuman, Vectors
from paint import HEAD, MOUTH, SOCKETS, eased, island_of, noise
from surface import Floats

LIPS, EARS, MOUTH_BAG, SOCKET, TOOTH, TONGUE = MASKS = range(6)
"""Columns of the masks."""
_HAIRLINE_DEG = (0, 12, 26, 40, 52, 60, 67, 73, 80, 88, 100, 114, 132, 155, 180)
_HAIRLINE_M = (
    0.065,
    0.067,
    0.068,
    0.060,
    0.047,
    0.030,
    0.006,
    -0.014,
    -0.022,
    -0.004,
    -0.004,
    -0.024,
    -0.046,
    -0.058,
    -0.062,
)
"""Height of the hairline over the eyes, by the way from the front to the back of the head."""
TOOTH_DEG = 10.5
"""Width of a tooth, seen from the middle of the mouth."""
HAIR_M, SHIRT_M = 0.010, 0.006
"""How far hair and shirt stand off the skin."""
SKIN, BLUSH, LIP, HAIR, BROW, SHIRT, INSIDE = (
    (0.86, 0.66, 0.55),
    (0.83, 0.50, 0.43),
    (0.72, 0.40, 0.37),
    (0.17, 0.115, 0.085),
    (0.24, 0.165, 0.12),
    (0.16, 0.22, 0.30),
    (0.45, 0.17, 0.16),
)


@dataclass(frozen=True, slots=True, eq=False)
class Landmarks:
    """Places of the face that the colours go by; metres."""

    eye: Floats
    """Middle of the left eye."""
    ear: Floats
    """Middle of the left ear."""
    nose: Floats
    masks: Floats
    """(V, 6): lips, ears, inside of the mouth, inside of the sockets, teeth, tongue, 0 to 1."""

    @classmethod
    def of(cls, source: MakeHuman, points: Vectors, rings: Floats, skin: Corners) -> Self:
        """Those of a shaped mesh."""
        eye = points[np.unique(source.parts["joint-l-eye"].vertices)].mean(0)
        ears = [abs(source.target(f"ears/{side}-ear-scale-incr")).max(1) for side in "lr"]
        ear = points[ears[0] > 0.3 * ears[0].max()].mean(0)
        front = points[skin.vertices.ravel()]
        nose = front[front[:, 2].argmax()]
        masks = np.zeros((len(points), len(MASKS)))
        corner = abs(points[rings == 0, 0]).max()
        masks[:, LIPS] = (1 - eased(6.6, 8.4, rings)) * (1 - eased(-0.002, 0.002, abs(points[:, 0]) - corner))
        masks[:, EARS] = eased(0.2, 0.5, sum(ears) / ears[0].max())
        islands = island_of(source.places)
        for column, island in ((MOUTH_BAG, MOUTH), (SOCKET, SOCKETS)):
            inside = (islands[skin.places] == island).all(1)
            masks[np.unique(skin.vertices[inside]), column] = 1
        for column, parts in ((TOOTH, ("upper-teeth", "lower-teeth")), (TONGUE, ("tongue",))):
            for part in parts:
                masks[np.unique(source.parts[f"helper-{part}"].vertices), column] = 1
        return cls(eye, ear, nose, masks)

    def hair(self, points: Vectors) -> Floats:
        """How far places (..., 3) are above the hairline, metres."""
        azimuth = np.degrees(np.arctan2(abs(points[..., 0]), points[..., 2] - self.ear[2]))
        return points[..., 1] - self.eye[1] - np.interp(azimuth, _HAIRLINE_DEG, _HAIRLINE_M)

    def shirt(self, points: Vectors) -> Floats:
        """How far places (..., 3) are below the collar, metres."""
        return 0.578 - 0.4 * points[..., 2] - points[..., 1]

    def dressed(self, points: Vectors, normals: Vectors) -> Vectors:
        """The points with hair and shirt standing off."""
        hair = eased(-0.004, 0.03, self.hair(points)) * (1 - self.masks[:, EARS]) * (1 - self.masks[:, MOUTH_BAG])
        crown = 0.6 + 1.3 * eased(0.03, 0.11, points[:, 1] - self.eye[1]) + 0.12 * noise(points, 0.03, 4)
        out = HAIR_M * hair * crown + SHIRT_M * eased(0.002, 0.006, self.shirt(points))
        return points + out[:, None] * normals


def rings_of_lips(source: MakeHuman, skin: Corners) -> Floats:
    """How many edges each vertex (V,) is away from where the skin of the face ends in the mouth; far ones are 99."""
    islands = island_of(source.places)[skin.places]
    inside, face = ((islands == island).all(1) for island in (MOUTH, HEAD))
    rings = np.full(len(source.points), 99.0)
    rings[np.intersect1d(skin.vertices[inside], skin.vertices[face])] = 0
    edges = np.concatenate([skin.vertices[:, [corner, (corner + 1) % 4]] for corner in range(4)])
    for ring in range(1, 12):
        for here, there in (edges.T, edges[:, ::-1].T):
            reached = there[rings[here] == ring - 1]
            rings[reached] = np.minimum(rings[reached], ring)
    return rings


def complexion(known: Floats, landmarks: Landmarks) -> tuple[Floats, Floats]:
    """Colours, and roughness in the green channel, (H, W, 3), 0 to 1.

    Args:
        known: of the pixels, (H, W, 10): place, masks, light.
        landmarks: what the colours go by.
    """
    places, masks, light = known[..., :3], known[..., 3:-1], known[..., -1]
    picture = (
        np.broadcast_to(SKIN, places.shape)
        * (1 + 0.025 * noise(places, 0.03, 1) + 0.02 * noise(places, 0.002, 2))[..., None]
    )
    picture = _mixed(picture, BLUSH, 0.5 * _blush(places, landmarks))
    picture = _mixed(picture, LIP, 0.8 * masks[..., LIPS])
    picture = _mixed(picture, (0.55, 0.36, 0.30), 0.25 * _under_eyes(places, landmarks))
    picture = _mixed(picture, BROW, _brows(places, landmarks))
    hair = eased(-0.004, 0.006, landmarks.hair(places) + 0.0022 * noise(places * (1, 0.3, 1), 0.0022, 3)) * (
        1 - masks[..., EARS]
    )
    picture = _mixed(picture, HAIR, hair)
    picture = picture * (1 + (0.35 * hair * _strands(places, landmarks))[..., None])
    picture = _mixed(picture, INSIDE, masks[..., MOUTH_BAG])
    picture = _mixed(picture, (0.75, 0.5, 0.45), masks[..., SOCKET])
    picture = _mixed(picture, (0.80, 0.42, 0.42), masks[..., TONGUE])
    picture = _mixed(picture, (0.93, 0.90, 0.84), masks[..., TOOTH])
    picture = _mixed(picture, (0.50, 0.40, 0.36), 0.4 * masks[..., TOOTH] * _between_teeth(places))
    shirt = eased(0, 0.0015, landmarks.shirt(places))
    picture = _mixed(picture, SHIRT, shirt)
    shade = 0.45 + 0.55 * np.clip(light, 0, 1) ** 0.8
    rough = np.zeros_like(places)
    wet = np.maximum(masks[..., LIPS], masks[..., TONGUE] + masks[..., TOOTH])
    rough[..., 1] = 0.6 - 0.2 * wet + 0.38 * np.maximum(hair, shirt)
    return picture * (shade[..., None] ** (1.0, 1.25, 1.35)), rough


def _mixed(picture: Floats, colour: tuple[float, ...], share: Floats) -> Floats:
    share = np.clip(share, 0, 1)[..., None]
    return picture * (1 - share) + np.array(colour) * share


def _blush(places: Vectors, landmarks: Landmarks) -> Floats:
    x, y, z = abs(places[..., 0]), places[..., 1] - landmarks.eye[1], places[..., 2]
    cheek = np.exp(-(((x - 0.042) / 0.022) ** 2) - ((y + 0.036) / 0.018) ** 2) * eased(0.04, 0.08, z)
    nose = np.exp(-(((places - landmarks.nose) / 0.014) ** 2).sum(-1))
    ears = np.exp(-(((np.stack([x, y + landmarks.eye[1], z], -1) - landmarks.ear) / 0.025) ** 2).sum(-1))
    return cheek + 0.9 * nose + 0.7 * ears


def _under_eyes(places: Vectors, landmarks: Landmarks) -> Floats:
    x, y = abs(places[..., 0]) - landmarks.eye[0], places[..., 1] - landmarks.eye[1]
    return np.exp(-((x / 0.02) ** 2) - ((y + 0.013) / 0.006) ** 2) * (places[..., 2] > 0.05)


def _brows(places: Vectors, landmarks: Landmarks) -> Floats:
    """Hairs along an arch over the eyes."""
    along = (abs(places[..., 0]) - landmarks.eye[0] + 0.017) / 0.042
    middle = landmarks.eye[1] + np.interp(along, (0, 0.35, 0.68, 1), (0.0185, 0.0215, 0.0230, 0.0175))
    half = np.interp(along, (-0.02, 0.08, 0.5, 1), (0.0015, 0.0042, 0.0034, 0.0008))
    inside = 1 - eased(0.45, 1.15, abs(places[..., 1] - middle) / half)
    ends = eased(-0.04, 0.06, along) * (1 - eased(0.94, 1.04, along))
    slant = places.copy()
    slant[..., 0] = abs(places[..., 0]) - 0.7 * places[..., 1]
    slant[..., 1] *= 0.25
    hairs = 0.8 + 0.16 * noise(slant, 0.0009, 5)
    return inside * ends * np.clip(hairs, 0, 1) * (places[..., 2] > 0.05)


def _between_teeth(places: Vectors) -> Floats:
    """Lines between teeth, along the arch."""
    along = np.degrees(np.arctan2(places[..., 0], places[..., 2] - 0.085)) / TOOTH_DEG + 0.5
    return np.exp(-(((along - np.round(along)) / 0.07) ** 2))


def _strands(places: Vectors, landmarks: Landmarks) -> Floats:
    """Light and dark hairs, which run from the crown."""
    crown = np.array([0.0, landmarks.eye[1] + 0.115, landmarks.ear[2] - 0.03])
    away = places - crown
    distance = np.linalg.norm(away, axis=-1, keepdims=True)
    ways = away / np.maximum(distance, 1e-6)
    return 0.6 * noise(ways * 0.1 + 0.02 * distance, 0.0022, 7) + 0.4 * noise(ways * 0.1 + 0.03 * distance, 0.009, 8)

"""Portraits that are painted from their landmarks, and landmarks that speak."""

import numpy as np
from factories.inputs import face_points
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

SKIN, LIPS, DARK = (205, 160, 135), (170, 80, 85), (60, 30, 30)


def speaking_face(center: tuple[float, float], size: float, opening: float = 0.0) -> NDArray[np.float32]:
    """A face (68, 2) whose lips are `opening` eye distances apart, and closed at 0."""
    face = face_points(center, size).astype(np.float64)
    middle = face[60:68, 1].mean()
    for upper, lower in ((61, 67), (62, 66), (63, 65)):
        share = 1.0 if upper == 62 else 0.75
        face[upper, 1] = middle - 0.3 * share * opening * size / 2
        face[lower, 1] = middle + 0.7 * share * opening * size / 2
    face[[60, 64], 1] = middle
    face[55:60, 1] += 0.7 * opening * size / 2
    face[5:12, 1] += 0.6 * opening * size / 2
    return face.astype(np.float32)


def painted_portrait(
    width: int, height: int, *, size: float | None = None, opening: float = 0.0, seed: int = 0
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """A picture (H, W, 3) of a face in its middle, with a background of noise, and its landmarks."""
    size = size or 0.55 * min(width, height)
    face = speaking_face((width / 2, height / 2), size, opening)
    noise = np.random.default_rng(seed).integers(40, 200, (height, width, 3), np.uint8)
    picture = Image.fromarray(noise).filter(ImageFilter.GaussianBlur(1))
    draw = ImageDraw.Draw(picture)
    low, high = face.min(0) - 0.15 * size, face.max(0) + 0.02 * size
    draw.ellipse((*low.tolist(), *high.tolist()), SKIN)
    for ring, colour in ((slice(36, 42), (240, 240, 240)), (slice(42, 48), (240, 240, 240)), (slice(48, 60), LIPS)):
        draw.polygon([tuple(point) for point in face[ring].tolist()], colour)
    for eye in (slice(36, 42), slice(42, 48)):
        x, y = face[eye].mean(0).tolist()
        draw.ellipse((x - 0.03 * size, y - 0.03 * size, x + 0.03 * size, y + 0.03 * size), (50, 40, 30))
    inner = [tuple(point) for point in face[60:68].tolist()]
    draw.polygon(inner, DARK)
    draw.line([*inner[:5]], DARK, max(1, round(0.01 * size)))
    return np.asarray(picture.filter(ImageFilter.GaussianBlur(0.6))), face

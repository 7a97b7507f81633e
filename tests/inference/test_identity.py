from pathlib import Path

import numpy as np
import pytest
from factories import face_points
from PIL import Image

from kfusion import assets
from kfusion.errors import InputError
from kfusion.face.views import MAX_SIDE_PX
from kfusion.inference.identity import read_identity
from kfusion.landmarks import LandmarkSequence, inter_ocular_distance

ROTATED_RIGHT = 6
"""EXIF orientation: turn by 90 degrees clockwise to see it upright."""


@pytest.fixture(scope="module")
def portrait() -> Image.Image:
    with Image.open(assets.SAMPLE_PORTRAIT) as picture:
        return picture.convert("RGB")


@pytest.fixture(scope="module")
def reference() -> np.ndarray:
    return read_identity(assets.SAMPLE_PORTRAIT).points


def difference(points: np.ndarray, reference: np.ndarray) -> float:
    """Greatest distance between partners over the distance between the eyes."""
    return float(np.linalg.norm(points - reference, axis=-1).max() / inter_ocular_distance(reference))


def test_the_sample_portrait_has_its_landmarks_in_the_face(reference: np.ndarray) -> None:
    assert reference.shape == (68, 2)
    assert (reference.min(0) > 80).all()
    assert (reference.max(0) < 220).all()


@pytest.mark.parametrize(
    ("mode", "name"),
    [
        ("L", "grey.png"),
        ("RGBA", "alpha.png"),
        ("LA", "grey_alpha.png"),
        ("P", "palette.gif"),
        ("RGB", "modern.webp"),
        ("RGBA", "alpha.webp"),
        ("CMYK", "print.jpg"),
        ("RGB", "plain.bmp"),
    ],
)
def test_every_kind_of_picture_gives_the_same_face(
    tmp_path: Path, portrait: Image.Image, reference: np.ndarray, mode: str, name: str
) -> None:
    portrait.convert(mode).save(tmp_path / name)
    assert difference(read_identity(tmp_path / name).points, reference) < 0.1


def test_sixteen_bits_are_scaled_and_not_cut(tmp_path: Path, portrait: Image.Image, reference: np.ndarray) -> None:
    deep = np.asarray(portrait.convert("L"), np.uint16) * 257
    Image.fromarray(deep).save(tmp_path / "deep.png")
    assert difference(read_identity(tmp_path / "deep.png").points, reference) < 0.1


def test_a_picture_on_its_side_is_turned_by_its_exif(
    tmp_path: Path, portrait: Image.Image, reference: np.ndarray
) -> None:
    lying = portrait.transpose(Image.Transpose.ROTATE_90)
    exif = lying.getexif()
    exif[0x0112] = ROTATED_RIGHT
    lying.save(tmp_path / "lying.jpg", exif=exif, quality=95)
    assert difference(read_identity(tmp_path / "lying.jpg").points, reference) < 0.1


def test_a_huge_portrait_is_found_small_and_mapped_back(
    tmp_path: Path, portrait: Image.Image, reference: np.ndarray
) -> None:
    portrait.resize((portrait.width * 10, portrait.height * 10)).save(tmp_path / "huge.jpg")
    face = read_identity(tmp_path / "huge.jpg")
    assert difference(face.points / 10, reference) < 0.1
    assert face.portrait is not None
    assert max(face.portrait.picture.shape) == MAX_SIDE_PX
    assert face.portrait.size_px == (portrait.width * 10, portrait.height * 10)


def test_an_array_is_taken_as_a_picture(portrait: Image.Image, reference: np.ndarray) -> None:
    assert difference(read_identity(np.asarray(portrait)).points, reference) < 0.1


@pytest.mark.parametrize("size", [(1, 1), (3, 900), (40, 40)])
def test_a_tiny_picture_has_no_face(size: tuple[int, int]) -> None:
    with pytest.raises(InputError, match="no face found"):
        read_identity(np.zeros((*size, 3), np.uint8))


def test_of_a_sequence_the_first_frame_is_taken(tmp_path: Path) -> None:
    points = np.stack([face_points(), face_points(size=50)])
    sequence = LandmarkSequence(points=points, fps=30)
    sequence.save(tmp_path / "sequence.npz")
    for identity in (sequence, tmp_path / "sequence.npz"):
        np.testing.assert_array_equal(read_identity(identity).points, points[0])


def test_an_empty_sequence_is_refused() -> None:
    with pytest.raises(InputError, match="0 frames"):
        read_identity(LandmarkSequence(points=np.zeros((0, 68, 2), np.float32), fps=30))

from pathlib import Path

import numpy as np
import pytest
from factories.inputs import face_points
from PIL import Image

from kfusion import assets
from kfusion.errors import InputError
from kfusion.face.views import SMALL_SIDE_PX
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
    assert max(face.portrait.picture.shape) == SMALL_SIDE_PX
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


def test_an_upside_down_portrait_gives_points_where_the_picture_shows_them(
    tmp_path: Path, portrait: Image.Image, reference: np.ndarray
) -> None:
    portrait.rotate(180).save(tmp_path / "turned.png")
    turned = read_identity(tmp_path / "turned.png")
    assert difference(np.array(portrait.size) - turned.points, reference) < 0.1
    assert turned.portrait is not None
    np.testing.assert_array_equal(turned.portrait.picture, np.asarray(portrait.rotate(180)))


@pytest.mark.parametrize(
    ("move", "words"),
    [
        (lambda face: face / 256, "multiply x by the width and y by the height"),
        (lambda face: [0, 256] + face * [1, -1], "y must grow downwards"),
        (lambda face: [256, 0] + face * [-1, 1], "in a mirror"),
        (lambda face: face[::-1], "in the order of 300-W"),
        (lambda face: face + 1e7, "beyond 1e"),
        (lambda face: face * np.float32(1e33), "beyond 1e"),
        (lambda face: face * 0 + 5, "coincide"),
    ],
)
def test_points_that_do_not_lie_as_a_face_does_are_refused(tmp_path: Path, move: object, words: str) -> None:
    points = np.asarray(move(face_points()))
    np.save(tmp_path / "face.npy", points)
    for identity in (points, tmp_path / "face.npy"):
        with pytest.raises(InputError, match=words):
            read_identity(identity)


@pytest.mark.parametrize("degrees", [0, 45, 90, 180, 270])
def test_a_turned_face_is_a_face(degrees: int) -> None:
    turn = np.exp(1j * np.deg2rad(degrees))
    turned = (face_points() @ [1, 1j] * turn).view(float).reshape(68, 2)
    np.testing.assert_allclose(read_identity(turned).points, turned, rtol=1e-5, atol=1e-4)


def test_the_unit_frame_needs_no_pixels() -> None:
    unit = (face_points() - 128) / 100
    assert read_identity(LandmarkSequence(points=unit[None], fps=30, coordinates="unit")).coordinates == "unit"
    with pytest.raises(InputError, match="no pixels"):
        read_identity(LandmarkSequence(points=unit[None], fps=30))

"""Which face of a picture is believed, where it is, and what is refused."""

from itertools import pairwise

import numpy as np
import pytest
from PIL import Image, ImageDraw

from kfusion import assets
from kfusion.errors import InputError
from kfusion.face import FaceFinder, Scene, find_identity
from kfusion.face.views import around, disagreement, quarter_turns, tiles


def scene_of(picture: np.ndarray) -> Scene:
    return Scene.of(Image.fromarray(picture))


@pytest.fixture(scope="module")
def portrait() -> np.ndarray:
    return np.asarray(Image.open(assets.SAMPLE_PORTRAIT).convert("RGB"))


@pytest.fixture(scope="module")
def face(portrait: np.ndarray) -> np.ndarray:
    return find_identity(scene_of(portrait), "portrait.jpg")


def turned(points: np.ndarray, quarters: int, side: int) -> np.ndarray:
    """Points of a square picture after `np.rot90`."""
    for _ in range(quarters):
        points = np.stack([points[:, 1], side - points[:, 0]], -1)
    return points


def test_a_face_that_closer_looks_agree_on_is_the_one_of_the_first_look(portrait: np.ndarray, face: np.ndarray) -> None:
    with FaceFinder() as finder:
        np.testing.assert_array_equal(finder.find(portrait)[0], face)


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_turned_face_is_found_where_the_picture_shows_it_with_a_notice(
    portrait: np.ndarray, face: np.ndarray, quarters: int, caplog: pytest.LogCaptureFixture
) -> None:
    found = find_identity(scene_of(np.ascontiguousarray(np.rot90(portrait, quarters))), "turned.jpg")
    assert disagreement(found, turned(face, quarters, len(portrait))) < 0.05
    assert quarter_turns(found) == 4 - quarters
    assert ("upside down" if quarters == 2 else "on its side") in caplog.text


@pytest.mark.parametrize("degrees", [-30, 30])
def test_a_tilted_head_needs_no_turning(portrait: np.ndarray, degrees: int, caplog: pytest.LogCaptureFixture) -> None:
    find_identity(Scene.of(Image.fromarray(portrait).rotate(degrees, fillcolor=(120, 120, 120))), "tilted.jpg")
    assert not caplog.text


@pytest.mark.parametrize(("point", "cut_px"), [(33, 3), (51, 0), (62, 0)])
def test_a_mouth_outside_the_picture_is_refused(
    portrait: np.ndarray, face: np.ndarray, point: int, cut_px: int
) -> None:
    with pytest.raises(InputError, match=r"cut\.png: \d+ of 20 points of the mouth lie outside the picture"):
        find_identity(scene_of(portrait[: int(face[point, 1]) + cut_px]), "cut.png")


def test_a_pair_of_eyes_under_hair_is_no_face_upside_down(portrait: np.ndarray, face: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"eyes\.png"):
        find_identity(scene_of(portrait[: int(face[45, 1]) + 4]), "eyes.png")


def test_a_cut_chin_is_no_hindrance(portrait: np.ndarray, face: np.ndarray) -> None:
    below_the_mouth = int((face[57, 1] + face[8, 1]) / 2)
    found = find_identity(scene_of(portrait[:below_the_mouth]), "chin.png")
    assert np.linalg.norm(found[48:] - face[48:], axis=1).mean() < 0.05 * np.linalg.norm(face[45] - face[36])


def emoji() -> Image.Image:
    picture = Image.new("RGB", (400, 400), "white")
    pen = ImageDraw.Draw(picture)
    pen.ellipse((40, 40, 360, 360), fill=(255, 205, 60), outline=(150, 100, 0), width=4)
    pen.ellipse((125, 130, 165, 190), fill=(60, 40, 20))
    pen.ellipse((235, 130, 275, 190), fill=(60, 40, 20))
    pen.chord((110, 180, 290, 310), 0, 180, fill=(120, 30, 20))
    return picture


def noise() -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8))


@pytest.mark.parametrize("draw", [emoji, noise])
def test_what_is_no_face_is_refused(draw: object) -> None:
    with pytest.raises(InputError, match=r"other\.png: no face found"):
        find_identity(Scene.of(draw()), "other.png")


def test_points_that_move_from_look_to_look_are_refused(
    portrait: np.ndarray, face: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(0)

    def find(self: FaceFinder, image: np.ndarray) -> list[np.ndarray]:
        size = np.array(image.shape[1::-1]) / np.array(portrait.shape[1::-1])
        return [((face + random.normal(0, 6, face.shape)) * size).astype(np.float32)]

    monkeypatch.setattr(FaceFinder, "find", find)
    with pytest.raises(InputError, match="closer looks do not agree"):
        find_identity(scene_of(portrait), "doubtful.png")


@pytest.mark.parametrize(("width", "height", "height_px"), [(1920, 1080, 62), (1920, 1080, 165), (6000, 4000, 62)])
def test_a_face_is_found_from_60_pixels_up_in_a_picture_of_any_size(
    portrait: np.ndarray, face: np.ndarray, width: int, height: int, height_px: int
) -> None:
    shrunk = height_px / np.ptp(face, axis=0).max()
    small = Image.fromarray(portrait).resize((round(portrait.shape[1] * shrunk),) * 2)
    picture = Image.new("RGB", (width, height), (90, 110, 100))
    picture.paste(small, (width * 2 // 3, height // 3))
    found = find_identity(Scene.of(picture), "far.png")
    assert disagreement(found, face * shrunk + [width * 2 // 3, height // 3]) < 0.06


@pytest.mark.parametrize("size_px", [(300, 200), (1920, 1080), (8000, 6000), (200, 9000)])
def test_a_face_of_any_size_lies_whole_on_a_tile_that_it_fills_by_an_eighth(size_px: tuple[int, int]) -> None:
    levels = list(tiles(*size_px))
    sides = [level[0].side for level in levels]
    assert sides[0] == max(size_px) // 2
    assert all(larger / smaller <= 4.2 for larger, smaller in pairwise(sides))
    assert sides[-1] <= 480
    random = np.random.default_rng(0)
    for face_px in (side / 2 - 1 for side in sides if side / 2 < min(size_px)):
        left, top = random.uniform(0, np.array(size_px) - face_px)
        assert any(
            view.left <= left and view.top <= top and max(left - view.left, top - view.top) + face_px <= view.side
            for level in levels
            for view in level
        )


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_what_a_view_shows_comes_back_to_its_place(quarters: int, mirrored: bool) -> None:
    picture = np.zeros((200, 300, 3), np.uint8)
    picture[60:62, 150:152] = 255

    class Brightest:
        def find(self, image: np.ndarray) -> list[np.ndarray]:
            y, x = np.argwhere(image[..., 0] > 128).mean(0) + 0.5
            return [np.tile(np.array([x, y], np.float32), (68, 1))]

    corners = np.array([[100.0, 20.0], [200.0, 120.0]], np.float32)
    (seen,) = around(corners, 1.5, quarter_turns=quarters, mirrored=mirrored).faces(Brightest(), scene_of(picture))
    np.testing.assert_allclose(seen, np.tile([151.0, 61.0], (68, 1)), atol=0.6)


def test_the_largest_of_several_faces_is_taken_with_a_notice(
    portrait: np.ndarray, caplog: pytest.LogCaptureFixture
) -> None:
    image = Image.fromarray(portrait).resize((300, 300))
    both = np.concatenate([np.asarray(image.resize((200, 200)).crop((0, 0, 200, 300))), np.asarray(image)], axis=1)
    identity = find_identity(scene_of(both), "both.png")
    assert identity[:, 0].min() > 200
    assert "2 faces found, the largest is used" in caplog.text


def test_a_small_face_is_found(portrait: np.ndarray) -> None:
    small = Image.fromarray(portrait).resize((90, 90))
    scene = np.full((800, 800, 3), 128, np.uint8)
    scene[500:590, 600:690] = np.asarray(small)
    identity = find_identity(scene_of(scene), "scene.png")
    assert (identity.mean(0) > [600, 500]).all()
    assert (identity.mean(0) < [690, 590]).all()


@pytest.mark.parametrize("shape", [(300, 300, 3), (1, 1, 3), (3, 2, 3), (5, 400, 3)])
def test_a_picture_without_a_face_is_an_error(shape: tuple[int, int, int]) -> None:
    with pytest.raises(InputError, match=r"empty\.png: no face found"):
        find_identity(scene_of(np.zeros(shape, np.uint8)), "empty.png")


def test_a_face_turned_to_the_side_is_an_error(
    face: np.ndarray, portrait: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = face.copy()
    profile[27:31, 0] = face[45, 0] - 2
    monkeypatch.setattr(FaceFinder, "find", lambda self, image: [profile])
    with pytest.raises(InputError, match="turned to the side"):
        find_identity(scene_of(portrait), "side.png")

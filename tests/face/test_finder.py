"""The face finder on the portrait that the package brings along."""

import builtins
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import kfusion
from kfusion.errors import InputError, MissingExtraError, MissingWeightsError
from kfusion.face import FaceFinder
from kfusion.landmarks import MIRROR, inter_ocular_distance, mouth_opening

PORTRAIT = Path(kfusion.__file__).parent / "assets" / "portrait.jpg"


@pytest.fixture(scope="module")
def portrait() -> np.ndarray:
    return np.asarray(Image.open(PORTRAIT).convert("RGB"))


@pytest.fixture(scope="module")
def finder() -> Iterator[FaceFinder]:
    with FaceFinder() as found:
        yield found


@pytest.fixture(scope="module")
def face(portrait: np.ndarray, finder: FaceFinder) -> np.ndarray:
    return finder.find(portrait)[0]


def test_the_68_points_lie_as_a_face_does(face: np.ndarray) -> None:
    assert face.shape == (68, 2)
    assert face.dtype == np.float32
    brows, eyes, nose, mouth, chin = face[17:27], face[36:48], face[30], face[48:68], face[8]
    assert brows[:, 1].mean() < eyes[:, 1].mean() < nose[1] < mouth[:, 1].mean() < chin[1]
    assert face[36, 0] < face[39, 0] < face[42, 0] < face[45, 0]
    assert face[0, 0] < face[48, 0] < face[54, 0] < face[16, 0]
    assert face[51, 1] < face[57, 1]


def test_the_face_is_found_where_the_picture_puts_it(
    portrait: np.ndarray, finder: FaceFinder, face: np.ndarray
) -> None:
    wide = np.pad(portrait, ((20, 0), (60, 0), (0, 0)))
    moved = finder.find(wide)[0]
    error = np.linalg.norm(moved - face - [60, 20], axis=1).mean() / inter_ocular_distance(face)
    assert error < 0.02


def test_a_mirrored_picture_gives_the_mirrored_face(portrait: np.ndarray, finder: FaceFinder, face: np.ndarray) -> None:
    mirrored = finder.find(np.ascontiguousarray(portrait[:, ::-1]))[0][MIRROR]
    mirrored[:, 0] = portrait.shape[1] - mirrored[:, 0]
    error = np.linalg.norm(mirrored - face, axis=1).mean() / inter_ocular_distance(face)
    assert error < 0.03


def test_a_missing_or_damaged_landmarker_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingWeightsError, match=r"a\.task"):
        FaceFinder(landmarker=tmp_path / "a.task")
    (tmp_path / "b.task").write_bytes(b"no network")
    with pytest.raises(MissingWeightsError, match=r"b\.task.*damaged"):
        FaceFinder(landmarker=tmp_path / "b.task")


def test_without_mediapipe_the_user_is_told_to_pass_a_landmark_file(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: object, **more: object) -> object:
        if name.startswith("mediapipe"):
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match="pass a landmark file"):
        FaceFinder()


def test_the_mouth_of_the_portrait_has_a_size(face: np.ndarray) -> None:
    assert 0 <= float(mouth_opening(face)) < float(inter_ocular_distance(face))


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 60_000, 3), (7, 300, 3), (0, 5, 3)])
def test_a_picture_too_narrow_for_a_face_shows_none(finder: FaceFinder, shape: tuple[int, int, int]) -> None:
    assert finder.find(np.zeros(shape, np.uint8)) == []


def test_what_goes_wrong_in_mediapipe_is_one_clear_line(portrait: np.ndarray) -> None:
    closed = FaceFinder()
    closed.close()
    with pytest.raises(InputError, match="the face landmarker failed") as caught:
        closed.find(portrait)
    assert "\n" not in str(caught.value)


def test_threads_may_share_a_finder(portrait: np.ndarray, finder: FaceFinder, face: np.ndarray) -> None:
    with ThreadPoolExecutor(4) as pool:
        for (found,) in pool.map(lambda _: finder.find(portrait), range(8)):
            np.testing.assert_array_equal(found, face)

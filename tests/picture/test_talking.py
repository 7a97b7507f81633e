from itertools import pairwise

import numpy as np
import pytest
from factories.portraits import painted_portrait, speaking_face
from numpy.typing import NDArray

from kfusion.errors import InputError
from kfusion.motion.life import LifeSigns
from kfusion.picture.anatomy import SHUT_GAP, FaceAxes, lip_gap, settled_lips
from kfusion.picture.field import count_folds, sources
from kfusion.picture.mouth import Layers
from kfusion.picture.portrait_mouth import opening_outline, polygon_mask
from kfusion.picture.talking import TalkingPicture

SIZE = 220.0
CENTER = (256.0, 256.0)


def spoken(opening: float) -> NDArray[np.float32]:
    return speaking_face(CENTER, SIZE, opening)


@pytest.fixture(scope="module")
def portrait() -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    return painted_portrait(512, 512, size=SIZE)


@pytest.fixture(scope="module")
def talking(portrait: tuple[NDArray[np.uint8], NDArray[np.float32]]) -> TalkingPicture:
    return TalkingPicture(*portrait)


def folds(talking: TalkingPicture, landmarks: NDArray[np.float32]) -> list[int]:
    """How many squares are folded in the upper layer, in the lower one, and in what is drawn of each."""
    grid = talking._stage.grid
    moved = talking._settled(landmarks) - talking._mouth_shown.reference
    upper, lower, moved = talking._motions(moved)
    layers = Layers(*(grid.dense(sources(grid, motion, grid.nodes), grid) for motion in (upper, lower)), grid.nodes)
    above, below, share = talking._mouth.lip_places(layers)
    outline = talking._axes.to_pixels(opening_outline(talking._face + moved))
    skin = polygon_mask(outline, share.shape, np.array([grid.left, grid.top])) < 0.5
    used = [(share < 0.5) & skin, (share >= 0.5) & skin]
    drawn = [count_folds(places, part) for places, part in zip((above, below), used, strict=True)]
    return [count_folds(layers.upper), count_folds(layers.lower), *drawn]


@pytest.mark.parametrize("opening", [0.0, 0.05, 0.15, 0.3])
def test_no_opening_of_the_mouth_folds_the_face(talking: TalkingPicture, opening: float) -> None:
    assert folds(talking, spoken(opening)) == [0, 0, 0, 0]


@pytest.mark.parametrize("seed", range(5))
def test_landmarks_of_no_face_do_not_fold_it_either(talking: TalkingPicture, seed: int) -> None:
    wild = spoken(0.1) + np.random.default_rng(seed).normal(0, 20, (68, 2)).astype(np.float32)
    assert folds(talking, wild)[:2] == [0, 0]


def test_the_portrait_that_does_not_move_is_the_portrait(
    talking: TalkingPicture, portrait: tuple[NDArray[np.uint8], NDArray[np.float32]]
) -> None:
    assert (talking.frame(spoken(0)) == portrait[0]).all()


def test_what_lies_off_the_face_stays_bit_for_bit(
    talking: TalkingPicture, portrait: tuple[NDArray[np.uint8], NDArray[np.float32]]
) -> None:
    changed = np.argwhere((talking.frame(spoken(0.25)) != portrait[0]).any(-1))
    face = spoken(0.25)
    low, high = face.min(0) - [0.15 * SIZE, 0.21 * SIZE], face.max(0) + np.array([0.12, 0.26]) * SIZE
    assert len(changed) > 1000
    assert (changed.min(0)[::-1] >= low).all()
    assert (changed.max(0)[::-1] <= high).all()


def test_an_open_mouth_shows_what_a_shut_one_does_not(talking: TalkingPicture) -> None:
    x, y = spoken(0.2)[60:68].mean(0).astype(int)
    inside = np.s_[y - 4 : y + 4, x - 20 : x + 20]
    shut, wide = (talking.frame(spoken(opening))[inside].astype(float) for opening in (0, 0.25))
    assert np.abs(wide - shut).mean() > 25


@pytest.mark.parametrize("gap", [-0.05, 0.0, 0.015, SHUT_GAP])
def test_lips_that_are_nearly_shut_are_shut(talking: TalkingPicture, gap: float) -> None:
    assert talking.opening(spoken(gap)) == pytest.approx(0, abs=1e-6)
    middle = spoken(0)[60:68].mean(0).astype(int)
    mouth = np.s_[middle[1] - 15 : middle[1] + 15, middle[0] - 30 : middle[0] + 30]
    shown, portrait = (picture[mouth].astype(int) for picture in (talking.frame(spoken(gap)), talking.portrait))
    assert (shown.sum(-1) < 260).sum() == pytest.approx((portrait.sum(-1) < 260).sum(), rel=0.5)


def test_lips_that_part_widely_are_where_the_landmarks_are() -> None:
    face = FaceAxes.of(spoken(0)).to_face(spoken(0.2))
    assert lip_gap(settled_lips(face)) == pytest.approx(lip_gap(face))


def test_lips_open_without_a_jump() -> None:
    axes = FaceAxes.of(spoken(0))
    gaps = [lip_gap(settled_lips(axes.to_face(spoken(gap)))) for gap in np.linspace(-0.02, 0.2, 200)]
    assert all(0 <= second - first < 0.005 for first, second in pairwise(gaps))


def test_a_mouth_that_is_open_in_the_portrait_shuts() -> None:
    picture, face = painted_portrait(512, 512, size=SIZE, opening=0.25)
    talking = TalkingPicture(picture, face)
    middle = face[60:68].mean(0).astype(int)
    column = np.s_[middle[1] - 25 : middle[1] + 25, middle[0]]
    dark = [(talking.frame(spoken(opening))[column].sum(-1) < 200).sum() for opening in (0.25, 0.0)]
    assert dark[0] >= 10
    assert dark[1] <= 7


def test_the_motion_of_the_whole_head_is_left_out(talking: TalkingPicture) -> None:
    turn, shift = np.array([[0.99, -0.1], [0.1, 0.99]]), np.array([40, -25])
    elsewhere = (spoken(0.15) @ turn.T + shift).astype(np.float32)
    difference = talking.frame(elsewhere).astype(int) - talking.frame(spoken(0.15))
    assert np.abs(difference).max() <= 3


def test_a_face_on_its_side_talks_as_an_upright_one() -> None:
    picture, face = painted_portrait(512, 512, size=SIZE)
    turned = np.stack([face[:, 1], 512 - face[:, 0]], -1)
    now = np.stack([spoken(0.2)[:, 1], 512 - spoken(0.2)[:, 0]], -1)
    upright = TalkingPicture(picture, face).frame(spoken(0.2)).astype(int)
    on_side = np.rot90(TalkingPicture(np.rot90(picture), turned).frame(now), -1).astype(int)
    assert np.abs(upright - on_side).mean() < 0.5


def test_lids_close_over_the_eyes_and_nothing_else_changes(talking: TalkingPicture) -> None:
    opened, closed = (talking.frame(spoken(0), LifeSigns(closed=share)).astype(int) for share in (0.0, 1.0))
    changed = np.argwhere(np.abs(opened - closed).max(-1) > 0)
    eyes = spoken(0)[36:48]
    assert (changed.min(0)[::-1] > eyes.min(0) - 0.06 * SIZE).all()
    assert (changed.max(0)[::-1] < eyes.max(0) + 0.06 * SIZE).all()
    for eye in (spoken(0)[36:42], spoken(0)[42:48]):
        x, y = eye.mean(0).astype(int)
        assert opened[y, x].mean() < 90
        assert closed[y - 3, x].mean() > 120
    assert (talking.frame(spoken(0)) == opened).all()


def test_eyes_of_landmarks_that_shut_are_shut(talking: TalkingPicture) -> None:
    winking = spoken(0)
    for upper, lower in ((37, 41), (38, 40), (43, 47), (44, 46)):
        winking[[upper, lower], 1] = winking[[upper, lower], 1].mean()
    assert (talking.frame(winking) == talking.frame(spoken(0), LifeSigns(closed=1.0))).all()


def test_the_head_sways_and_the_frame_of_the_picture_stays(talking: TalkingPicture) -> None:
    swayed = talking.frame(spoken(0), LifeSigns(shift=(0.02, 0.01), roll=0.01, nearer=0.005))
    assert (swayed != talking.portrait).any(-1).mean() > 0.2
    for edge in (np.s_[0], np.s_[-1], np.s_[:, 0], np.s_[:, -1]):
        assert (swayed[edge] == talking.portrait[edge]).all()
    assert (talking.frame(spoken(0)) == talking.portrait).all()


def test_the_same_landmarks_give_the_same_picture_in_any_order(
    portrait: tuple[NDArray[np.uint8], NDArray[np.float32]],
) -> None:
    openings = (0.1, 0.25, 0.0)
    one, other = TalkingPicture(*portrait), TalkingPicture(*portrait)
    forth = {gap: one.frame(spoken(gap), LifeSigns(closed=gap)) for gap in openings}
    back = {gap: other.frame(spoken(gap), LifeSigns(closed=gap)) for gap in reversed(openings)}
    assert all((forth[gap] == back[gap]).all() for gap in openings)


@pytest.mark.parametrize("size", [(64, 48), (400, 120), (121, 333), (1280, 720)])
def test_pictures_of_any_size_talk(size: tuple[int, int]) -> None:
    picture, face = painted_portrait(*size)
    width, height = size
    now = speaking_face((width / 2, height / 2), 0.55 * min(size), 0.2)
    shown = TalkingPicture(picture, face).frame(now, LifeSigns(closed=0.5, shift=(0.02, 0)))
    assert shown.shape == picture.shape
    assert (shown != picture).any()


@pytest.mark.parametrize("place", [(0, 0), (512, 256), (256, 540)])
def test_a_face_that_reaches_beyond_the_picture_talks(place: tuple[float, float]) -> None:
    picture, _ = painted_portrait(512, 512, size=SIZE)
    face, now = (speaking_face(place, SIZE, opening) for opening in (0, 0.2))
    assert TalkingPicture(picture, face).frame(now, LifeSigns(closed=1, shift=(0.02, 0))).shape == picture.shape


def test_a_grey_portrait_stays_grey() -> None:
    picture, face = painted_portrait(512, 512, size=SIZE)
    grey = np.repeat(picture.mean(-1, keepdims=True).astype(np.uint8), 3, axis=-1)
    shown = TalkingPicture(grey, face).frame(spoken(0.25), LifeSigns(closed=0.7)).astype(int)
    assert np.ptp(shown, axis=-1).max() <= 2


def test_landmarks_that_are_none_are_refused(portrait: tuple[NDArray[np.uint8], NDArray[np.float32]]) -> None:
    picture, face = portrait
    with pytest.raises(InputError, match="the portrait: landmarks have shape"):
        TalkingPicture(picture, face[:60])
    with pytest.raises(InputError, match="the portrait: 0 of 68 landmarks lie in the picture of 512 x 512 pixels"):
        TalkingPicture(picture, face + 5000)
    with pytest.raises(InputError, match=r"the moving face: .* not finite"):
        TalkingPicture(picture, face).frame(np.full((68, 2), np.nan, np.float32))


def test_a_portrait_that_is_no_picture_is_refused(portrait: tuple[NDArray[np.uint8], NDArray[np.float32]]) -> None:
    picture, face = portrait
    for other in (picture[..., 0], picture.astype(np.float32), np.dstack([picture, picture[..., :1]])):
        with pytest.raises(InputError, match="pass RGB"):
            TalkingPicture(other, face)

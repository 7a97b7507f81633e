import numpy as np
import pytest
from factories.portraits import SKIN, painted_portrait, speaking_face
from PIL import Image, ImageDraw

from kfusion.picture.hidden_mouth import why_hidden

SIZE = 220.0


def covered(colour: tuple[int, int, int], *, folds: bool = False) -> np.ndarray:
    """A portrait with something before its mouth."""
    picture, face = painted_portrait(512, 512, size=SIZE)
    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image)
    low, high = face[[4, 31, 35, 12]].min(0), face[[4, 8, 12]].max(0) + 10
    draw.rectangle((*low.tolist(), *high.tolist()), colour)
    for y in range(int(low[1]), int(high[1]), 17) if folds else ():
        draw.line((low[0], y, high[0], y + 6), tuple(int(0.9 * level) for level in colour))
    return np.asarray(image)


@pytest.mark.parametrize("opening", [0.0, 0.15])
def test_a_bare_mouth_can_talk(opening: float) -> None:
    assert why_hidden(*painted_portrait(512, 512, size=SIZE, opening=opening)) == ""


@pytest.mark.parametrize("colour", [(150, 190, 215), (30, 30, 34), (225, 225, 225), SKIN])
@pytest.mark.parametrize("folds", [False, True])
def test_a_mouth_behind_something_cannot(colour: tuple[int, int, int], folds: bool) -> None:
    face = painted_portrait(512, 512, size=SIZE)[1]
    reason = why_hidden(covered(colour, folds=folds), face)
    assert reason.startswith("the mouth cannot be seen")
    assert "use --video points" in reason


def test_a_grey_portrait_can_talk_and_a_covered_grey_one_cannot() -> None:
    picture, face = painted_portrait(512, 512, size=SIZE)
    for image, empty in ((picture, True), (covered(SKIN), False)):
        grey = np.repeat(image.mean(-1, keepdims=True).astype(np.uint8), 3, axis=-1)
        assert (why_hidden(grey, face) == "") == empty


def test_a_face_turned_far_to_the_side_cannot() -> None:
    picture, face = painted_portrait(512, 512, size=SIZE)
    turned = face.copy()
    turned[27:31, 0] += 0.12 * SIZE
    assert "turned too far to the side" in why_hidden(picture, turned)


def test_a_mouth_at_the_edge_of_the_picture_is_looked_at_as_far_as_it_goes() -> None:
    picture, _ = painted_portrait(512, 512, size=SIZE)
    assert isinstance(why_hidden(picture, speaking_face((250, 450), SIZE)), str)

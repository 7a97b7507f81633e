import pytest

from kfusion.formats.morph_names import matching_shapes


@pytest.mark.parametrize(
    "name",
    ["mouthSmileLeft", "MouthSmileLeft", "mouthSmile_L", "mouth_smile_left", "Head.mouthSmile_L", "BS_mouthSmileLeft"],
)
def test_the_usual_spellings_of_a_shape_are_known(name):
    assert matching_shapes(["basis", name]) == {1: "mouthSmileLeft"}


def test_left_is_never_taken_for_right_and_others_are_left_alone():
    names = ["mouthSmile_R", "mouthLeft", "jawOpen", "viseme_aa", "", "jawOpenWide", "L"]
    assert matching_shapes(names) == {0: "mouthSmileRight", 1: "mouthLeft", 2: "jawOpen"}

import json

import pytest
from factories.motion import shaped


def curves(content):
    """Parameter -> (time, value) pairs, read back as the specification says."""
    found = {}
    for curve in content["Curves"]:
        numbers, points = curve["Segments"][2:], [tuple(curve["Segments"][:2])]
        while numbers:
            assert numbers[0] == 0  # linear
            points.append(tuple(numbers[1:3]))
            numbers = numbers[3:]
        found[curve["Id"]] = points
    return found


def test_the_counts_are_those_of_the_contents(smile, written):
    content = json.loads(written(smile, "live2d").read_text())
    found = curves(content)
    meta = content["Meta"]
    assert content["Version"] == 3
    assert meta["CurveCount"] == len(found)
    assert meta["TotalPointCount"] == sum(map(len, found.values()))
    assert meta["TotalSegmentCount"] == sum(len(points) - 1 for points in found.values())
    assert meta["Duration"] == pytest.approx(31 / 30, abs=1e-3)


def test_parameters_follow_the_face_and_left_is_the_characters(written):
    motion = shaped(mouthSmileLeft=0.8, eyeBlinkLeft=0.9, jawOpen=0.3, browDownRight=0.5)
    found = {name: points[-1] for name, points in curves(json.loads(written(motion, "live2d").read_text())).items()}
    values = {name: value for name, (_, value) in found.items()}
    assert {time for time, _ in found.values()} == {1.0}
    assert values["ParamEyeLOpen"] == pytest.approx(0.1)
    assert values["ParamEyeROpen"] == 1.0
    assert values["ParamMouthOpenY"] == pytest.approx(0.6)
    assert values["ParamMouthForm"] == pytest.approx(0.4)
    assert (values["ParamBrowLY"], values["ParamBrowRY"]) == (0.0, -0.5)
    assert (values["ParamAngleX"], values["ParamAngleY"], values["ParamAngleZ"]) == pytest.approx((12, 6, 3))


def test_silence_is_a_shut_mouth_and_open_eyes(written):
    values = {
        name: {value for _, value in points}
        for name, points in curves(json.loads(written(shaped(), "live2d").read_text())).items()
        if "Angle" not in name
    }
    assert {name: value for name, value in values.items() if value != {0.0}} == {
        "ParamEyeLOpen": {1.0},
        "ParamEyeROpen": {1.0},
    }

import numpy as np

from kfusion.face_shapes import ARKIT_SHAPES
from kfusion.formats.ifacialmocap import ifacialmocap_packet


def test_shapes_are_whole_percents_with_short_sides_and_the_head_is_in_degrees():
    weights = np.zeros(52, np.float32)
    for name, value in {"mouthSmileLeft": 0.8, "jawOpen": 0.352, "jawLeft": 0.2, "mouthLeft": 0.4}.items():
        weights[ARKIT_SHAPES.index(name)] = value
    text = ifacialmocap_packet(weights, np.radians(np.array([12, 0, 3], np.float32))).decode()
    shapes, _, turned = text.partition("=")
    values = dict(entry.rsplit("-", 1) for entry in shapes.strip("|").split("|"))
    assert len(values) == 52
    assert {name: value for name, value in values.items() if value != "0"} == {
        "mouthSmile_L": "80",
        "jawOpen": "35",
        "jawLeft": "20",
        "mouthLeft": "40",
    }
    assert {"eyeBlink_L", "eyeBlink_R", "mouthRight", "tongueOut", "browInnerUp"} <= set(values)
    parts = [part.partition("#") for part in turned.strip("|").split("|")]
    assert [name for name, _, _ in parts] == ["head", "rightEye", "leftEye"]
    np.testing.assert_allclose([float(value) for value in parts[0][2].split(",")], [0, 12, -3, 0, 0, 0], atol=1e-3)

import json

import pytest


def test_the_names_stand_once_and_a_row_a_frame(smile, written):
    content = json.loads(written(smile, "a2f").read_text())
    assert (content["exportFps"], content["numFrames"], content["numPoses"]) == (30.0, 31, 52)
    last = dict(zip(content["facsNames"], content["weightMat"][-1], strict=True))
    assert {name: value for name, value in last.items() if value} == {
        "mouthSmileLeft": 0.8,
        "jawLeft": 0.2,
        "mouthLeft": 0.4,
    }


def test_openfacefx_reads_it(smile, written):
    openfacefx = pytest.importorskip("openfacefx")
    track, _ = openfacefx.read_a2f(str(written(smile, "a2f")), epsilon=0.0)
    ends = {channel.name: channel.keys[-1] for channel in track.channels if channel.keys[-1].value}
    assert {name: key.value for name, key in ends.items()} == pytest.approx(
        {"mouthSmileLeft": 0.8, "jawLeft": 0.2, "mouthLeft": 0.4}
    )
    assert [key.time for key in ends.values()] == pytest.approx([1.0] * 3)

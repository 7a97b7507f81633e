import json
from dataclasses import replace

import pytest
from factories.motion import shaped
from factories.visemes import saying


def test_the_animation_has_a_value_and_a_duration_for_every_frame(smile, written):
    content = json.loads(written(smile, "talkinghead").read_text())
    assert content["words"] == content["wtimes"] == content["wdurations"] == []
    anim = content["anim"]
    assert anim["name"]
    assert set(anim["vs"]) == {"mouthSmileLeft", "jawLeft", "mouthLeft"}
    assert {len(values) for values in anim["vs"].values()} == {31} == {len(anim["dt"])}
    assert anim["vs"]["mouthSmileLeft"][-1] == pytest.approx(0.8)
    assert sum(anim["dt"]) == 1000


def test_rounded_durations_do_not_drift(written):
    anim = json.loads(written(shaped(3001, fps=29.97, jawOpen=1.0), "talkinghead").read_text())["anim"]
    assert sum(anim["dt"]) == round(3000 / 29.97 * 1000)
    assert min(anim["dt"][1:]) >= 33


def test_a_still_face_is_an_animation_too(written):
    anim = json.loads(written(shaped(3), "talkinghead").read_text())["anim"]
    assert anim["vs"] == {"jawOpen": [0.0, 0.0, 0.0]}


def test_visemes_lie_apart_from_the_animation(written):
    motion = replace(shaped(), visemes=saying("sil PP aa sil", each_s=0.1))
    content = json.loads(written(motion, "talkinghead").read_text())
    assert "visemes" not in content
    assert content["cues"]["visemes"] == ["PP", "aa"]
    assert content["cues"]["vtimes"] == pytest.approx([90, 190])
    assert content["cues"]["vdurations"] == pytest.approx([100, 100])
    assert content["cues"]["words"] == []

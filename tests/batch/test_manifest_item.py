from typing import Any

import pytest

from kfusion.batch.manifest_item import default_name, read_item
from kfusion.errors import InputError
from kfusion.files import name_key


@pytest.mark.parametrize(
    ("speech", "name"),
    [
        ("a.wav", "a"),
        ("spk 1/Ä ü.flac", "spk 1/Ä ü"),
        ("../up/./a.b.wav", "up/a.b"),
        ("/data/a.wav", "data/a"),
        ("s3://bucket/x/a.wav", "bucket/x/a"),
        ("https://user:secret@host/x/a.wav?signature=abc#t", "host/x/a"),
        ("simplecache::s3://bucket/a.wav", "bucket/a"),
    ],
)
def test_a_result_is_called_by_the_path_of_its_recording(speech: str, name: str) -> None:
    assert default_name(speech) == name


def test_values_are_read_from_text_and_numbers_and_empty_ones_are_none() -> None:
    item = read_item(3, {"speech": "a.wav", "fps": "25", "emotion": "sad", "intensity": 2.0, "face": "", "name": None})
    assert (item.fps, item.emotion, item.intensity, item.face, item.name, item.row) == (25, "sad", 2, None, "a", 3)
    assert read_item(1, {"speech": "a.wav", "intensity": float("nan")}).intensity is None


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"speech": ""}, "speech is empty"),
        ({}, "speech is empty"),
        ({"speech": 7}, "speech is 7, not text"),
        ({"speech": "a.wav", "fps": "fast"}, "fps is 'fast'"),
        ({"speech": "a.wav", "fps": True}, "fps is 'True'"),
        ({"speech": "a.wav", "fps": "inf"}, "fps is inf"),
        ({"speech": "a.wav", "emotion": "joyful"}, "unknown emotion 'joyful'"),
        ({"speech": "a.wav", "emotion": "sad", "intensity": 9}, "unknown intensity '9'"),
        ({"speech": "a.wav", "emotion": "sad", "intensity": 1.5}, "intensity is 1.5"),
        ({"speech": "a.wav", "name": "../b"}, r"name is '\.\./b'"),
        ({"speech": "a.wav", "name": "/b"}, "name is '/b'"),
        ({"speech": "a.wav", "name": "b//c"}, "name is 'b//c'"),
        ({"speech": "a.wav", "name": ".batch/run"}, "the run's own"),
        ({"speech": "a.wav", "name": "failures.csv"}, "the run's own"),
        ({"speech": "a.wav", "name": "é" * 120}, "200 bytes a part"),
        ({"speech": ".."}, "fill the column name"),
    ],
)
def test_a_value_that_cannot_be_used_is_named(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_item(1, fields)


def test_names_do_not_depend_on_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_TOKEN", "recordings")
    item = read_item(1, {"speech": "https://me:word@host/recordings/a.wav?key=1", "face": "recordings/b.jpg"})
    assert (item.name, item.shown_face) == ("host/recordings/a", "recordings/b.jpg")
    assert item.shown_speech == "https://host/recordings/a.wav"


def test_names_that_some_disks_do_not_tell_apart_are_the_same() -> None:
    assert name_key("\u00e4A") == name_key("a\u0308a")
    assert name_key("a") != name_key("b")

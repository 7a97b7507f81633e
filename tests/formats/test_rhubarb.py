import json
from dataclasses import replace

import pytest
from factories.motion import shaped
from factories.visemes import saying

from kfusion.errors import InputError
from kfusion.formats.motion_files import write_motion
from kfusion.formats.rhubarb import mouth_cues


@pytest.fixture
def speaking():
    """Silence, "bow" and "five" in visemes, half a second of each."""
    return replace(shaped(), visemes=saying("sil PP aa U FF aa I FF sil", each_s=0.5))


def test_the_mouths_touch_and_the_last_ends_with_the_sound(speaking, written):
    content = json.loads(written(speaking, "rhubarb").read_text())
    assert content["metadata"] == {"soundFile": "/sounds/speech.wav", "duration": 4.5}
    cues = content["mouthCues"]
    assert "".join(cue["value"] for cue in cues) == "XADFGDBGX"
    assert [cue["start"] for cue in cues[1:]] == [cue["end"] for cue in cues[:-1]]
    assert (cues[0]["start"], cues[-1]["end"]) == (0, 4.5)
    assert cues[1]["start"] == pytest.approx(0.5, abs=0.02)


def test_neighbours_that_are_drawn_alike_are_one():
    cues = mouth_cues(saying("DD kk SS aa"))
    assert [cue.shape for cue in cues] == ["B", "D"]


def test_the_table_ends_with_the_sound_and_a_mouth_at_rest(speaking, written):
    rows = [line.split("\t") for line in written(speaking, "rhubarb-tsv").read_text().splitlines()]
    assert rows[0] == ["0.00", "X"]
    assert rows[-1] == ["4.50", "X"]
    assert all(len(time.partition(".")[2]) == 2 for time, _ in rows)


@pytest.mark.parametrize("kind", ["rhubarb", "rhubarb-tsv"])
def test_openfacefx_reads_the_same_mouths(speaking, written, kind):
    openfacefx = pytest.importorskip("openfacefx")
    track, warnings = openfacefx.import_cues(str(written(speaking, kind)))
    assert not warnings
    (lips,) = (channel for channel in track.channels if channel.name == "PP")
    closed = [key.time for key in lips.keys if key.value > 0.5]
    assert 0.45 < min(closed) <= max(closed) < 1.05


def test_landmarks_without_their_sound_are_refused(tmp_path):
    with pytest.raises(InputError, match="visemes are read from sound: add the recording"):
        write_motion(shaped(), tmp_path / "a.json", "rhubarb")
    assert not list(tmp_path.iterdir())

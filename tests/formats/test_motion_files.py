import json

import pytest
from factories.motion import closed_face, sequence_of, shaped, smiling_left, speaking

from kfusion.errors import InputError, OutputError
from kfusion.formats.motion_files import MOTION_FORMATS, write_motion
from kfusion.motion.face_motion import read_motion


def test_a_smile_on_the_left_of_the_face_is_a_left_smile_in_the_files(written):
    """From the points of a picture to what a file says: the corner of the mouth on the picture's right went up."""
    motion = read_motion(sequence_of(closed_face(), smiling_left()), closed_face())
    content = json.loads(written(motion, "a2f").read_text())
    last = dict(zip(content["facsNames"], content["weightMat"][-1], strict=True))
    assert last["mouthSmileLeft"] > 0.3
    assert last["mouthSmileRight"] < 0.05


@pytest.mark.parametrize("kind", MOTION_FORMATS)
def test_every_format_writes_one_frame_and_many(written, kind):
    if kind == "parquet":
        pytest.importorskip("pyarrow")
    assert written(shaped(1, jawOpen=0.5), kind).stat().st_size > 0
    assert written(read_motion(speaking()), kind).stat().st_size > 0


@pytest.mark.parametrize("kind", MOTION_FORMATS)
def test_no_frames_are_refused(written, kind, tmp_path):
    with pytest.raises(InputError, match="0 frames"):
        written(shaped(0), kind)
    assert not list(tmp_path.iterdir())


def test_an_unknown_format_is_named_with_those_there_are(smile, tmp_path):
    with pytest.raises(InputError, match="unknown output format 'fbx': use livelink, a2f, azure"):
        write_motion(smile, tmp_path / "a.fbx", "fbx")


def test_an_avatar_goes_with_glb_alone(smile, tmp_path):
    with pytest.raises(InputError, match="an avatar goes with the format glb, not with vrma"):
        write_motion(smile, tmp_path / "a.vrma", "vrma", avatar=tmp_path / "b.glb")


def test_an_interrupted_write_leaves_the_earlier_file(smile, tmp_path, monkeypatch):
    path = write_motion(smile, tmp_path / "m.json", "a2f")
    before = path.read_bytes()

    def interrupted(*_):
        path.with_name("x").touch()
        raise KeyboardInterrupt

    monkeypatch.setattr("kfusion.formats.audio2face.json.dumps", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_motion(smile, path, "a2f")
    assert path.read_bytes() == before


def test_a_place_that_cannot_be_written_is_named(smile, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="choose another place"):
        write_motion(smile, tmp_path / "file" / "m.json", "a2f")

import json
from pathlib import Path

import numpy as np
import pytest
from factories.inputs import tone, write_wav
from factories.motion import closed_face, sequence_of, smiling_left, speaking

from kfusion.cli.main import main
from kfusion.cli.motion_output import ENDINGS
from kfusion.formats.glb import write_glb
from kfusion.formats.glb_container import Glb
from kfusion.formats.motion_files import MOTION_FORMATS
from kfusion.motion.face_motion import read_motion


@pytest.fixture
def landmarks(tmp_path: Path) -> Path:
    return speaking().save(tmp_path / "talk.npz")


@pytest.fixture
def convert(capfd: pytest.CaptureFixture[str]):
    """Exit code, lines on stdout, lines on stderr."""

    def run(*words: object) -> tuple[int, list[str], list[str]]:
        capfd.readouterr()
        code = main(["convert", *map(str, words)])
        shown = capfd.readouterr()
        return code, shown.out.splitlines(), shown.err.splitlines()

    return run


def refused(convert, folder: Path, *words: object) -> str:
    """The one line of a run that must fail and leave nothing."""
    before = sorted(folder.rglob("*"))
    code, shown, notes = convert(*words)
    assert (code, shown, len(notes)) == (2, [], 1), notes
    assert sorted(folder.rglob("*")) == before
    return notes[0]


def test_the_command_line_names_the_formats_that_there_are() -> None:
    assert {kind: form.ending for kind, form in MOTION_FORMATS.items()} == ENDINGS


def test_every_file_is_written_beside_the_landmarks_and_named(convert, landmarks: Path) -> None:
    pytest.importorskip("pyarrow")
    speech = write_wav(landmarks.with_name("talk.wav"), tone(1.0))
    code, shown, notes = convert(landmarks, "--to", ",".join(ENDINGS), "--speech", speech)
    assert (code, notes) == (0, [])
    assert shown == [str(landmarks.with_name(f"talk{form.ending}")) for form in MOTION_FORMATS.values()]
    assert all(Path(name).stat().st_size > 0 for name in shown)


def test_a_left_smile_of_the_landmarks_is_a_left_smile_in_the_file(convert, tmp_path: Path) -> None:
    path = sequence_of(closed_face(), smiling_left()).save(tmp_path / "a.npz")
    np.save(tmp_path / "rest.npy", closed_face())
    assert convert(path, "--to", "A2F", "--rest", tmp_path / "rest.npy", "-o", tmp_path / "out")[0] == 0
    content = json.loads((tmp_path / "out" / "a.a2f.json").read_text())
    first, last = (dict(zip(content["facsNames"], row, strict=True)) for row in content["weightMat"])
    assert set(first.values()) == {0}
    assert last["mouthSmileLeft"] > 10 * last["mouthSmileRight"]


def test_the_gain_is_heard(convert, landmarks: Path, tmp_path: Path) -> None:
    for name, gain in (("one", 1), ("two", 1.5)):
        assert convert(landmarks, "--to", "a2f", "--gain", gain, "-o", tmp_path / name)[0] == 0
    one, two = (
        np.array(json.loads((tmp_path / name / "talk.a2f.json").read_text())["weightMat"]) for name in ("one", "two")
    )
    np.testing.assert_allclose(two, np.minimum(1.5 * one, 1), atol=1e-4)


def test_an_avatar_is_animated_and_its_shapes_are_named(convert, landmarks: Path, tmp_path: Path) -> None:
    avatar = tmp_path / "avatar.glb"
    write_glb(read_motion(speaking()), avatar)
    code, shown, notes = convert(landmarks, "--to", "glb", "--avatar", avatar)
    assert (code, shown) == (0, [str(tmp_path / "talk.glb")])
    assert notes == [f"kfusion: note: {avatar}: 52 of 52 ARKit shapes have a morph target of their name"]
    assert len(Glb.read(tmp_path / "talk.glb").document["animations"]) == 2


def test_what_cannot_be_used_is_one_line_and_leaves_nothing(convert, landmarks: Path, tmp_path: Path) -> None:
    (tmp_path / "text.glb").write_text("no model")
    (tmp_path / "text.npz").write_text("no archive")
    for words, line in (
        (("--to", "fbx"), "unknown output format 'fbx': use livelink, a2f"),
        (("--to", ","), "--to names no format"),
        (("--to", "vrma", "--avatar", tmp_path / "text.glb"), "an avatar goes with the format glb, not with vrma"),
        (("--to", "glb", "--avatar", tmp_path / "text.glb"), "text.glb: not a GLB file"),
        (("--to", "glb", "--avatar", tmp_path / "none.glb"), "none.glb: no such avatar"),
        (("--to", "glb", "--gain", "0"), "gain is 0: use a number above 0"),
        (("--to", "glb", "--rest", tmp_path / "none.npy"), "no such landmark file"),
    ):
        assert line in refused(convert, tmp_path, landmarks, *words)
    assert "not a landmark sequence" in refused(convert, tmp_path, tmp_path / "text.npz", "--to", "glb")
    assert "no such landmark sequence" in refused(convert, tmp_path, tmp_path / "none.npz", "--to", "glb")


def test_landmarks_that_show_no_face_are_one_line(convert, tmp_path: Path) -> None:
    path = sequence_of(closed_face(), np.full((68, 2), np.nan, np.float32)).save(tmp_path / "a.npz")
    assert "frame 1 does not show a face" in refused(convert, tmp_path, path, "--to", "a2f")


def test_visemes_need_the_sound(convert, landmarks: Path, tmp_path: Path) -> None:
    assert "add the recording of these landmarks" in refused(convert, tmp_path, landmarks, "--to", "rhubarb")
    gone = refused(convert, tmp_path, landmarks, "--to", "rhubarb", "--speech", tmp_path / "gone.wav")
    assert "gone.wav" in gone
    deaf = refused(convert, tmp_path, landmarks, "--to", "a2f", "--speech", tmp_path / "gone.wav")
    assert "formats of visemes (talkinghead, rhubarb, rhubarb-tsv): leave --speech out" in deaf

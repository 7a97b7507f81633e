import errno
import json
import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from factories.inputs import click, face_points, tone, write_bundle, write_float_wav, write_wav
from PIL import Image

from kfusion import LandmarkSequence, assets
from kfusion.cli.main import main
from kfusion.face import FaceFinder
from kfusion.landmarks import mouth_opening


class Desk:
    """A folder with a good recording, face and model, and `kfusion generate` on them."""

    def __init__(self, root: Path, capfd: pytest.CaptureFixture[str]) -> None:
        self.root, self._capfd = root, capfd
        self.speech = write_wav(root / "speech.wav", tone(1.0))
        self.face = root / "face.npy"
        np.save(self.face, face_points())
        self.model = write_bundle(root / "model.onnx")
        self.out = root / "out"

    def run(self, *words: object, speech: object = None, face: object = None, out: object = None) -> list[str]:
        """Paths on stdout and lines on stderr, of a run that must succeed."""
        code, shown, notes = self._run(words, speech, face, out)
        assert code == 0, notes
        self.shown = shown
        return notes

    def refused(self, *words: object, speech: object = None, face: object = None, out: object = None) -> str:
        """The one line of a run that must fail and leave nothing."""
        before = sorted(self.root.rglob("*"))
        code, shown, notes = self._run(words, speech, face, out)
        assert code == 2
        assert shown == []
        assert len(notes) == 1, notes
        assert notes[0].startswith("kfusion: error: ")
        assert sorted(self.root.rglob("*")) == before
        return notes[0]

    def try_run(self, *words: object, speech: object = None) -> tuple[int, list[str], list[str]]:
        """Exit code, paths on stdout and lines on stderr."""
        return self._run(words, speech, None, None)

    def _run(self, words: tuple[object, ...], *inputs: object) -> tuple[int, list[str], list[str]]:
        defaults = (self.speech, self.face, self.out)
        speech, face, out = (
            default if given is None else given for given, default in zip(inputs, defaults, strict=True)
        )
        recordings = speech if isinstance(speech, list) else [speech]
        line = ["generate", *recordings, "--face", face, "-o", out, "--model", self.model, *words]
        self._capfd.readouterr()
        code = main([str(word) for word in line])
        captured = self._capfd.readouterr()
        return code, captured.out.splitlines(), captured.err.splitlines()


@pytest.fixture
def desk(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Desk:
    return Desk(tmp_path, capfd)


def test_landmarks_and_a_preview_come_out(desk: Desk) -> None:
    assert desk.run() == []
    assert desk.shown == [str(desk.out / "landmarks.npz"), str(desk.out / "preview.mp4")]
    assert sorted(path.name for path in desk.out.iterdir()) == ["landmarks.npz", "preview.mp4"]
    sequence = LandmarkSequence.load(desk.out / "landmarks.npz")
    assert sequence.points.shape == (30, 68, 2)
    assert (sequence.fps, sequence.coordinates, sequence.model) == (30.0, "image", "tiny-loudness")
    assert sequence.source == str(desk.speech)


def test_every_format_holds_the_same(desk: Desk) -> None:
    desk.run("--format", "csv, json", "--no-preview", "--fps", 25)
    names = ["landmarks.npz", "landmarks.csv", "landmarks.json"]
    assert desk.shown == [str(desk.out / name) for name in names]
    points = LandmarkSequence.load(desk.out / "landmarks.npz").points
    table = np.loadtxt(desk.out / "landmarks.csv", delimiter=",", skiprows=1)
    np.testing.assert_allclose(table[:, 2:].reshape(-1, 68, 2), points, atol=1e-3)
    np.testing.assert_allclose(table[:, 1], np.arange(25) / 25)
    np.testing.assert_allclose(json.loads((desk.out / "landmarks.json").read_text())["landmarks"], points, atol=1e-3)


@pytest.mark.parametrize("fps", [25, 30, 60])
def test_a_click_is_shown_in_the_frame_of_its_time(desk: Desk, fps: int) -> None:
    speech = write_wav(desk.root / "click.wav", click(3, 1.4, 48_000), 48_000, channels=2)
    desk.run("--fps", fps, "--no-preview", speech=speech)
    sequence = LandmarkSequence.load(desk.out / "landmarks.npz")
    assert mouth_opening(sequence.points).argmax() == round(1.4 * fps)


def test_a_second_run_replaces_the_first_and_names_what_it_leaves(desk: Desk) -> None:
    desk.run()
    notes = desk.run("--no-preview", "--fps", 60)
    assert notes == [f"kfusion: note: {desk.out / 'preview.mp4'} is from an earlier run and was left as it is"]
    assert LandmarkSequence.load(desk.out / "landmarks.npz").fps == 60


def test_the_demo_runs_on_the_packaged_samples(desk: Desk, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "-o", str(desk.out), "--model", str(desk.model), "--no-preview"]) == 0
    assert capfd.readouterr().err == ""
    sequence = LandmarkSequence.load(desk.out / "landmarks.npz")
    assert sequence.source == str(assets.SAMPLE_SPEECH)
    assert 9 < len(sequence) / sequence.fps < 11


# --- several recordings


def test_each_of_several_recordings_has_a_folder_of_its_name(desk: Desk) -> None:
    other = write_wav(desk.root / "sub" / "other.take.wav", tone(0.5))
    desk.run("--no-preview", "--format", "csv", speech=other)
    alone = (desk.out / "landmarks.csv").read_bytes()
    assert desk.run("--format", "csv", speech=[desk.speech, other], out=desk.root / "both") == []
    both, names = desk.root / "both", ["landmarks.npz", "landmarks.csv", "preview.mp4"]
    assert desk.shown == [str(both / folder / name) for folder in ("speech", "other.take") for name in names]
    assert sorted(path.name for path in both.iterdir()) == ["other.take", "speech"]
    assert (both / "other.take" / "landmarks.csv").read_bytes() == alone
    assert LandmarkSequence.load(both / "speech" / "landmarks.npz").source == str(desk.speech)


def test_bad_recordings_are_named_and_the_others_are_written(desk: Desk) -> None:
    silent = write_wav(desk.root / "silent.wav", np.zeros(16_000, np.float32))
    missing, last = desk.root / "none.wav", write_wav(desk.root / "last.wav", tone(0.5))
    code, shown, notes = desk.try_run("--no-preview", speech=[missing, desk.speech, silent, last])
    assert code == 2
    assert shown == [str(desk.out / name / "landmarks.npz") for name in ("speech", "last")]
    assert sorted(path.name for path in desk.out.rglob("*")) == ["landmarks.npz", "landmarks.npz", "last", "speech"]
    assert notes[0].startswith(f"kfusion: note: left out: {missing}: no such recording")
    assert notes[1].startswith(f"kfusion: note: left out: {silent}: is silent")
    assert notes[2:] == [f"kfusion: error: 2 of 4 recordings left out ({missing}, {silent}): see the notes above"]


def test_if_all_recordings_are_bad_nothing_is_left(desk: Desk) -> None:
    before = sorted(desk.root.rglob("*"))
    code, shown, notes = desk.try_run(speech=[desk.root / "a.wav", desk.root / "b.wav"])
    assert (code, shown, len(notes)) == (2, [], 3)
    assert sorted(desk.root.rglob("*")) == before


def test_two_recordings_of_one_name_are_refused(desk: Desk) -> None:
    twin = write_wav(desk.root / "sub" / "Speech.wav", tone(0.5))
    line = desk.refused(speech=[desk.speech, twin])
    assert f"{desk.speech} and {twin} would both go to {desk.out / 'Speech'}: rename one of them" in line
    assert "would both go to" in desk.refused(speech=[desk.speech, desk.speech])


@pytest.mark.parametrize("name", ["...wav", "..wav", ".wav", "..", ".kfusion.x.part.wav", " .wav"])
def test_results_stay_inside_the_place_whatever_a_recording_is_called(desk: Desk, name: str) -> None:
    (desk.root / "in").mkdir()
    (desk.root / "in" / "landmarks.npz").write_text("not to be touched")
    odd = desk.root / "in" / name
    if name != "..":
        write_wav(odd, tone(0.5))
    code, shown, _ = desk.try_run("--no-preview", speech=[odd, desk.speech])
    if name == "..":
        assert (code, shown) == (2, [])
    else:
        folder = " " if name == " .wav" else name
        assert (code, shown[0]) == (0, str(desk.out / folder / "landmarks.npz"))
    assert (desk.root / "in" / "landmarks.npz").read_text() == "not to be touched"
    assert not (desk.root / "landmarks.npz").exists()


@pytest.mark.parametrize(("first", "second"), [("Stra\u00dfe", "STRASSE"), ("caf\u00e9", "cafe\u0301"), ("a", "A")])
def test_names_that_some_disks_do_not_tell_apart_are_refused(desk: Desk, first: str, second: str) -> None:
    speeches = [
        write_wav(desk.root / str(index) / f"{name}.wav", tone(0.5)) for index, name in enumerate((first, second))
    ]
    assert "would both go to" in desk.refused(speech=speeches)


def test_a_fault_of_our_own_costs_only_its_recording_and_is_exit_code_1(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kfusion.inference.recording import Recording

    blocks = Recording.blocks

    def faulty(recording: Recording) -> object:
        if Path(recording.name).name == "fault.wav":
            raise ZeroDivisionError("a fault")
        return blocks(recording)

    monkeypatch.setattr(Recording, "blocks", faulty)
    bad, last = (write_wav(desk.root / name, tone(0.5)) for name in ("fault.wav", "last.wav"))
    code, shown, notes = desk.try_run("--no-preview", speech=[bad, desk.speech, last])
    assert (code, shown) == (1, [str(desk.out / name / "landmarks.npz") for name in ("speech", "last")])
    assert notes[0] == f"kfusion: note: left out: {bad}: unexpected ZeroDivisionError (a fault): please report it"
    assert notes[1].startswith(f"kfusion: error: 1 of 3 recordings left out ({bad})")


def test_a_fault_while_the_results_are_written_costs_only_its_recording(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = LandmarkSequence.save

    def faulty(sequence: LandmarkSequence, path: Path) -> Path:
        if Path(sequence.source).name == "fault.wav":
            raise ZeroDivisionError("a fault")
        return save(sequence, path)

    monkeypatch.setattr(LandmarkSequence, "save", faulty)
    code, shown, _ = desk.try_run("--no-preview", speech=[write_wav(desk.root / "fault.wav", tone(0.5)), desk.speech])
    assert (code, shown) == (1, [str(desk.out / "speech" / "landmarks.npz")])
    assert [path.name for path in desk.out.iterdir()] == ["speech"]


def test_a_recording_that_may_not_be_read_is_no_fault_of_ours_or_of_the_place(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kfusion.inference.recording import Recording

    def locked(recording: Recording) -> float:
        raise PermissionError(errno.EACCES, "Permission denied", recording.name)

    monkeypatch.setattr(Recording, "announced_s", locked)
    assert f"{desk.speech}: cannot be read (Permission denied)" in desk.refused()
    code, _, notes = desk.try_run(speech=[desk.speech, desk.root / "b.wav"])
    assert code == 2
    assert notes[0] == f"kfusion: note: left out: {desk.speech}: cannot be read (Permission denied): check the path"


def test_a_place_that_is_taken_costs_only_its_recording(desk: Desk) -> None:
    last = write_wav(desk.root / "last.wav", tone(0.5))
    desk.out.mkdir()
    (desk.out / "speech").write_text("a file")
    code, shown, notes = desk.try_run("--no-preview", speech=[desk.speech, last])
    assert (code, shown) == (2, [str(desk.out / "last" / "landmarks.npz")])
    assert notes[0] == f"kfusion: note: left out: {desk.out / 'speech'}: is a file: pass a folder for the results"


def test_what_concerns_all_recordings_is_said_once(desk: Desk) -> None:
    last = write_wav(desk.root / "last.wav", tone(0.5))
    assert len(desk.run("--emotion", "sad", "--no-preview", speech=[desk.speech, last])) == 1
    assert "fps is 0.0" in desk.refused("--fps", 0, speech=[desk.speech, last], out=desk.root / "new")
    assert "no such picture" in desk.refused(
        speech=[desk.speech, last], face=desk.root / "none.jpg", out=desk.root / "new"
    )


# --- recordings that cannot be used


def test_a_missing_recording(desk: Desk) -> None:
    assert "none.wav: no such recording" in desk.refused(speech=desk.root / "none.wav")


def test_a_folder_as_recording(desk: Desk) -> None:
    assert str(desk.root) in desk.refused(speech=desk.root)


def test_an_empty_recording(desk: Desk) -> None:
    (desk.root / "empty.wav").touch()
    assert "empty.wav: the file is empty (0 bytes)" in desk.refused(speech=desk.root / "empty.wav")


@pytest.mark.parametrize("share", [0.002, 0.5])
def test_a_truncated_recording(desk: Desk, share: float) -> None:
    content = write_wav(desk.root / "whole.wav", tone(4)).read_bytes()
    cut = desk.root / "cut.wav"
    cut.write_bytes(content[: int(len(content) * share)])
    assert "cut.wav: " in desk.refused(speech=cut)


def test_a_recording_that_is_no_sound(desk: Desk) -> None:
    text = desk.root / "notes.mp3"
    text.write_text("no sound at all, only words\n" * 50)
    assert "notes.mp3: " in desk.refused(speech=text)
    assert "face.npy: " in desk.refused(speech=desk.face)


def test_a_picture_as_recording(desk: Desk) -> None:
    assert "no audio track" in desk.refused(speech=assets.SAMPLE_PORTRAIT)


def test_a_silent_recording(desk: Desk) -> None:
    silent = write_wav(desk.root / "silent.wav", np.zeros(16_000, np.float32))
    line = desk.refused(speech=silent)
    assert "silent.wav: is silent (every sample is 0)" in line
    assert "--allow-silence" in line
    assert desk.run("--allow-silence", speech=silent) == []


def test_a_recording_of_0_02_s(desk: Desk) -> None:
    short = write_wav(desk.root / "short.wav", tone(0.02))
    assert "short.wav: lasts 0.02 s: pass a recording of at least 0.1 s" in desk.refused(speech=short)


def test_a_recording_with_samples_that_are_not_numbers(desk: Desk) -> None:
    samples = tone(1.0)
    samples[8000] = np.nan
    assert "0.500 s is not a finite number" in desk.refused(speech=write_float_wav(desk.root / "nan.wav", samples))


def test_a_clipped_recording_goes_on_with_a_notice(desk: Desk) -> None:
    notes = desk.run(speech=write_wav(desk.root / "loud.wav", tone(1.0, level=4)))
    assert len(notes) == 1
    assert "loud.wav" in notes[0]
    assert "clipped" in notes[0]


def test_eight_channels_are_mixed_with_a_notice(desk: Desk) -> None:
    wide = write_wav(desk.root / "wide.wav", tone(1.0), 44_100, channels=8)
    assert desk.run(speech=wide) == [f"kfusion: note: {wide}: 8 channels, mixed to mono"]


# --- faces that cannot be used


def save_picture(path: Path, *faces: tuple[float, int]) -> Path:
    """The face of the sample portrait once for each (scale, left edge), on grey."""
    picture = Image.new("RGB", (800, 420), (120, 120, 120))
    with Image.open(assets.SAMPLE_PORTRAIT) as portrait:
        face = portrait.crop((70, 30, 225, 215))
    for scale, left in faces:
        picture.paste(face.resize((round(face.width * scale), round(face.height * scale))), (left, 5))
    picture.save(path)
    return path


def test_a_portrait_without_a_face(desk: Desk) -> None:
    assert "empty.png: no face found" in desk.refused(face=save_picture(desk.root / "empty.png"))


def test_of_several_faces_the_largest_is_taken_with_a_notice(desk: Desk) -> None:
    group = save_picture(desk.root / "group.png", (1.6, 20), (2.2, 400))
    notes = desk.run("--no-preview", face=group)
    assert notes == [f"kfusion: note: {group}: 2 faces found, the largest is used"]
    assert LandmarkSequence.load(desk.out / "landmarks.npz").points[0, 30, 0] > 400


def test_a_profile(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    profile = face_points()
    profile[:, 0] = np.where(profile[:, 0] < 128, 128 + (profile[:, 0] - 128) * 0.1, profile[:, 0])
    monkeypatch.setattr(FaceFinder, "find", lambda *_: [profile])
    assert "turned to the side" in desk.refused(face=assets.SAMPLE_PORTRAIT)


def test_a_missing_portrait(desk: Desk) -> None:
    assert "none.jpg: no such picture" in desk.refused(face=desk.root / "none.jpg")


def test_a_folder_as_portrait(desk: Desk) -> None:
    assert str(desk.root) in desk.refused(face=desk.root)


@pytest.mark.parametrize("content", [b"", b"words, no picture", None])
def test_a_broken_portrait(desk: Desk, content: bytes | None) -> None:
    broken = desk.root / "broken.jpg"
    broken.write_bytes(assets.SAMPLE_PORTRAIT.read_bytes()[:9000] if content is None else content)
    problem = "cannot read the picture" if broken.stat().st_size else "the file is empty"
    assert f"broken.jpg: {problem}" in desk.refused(face=broken)


@pytest.mark.parametrize("ending", ["npy", "npz", "json", "csv"])
def test_a_landmark_file_of_the_wrong_shape(desk: Desk, ending: str) -> None:
    wrong, points = desk.root / f"wrong.{ending}", face_points()[:67]
    writers = {
        "npy": lambda: np.save(wrong, points),
        "npz": lambda: np.savez(wrong, landmarks=points),
        "json": lambda: wrong.write_text(json.dumps(points.tolist())),
        "csv": lambda: np.savetxt(wrong, points, delimiter=","),
    }
    writers[ending]()
    line = desk.refused(face=wrong)
    assert "(67, 2), expected (68, 2)" in line


def test_a_landmark_file_with_values_that_are_not_numbers(desk: Desk) -> None:
    points = face_points()
    points[3] = np.nan
    np.save(desk.root / "nan.npy", points)
    assert "nan.npy: landmarks hold values that are not finite" in desk.refused(face=desk.root / "nan.npy")


@pytest.mark.parametrize("ending", ["npy", "npz", "json", "csv"])
@pytest.mark.parametrize("content", [b"", b"\n", b"words", b"PK\x03\x04 no archive", b"\xff\xfe\x00"])
def test_a_damaged_landmark_file(desk: Desk, ending: str, content: bytes) -> None:
    damaged = desk.root / f"damaged.{ending}"
    damaged.write_bytes(content)
    assert f"damaged.{ending}: " in desk.refused(face=damaged)


# --- places, words and models that cannot be used


def test_a_place_below_a_file(desk: Desk) -> None:
    assert str(desk.speech) in desk.refused(out=desk.speech / "out")
    assert f"{desk.speech}: is a file" in desk.refused(out=desk.speech)


@contextmanager
def largest_file(size_bytes: int) -> Iterator[None]:
    """The system refuses to write more, as a full disk does."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.parametrize("size_bytes", [500, 6000])
def test_a_full_disk(desk: Desk, size_bytes: int) -> None:
    with largest_file(size_bytes):
        line = desk.refused()
    assert f"{desk.out}" in line
    assert "cannot write" in line
    assert ".part" not in line


def test_a_full_disk_leaves_an_earlier_result_as_it_was(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.run()
    before = {path.name: path.read_bytes() for path in desk.out.iterdir()}
    monkeypatch.setattr(
        np, "savez_compressed", lambda *_, **__: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space"))
    )
    assert "cannot write (No space)" in desk.refused()
    assert {path.name: path.read_bytes() for path in desk.out.iterdir()} == before


def test_an_unknown_emotion(desk: Desk) -> None:
    line = desk.refused("--emotion", "bored")
    assert "unknown emotion 'bored': use angry, contempt, disgusted" in line


@pytest.mark.parametrize("words", [("--emotion", "happy", "--intensity", 4), ("--intensity", 2)])
def test_an_intensity_that_does_not_fit(desk: Desk, words: tuple[object, ...]) -> None:
    assert "intensity" in desk.refused(*words)


def test_an_emotion_that_was_not_learnt_gets_a_notice(desk: Desk) -> None:
    notes = desk.run("--emotion", "sad", "--no-preview")
    assert len(notes) == 1
    assert "emotion 'sad' is rule-based" in notes[0]


@pytest.mark.parametrize("fps", ["0", "-1", "1e-9", "0.99", "241"])
def test_an_impossible_frame_rate(desk: Desk, fps: str) -> None:
    assert f"fps is {float(fps)}: use a number from 1 to 240" in desk.refused(f"--fps={fps}")


@pytest.mark.parametrize("fps", ["1", "23.976", "240"])
def test_the_slowest_and_the_fastest_frame_rate(desk: Desk, fps: str) -> None:
    desk.run("--fps", fps)
    assert len(LandmarkSequence.load(desk.out / "landmarks.npz")) == np.ceil(float(fps))


@pytest.mark.parametrize("lead_ms", [-200, 100])
def test_lips_before_the_sound_and_after_it(desk: Desk, lead_ms: int) -> None:
    speech = write_wav(desk.root / "click.wav", click(3, 1.4))
    desk.run("--lead-ms", lead_ms, "--no-preview", speech=speech)
    sequence = LandmarkSequence.load(desk.out / "landmarks.npz")
    assert sequence.times_s[mouth_opening(sequence.points).argmax()] == pytest.approx(1.4 - lead_ms / 1000, abs=1e-6)


def test_a_face_that_moves_more_or_not_at_all(desk: Desk) -> None:
    speech, found = write_wav(desk.root / "click.wav", click(3, 1.4)), {}
    for amount in (0, 1, 1.5):
        desk.run("--expressiveness", amount, "--no-preview", speech=[speech, desk.speech])
        found[amount] = LandmarkSequence.load(desk.out / "click" / "landmarks.npz").points
    assert np.ptp(found[0], axis=0).max() < 1e-3
    assert np.ptp(found[1.5][:, 57, 1]) > 1.3 * np.ptp(found[1][:, 57, 1])


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--lead-ms", 501), "lead_ms is 501: use -500 to 500"),
        (("--lead-ms", "nan"), "not a finite number"),
        (("--lead-ms", "soon"), "--lead-ms"),
        (("--expressiveness", -0.5), "expressiveness is -0.5: use 0 (a face at rest) to 2"),
        (("--expressiveness", 2.1), "expressiveness is 2.1"),
        (("--expressiveness", "inf"), "not a finite number"),
    ],
)
def test_motion_that_there_cannot_be(desk: Desk, words: tuple[object, ...], reason: str) -> None:
    assert reason in desk.refused(*words)


def test_an_unknown_format(desk: Desk) -> None:
    assert "unknown output format 'xml': use npz, csv, json" in desk.refused("--format", "npz,xml")


def test_a_model_of_another_version(desk: Desk) -> None:
    newer = write_bundle(desk.root / "newer.onnx", version="2")
    assert "newer.onnx: bundle format 2, this version of kfusion reads 1" in desk.refused("--model", newer)


def test_a_model_that_is_missing_or_no_model(desk: Desk) -> None:
    assert "none.onnx: no such model" in desk.refused("--model", desk.root / "none.onnx")
    assert "speech.wav: not a kfusion bundle" in desk.refused("--model", desk.speech)
    shutil.copy(desk.model, desk.root / "cut.onnx")
    (desk.root / "cut.onnx").write_bytes(desk.model.read_bytes()[:600])
    assert "cut.onnx: not a kfusion bundle" in desk.refused("--model", desk.root / "cut.onnx")


def test_an_interrupt_leaves_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("kfusion.inference.preview.write_preview", interrupt)
    line = ["generate", desk.speech, "--face", desk.face, "-o", desk.out, "--model", desk.model]
    assert main([str(word) for word in line]) == 130
    assert not desk.out.exists()


# --- for avatars


def test_motion_for_avatars_lies_beside_the_landmarks(desk: Desk) -> None:
    desk.run("--format", "a2f,livelink", "--no-preview")
    assert desk.shown == [str(desk.out / name) for name in ("landmarks.npz", "motion.a2f.json", "motion.livelink.csv")]
    content = json.loads((desk.out / "motion.a2f.json").read_text())
    jaw = np.array(content["weightMat"])[:, content["facsNames"].index("jawOpen")]
    opening = mouth_opening(LandmarkSequence.load(desk.out / "landmarks.npz").points)
    assert np.corrcoef(jaw, opening)[0, 1] > 0.95
    assert jaw[opening < opening.min() + 0.1].max() < 0.02


def test_visemes_are_heard_in_the_recording(desk: Desk) -> None:
    desk.run("--format", "rhubarb,talkinghead", "--no-preview", speech=assets.SAMPLE_SPEECH)
    content = json.loads((desk.out / "motion.rhubarb.json").read_text())
    assert content["metadata"]["soundFile"] == str(assets.SAMPLE_SPEECH)
    assert {cue["value"] for cue in content["mouthCues"]} >= set("ABCDX")
    cues = json.loads((desk.out / "motion.talkinghead.json").read_text())["cues"]
    assert cues["words"] == []
    assert len(cues["visemes"]) == len(cues["vtimes"]) == len(cues["vdurations"]) > 40
    assert "sil" not in cues["visemes"]


def test_silence_has_no_weights(desk: Desk) -> None:
    speech = write_wav(desk.root / "silence.wav", np.zeros(16_000, np.float32))
    desk.run("--format", "a2f", "--no-preview", "--allow-silence", speech=speech)
    assert not np.array(json.loads((desk.out / "motion.a2f.json").read_text())["weightMat"]).any()


def test_each_of_several_recordings_has_its_motion(desk: Desk) -> None:
    other = write_wav(desk.root / "other.wav", tone(0.5))
    desk.run("--no-preview", "--format", "live2d", speech=[desk.speech, other])
    assert sorted(path.name for path in desk.out.rglob("*.json")) == ["motion.motion3.json"] * 2


def test_motion_of_an_earlier_run_is_named(desk: Desk) -> None:
    desk.run("--format", "vrma", "--no-preview")
    notes = desk.run("--no-preview")
    assert notes == [f"kfusion: note: {desk.out / 'motion.vrma'} is from an earlier run and was left as it is"]


def test_an_avatar_that_cannot_be_used_is_refused_before_the_work(desk: Desk) -> None:
    avatar = desk.root / "avatar.glb"
    avatar.write_bytes(b"no model")
    assert "avatar.glb: not a GLB file" in desk.refused("--format", "glb", "--avatar", avatar)
    assert "goes with the format glb, not with none" in desk.refused("--avatar", avatar)
    assert "--gain 2 goes with a format of avatars" in desk.refused("--gain", "2")

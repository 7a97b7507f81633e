from pathlib import Path

import av
import numpy as np
import pytest
from factories.inputs import tone, write_bundle, write_wav

from kfusion import assets
from kfusion.cli.main import main
from kfusion.inference.film import write_film
from kfusion.inference.identity import read_identity


class Studio:
    """A recording and a model, and `kfusion generate` on the packaged portrait."""

    def __init__(self, root: Path, capfd: pytest.CaptureFixture[str]) -> None:
        self.speech = write_wav(root / "speech.wav", tone(0.5))
        self.model = write_bundle(root / "model.onnx")
        self.out, self._capfd = root / "out", capfd

    def run(self, *words: object, face: object = assets.SAMPLE_PORTRAIT) -> tuple[int, list[str], str]:
        """Exit code, names of what was written, and stderr."""
        self._capfd.readouterr()
        line = ["generate", self.speech, "-o", self.out, "--model", self.model, *words]
        code = main([str(word) for word in [*line, *(["--face", face] if face else [])]])
        captured = self._capfd.readouterr()
        return code, [Path(shown).name for shown in captured.out.splitlines()], captured.err


@pytest.fixture
def studio(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Studio:
    return Studio(tmp_path, capfd)


def test_a_picture_talks_without_being_asked_to(studio: Studio) -> None:
    assert studio.run() == (0, ["landmarks.npz", "talking.mp4"], "")
    with av.open(str(studio.out / "talking.mp4")) as film:
        assert "Synthetic" in film.metadata["comment"]


def test_without_a_picture_the_points_are_shown(studio: Studio) -> None:
    assert studio.run(face=None)[:2] == (0, ["landmarks.npz", "preview.mp4"])


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (("--video", "points"), "preview.mp4"),
        (("--video", "side-by-side"), "side-by-side.mp4"),
        (("--video-format", "webm"), "talking.webm"),
        (("--video-format", "gif", "--still"), "talking.gif"),
        (("--video-format", "png"), "talking"),
    ],
)
def test_what_is_shown_and_how_can_be_chosen(studio: Studio, words: tuple[str, ...], name: str) -> None:
    for _ in range(2):  # the second run takes the place of the first
        assert studio.run(*words) == (0, ["landmarks.npz", name], "")
    assert sorted(path.name for path in studio.out.iterdir()) == sorted(["landmarks.npz", name])


@pytest.mark.parametrize("words", [("--video", "none"), ("--no-preview",)])
def test_the_video_can_be_left_out(studio: Studio, words: tuple[str, ...]) -> None:
    assert studio.run(*words)[:2] == (0, ["landmarks.npz"])


def test_a_still_portrait_and_a_seed_change_the_film(studio: Studio) -> None:
    films = {}
    for words in ((), ("--still",), ("--life", "none"), ("--seed", "1"), ("--life", "sway, breath")):
        assert studio.run(*words, "--video-format", "gif")[0] == 0
        films[words] = (studio.out / "talking.gif").read_bytes()
    assert films["--still",] == films["--life", "none"]
    assert len(set(films.values())) == 4


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--life", "hiccups"), "unknown sign of life 'hiccups': use blinks, gaze, brows, sway, breath or none"),
        (("--seed", "-1"), "--seed is -1: use a number from 0 on"),
        (("--video", "points", "--video-format", "gif"), "the points are not written as gif"),
        (("--person", "2"), "1 face found, there is no person 2: count from the left, from 1"),
        (("--person", "0"), "1 face found, there is no person 0"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(studio: Studio, words: tuple[str, ...], reason: str) -> None:
    code, shown, notes = studio.run(*words)
    assert (code, shown, notes.count("\n")) == (2, [], 1)
    assert reason in notes
    assert not studio.out.exists()


def test_a_picture_cannot_be_asked_for_without_one(studio: Studio) -> None:
    code, _, notes = studio.run("--video", "picture", face=None)
    assert code == 2
    assert "a talking picture needs a picture of the face" in notes
    assert not studio.out.exists()


def test_a_video_in_the_place_of_the_portrait_gives_its_first_usable_picture(studio: Studio, tmp_path: Path) -> None:
    identity = read_identity(assets.SAMPLE_PORTRAIT)
    assert identity.portrait is not None
    shown = identity.portrait.picture
    clip = tmp_path / "clip.mp4"
    pictures = [np.zeros_like(shown)] * 15 + [shown] * 15
    size_px = (shown.shape[1], shown.shape[0])
    write_film(clip, pictures, iter([tone(1.0)]), size_px=size_px, fps=30, total=30)
    code, names, notes = studio.run(face=clip)
    assert (code, names) == (0, ["landmarks.npz", "talking.mp4"])
    assert f"{clip}: is a video, its picture at 0.67 s is the portrait" in notes


def test_a_video_without_a_face_is_refused(studio: Studio, tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    write_film(clip, [np.zeros((64, 64, 3), np.uint8)] * 5, iter([tone(0.1)]), size_px=(64, 64), fps=30, total=5)
    code, _, notes = studio.run(face=clip)
    assert (code, notes.count("\n")) == (2, 1)
    assert "is a video without a usable face" in notes
    assert not studio.out.exists()

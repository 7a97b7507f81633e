"""How late the sound of a video is, from the file to the number."""

from pathlib import Path

import numpy as np
import pytest
from factories.media import LostFinder, sine, write_video
from factories.talking import TalkingFinder, spoken, write_talking

from kfusion.data.lateness import LAG_MS
from kfusion.errors import InputError
from kfusion.inference import sync
from kfusion.inference.generator import Generator, load
from kfusion.inference.sync import video_lateness


@pytest.fixture(scope="module")
def model() -> Generator:
    return load(threads=1)


@pytest.mark.parametrize(
    ("late_ms", "ending", "fps"), [(0, "mp4", 25), (140, "mkv", 25), (-90, "mp4", 30), (45, "mov", 24)]
)
def test_a_shift_in_a_video_is_found(tmp_path: Path, model: Generator, late_ms: float, ending: str, fps: float) -> None:
    video = write_talking(tmp_path / f"a.{ending}", late_ms, fps=fps, seconds=6.0)
    lateness = video_lateness(video, model, TalkingFinder())
    assert lateness.is_certain
    assert lateness.ms + LAG_MS == pytest.approx(late_ms, abs=8)


def test_sound_that_begins_late_by_its_time_stamps_is_where_they_put_it(tmp_path: Path, model: Generator) -> None:
    video = write_talking(tmp_path / "a.mkv", 0, seconds=6.0, sound_start_s=0.2)
    assert video_lateness(video, model, TalkingFinder()).ms + LAG_MS == pytest.approx(200, abs=8)


def test_a_long_video_is_watched_in_pieces_that_are_spread_over_it(
    tmp_path: Path, model: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync, "PIECE_S", 1.0)
    monkeypatch.setattr(sync, "MAX_WATCHED_S", 4.5)
    finder, looks = TalkingFinder(), list[int]()
    find = finder.find
    finder.find = lambda image: looks.append(len(image)) or find(image)  # type: ignore[method-assign]
    marks = list[float]()
    video = write_talking(tmp_path / "a.mkv", 70, seconds=9.0)
    lateness = video_lateness(video, model, finder, watched=marks.append)
    assert lateness.ms + LAG_MS == pytest.approx(70, abs=8)
    assert len(looks) == pytest.approx(9.0 * 25 / 2, abs=15)
    np.testing.assert_allclose(np.diff(marks), 2.0, atol=0.05)


def refused(video: Path, model: Generator, finder: TalkingFinder | LostFinder) -> str:
    with pytest.raises(InputError) as error:
        video_lateness(video, model, finder)
    return str(error.value)


def test_what_cannot_be_measured_is_refused_in_one_line(tmp_path: Path, model: Generator) -> None:
    face, times_s = np.full((48, 64, 3), 99, np.uint8), [index / 25 for index in range(50)]
    mute = write_video(tmp_path / "mute.mkv", times_s, lambda _: face)
    assert "has no audio track" in refused(mute, model, TalkingFinder())
    silent = write_video(tmp_path / "silent.mkv", times_s, lambda _: face, sound=np.zeros(96_000))
    assert "its sound is silent" in refused(silent, model, TalkingFinder())
    short = write_video(tmp_path / "short.mkv", times_s[:20], lambda _: face, sound=sine(0.8, 48_000))
    assert "lasts 0.76 s: pass at least 1 s" in refused(short, model, TalkingFinder())
    empty = write_video(tmp_path / "empty.mkv", times_s, lambda _: face, sound=sine(2.0, 48_000))
    assert "no face found in any picture" in refused(empty, model, LostFinder())


def test_a_still_face_is_measured_but_not_told(tmp_path: Path, model: Generator) -> None:
    face = np.full((48, 64, 3), 99, np.uint8)
    video = write_video(
        tmp_path / "a.mkv", [index / 25 for index in range(75)], lambda _: face, sound=sine(3.0, 48_000)
    )
    assert video_lateness(video, model, TalkingFinder()).doubt


def test_the_listener_gives_what_the_default_weights_say() -> None:
    from factories.talking import speech

    listener = sync.Listener(1)
    motion = listener(speech())
    assert motion.shape == (7, int(spoken().times_s[-1] * 100) + 1)
    assert np.isfinite(motion).all()

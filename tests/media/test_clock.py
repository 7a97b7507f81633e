"""Sound lies where its time stamps put it."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from factories.media import sine, write_pcm, write_video

from kfusion.audio import audio_blocks, read_audio
from kfusion.errors import InputError
from kfusion.media.clock import TOLERANCE_S, Clock
from kfusion.media.holes import Holes

RATE_HZ, PACKET = 48_000, 1024


def dark(_time_s: float) -> np.ndarray:
    return np.zeros((32, 32, 3), np.uint8)


def gaps(stamps_s: list[float | None], start_s: float | None = None) -> list[float]:
    """What a clock says before each of some frames of 0.1 s."""
    clock = Clock(Holes(Path("a"), "sound"), start_s)
    return [clock(SimpleNamespace(time=time_s, samples=1600, sample_rate=16_000)) for time_s in stamps_s]


def test_a_recording_starts_with_its_first_frame() -> None:
    assert gaps([7.025, 7.125, 7.225]) == [0, pytest.approx(0), pytest.approx(0)]


def test_a_start_that_is_asked_for_is_kept_to_the_sample() -> None:
    assert gaps([0.507], start_s=0.5)[0] == pytest.approx(0.007)
    assert gaps([0.25], start_s=0.5)[0] == pytest.approx(-0.25)


def test_rounding_is_left_alone_however_long_it_lasts() -> None:
    random = np.random.default_rng(0)
    stamps_s = [0.1 * index + random.uniform(-0.015, 0.015) for index in range(1000)]
    assert not any(gaps(stamps_s))


def test_frames_without_stamps_follow_each_other() -> None:
    assert gaps([0.0, None, None, 0.3]) == [0, 0, 0, 0]


def test_small_holes_do_not_add_up() -> None:
    stamps_s = [0.12 * index for index in range(200)]
    given_s = gaps(stamps_s)
    heard_s = np.cumsum([0.1 + gap_s for gap_s in given_s])
    assert np.abs(heard_s - 0.1 - stamps_s).max() <= TOLERANCE_S + 1e-9


def test_what_overlaps_is_cut() -> None:
    assert sum(gaps([0.0, 0.1, 0.1, 0.2])) == pytest.approx(-0.1)


def test_stamps_that_start_again_lose_nothing() -> None:
    assert not any(gaps([5.0, 5.1, 5.2, 0.0, 0.1, 0.2]))


def test_stamps_that_contradict_the_sound_are_refused() -> None:
    with pytest.raises(InputError, match="overlap"):
        gaps([0.01 * index for index in range(100)])


@pytest.mark.parametrize("start_s", [None, 0.0])
def test_a_stamp_far_ahead_is_refused_with_the_reason(start_s: float | None) -> None:
    with pytest.raises(InputError, match=r"70000\.00 s at"):
        gaps([0.0, 70_000.1], start_s)


def test_a_track_that_starts_far_from_the_asked_time_is_refused() -> None:
    with pytest.raises(InputError, match="no sound for"):
        gaps([70_000.0], start_s=0.0)


def test_many_long_holes_are_refused_together() -> None:
    with pytest.raises(InputError, match="in all"):
        gaps([290.0 * index for index in range(20)])


def test_missing_packets_become_silence_and_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """20 ms are lost every 50 packets: the click at the end stands where its stamp is."""
    sound = np.zeros(PACKET * 400)
    sound[-1000] = 0.9
    holes_s = {PACKET * place: 0.02 for place in range(50, 400, 50)}
    path = write_video(tmp_path / "a.mkv", [0, 0.1], dark, sound=sound, holes_s=holes_s)
    at_s = (len(sound) - 1000) / RATE_HZ + 0.02 * 7
    assert int(np.argmax(read_audio(path))) / 16_000 == pytest.approx(at_s, abs=TOLERANCE_S)
    assert "silence stands there" in caplog.text


@pytest.mark.parametrize("start_s", [None, 0.0])
@pytest.mark.parametrize(("hole_s", "every"), [(0.03, 10), (0.05, 7)])
def test_what_rounding_adds_at_every_hole_does_not_add_up(
    tmp_path: Path, hole_s: float, every: int, start_s: float | None
) -> None:
    """Holes of 30 ms are filled two at a time. The click after the last of hundreds stands where it was made."""
    rate_hz, holes = 44_100, 300
    sound = np.zeros(PACKET * every * (holes + 1))
    at = PACKET * every * holes + 500
    sound[at] = 0.9
    holes_s = {PACKET * every * number: hole_s for number in range(1, holes + 1)}
    path = write_video(tmp_path / "a.mkv", [0, 0.1], dark, sound=sound, holes_s=holes_s, rate_hz=rate_hz)
    heard_s = int(np.argmax(read_audio(path, start_s=start_s))) / 16_000
    assert heard_s == pytest.approx(at / rate_hz + hole_s * holes, abs=0.001)


def test_a_container_of_milliseconds_changes_no_sample(tmp_path: Path) -> None:
    sound = sine(3.0, 44_100)
    video = write_video(tmp_path / "a.mkv", [0, 0.1], dark, sound=sound, rate_hz=44_100)
    np.testing.assert_array_equal(read_audio(video), read_audio(write_pcm(tmp_path / "a.wav", sound, 44_100)))


@pytest.mark.parametrize("start_s", [None, 0.0])
def test_sound_that_begins_after_the_picture_stands_there(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, start_s: float | None
) -> None:
    sound = np.zeros(RATE_HZ)
    sound[0] = 0.9
    path = write_video(tmp_path / "a.mkv", [0, 0.1], dark, sound=sound, sound_start_s=2.0)
    assert int(np.argmax(read_audio(path, start_s=start_s))) == pytest.approx(32_000, abs=16)
    assert ("2.00 s after the picture" in caplog.text) == (start_s is None)


def test_sound_that_begins_with_the_picture_or_before_it_is_not_moved(tmp_path: Path) -> None:
    sound = np.zeros(RATE_HZ)
    sound[4800] = 0.9
    for first_s in (0.0, 0.05, 2.0):
        path = write_video(tmp_path / "a.mkv", [first_s, first_s + 0.1], dark, sound=sound, sound_start_s=0.05)
        assert int(np.argmax(read_audio(path))) == pytest.approx(1600, abs=1)


def test_silence_is_filled_in_blocks(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mkv", [0, 0.1], dark, sound=sine(1.0, RATE_HZ), holes_s={PACKET * 20: 60.0})
    blocks = list(audio_blocks(path))
    assert sum(map(len, blocks)) == pytest.approx(61 * 16_000, abs=100)
    assert max(map(len, blocks)) <= 3 * 16_000

"""A copy with its sound moved: the pictures byte by byte, the sound to the sample, for every kind of player."""

import shutil
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from factories.media import blob_picture, sine, write_video
from numpy.typing import NDArray

from kfusion.audio import read_audio
from kfusion.errors import InputError, OutputError
from kfusion.media.retime import move_sound
from kfusion.video import video_frames

RATE_HZ = 48_000
TIMES_S = [index / 25 for index in range(50)]
B_FRAMES = {"crf": "30", "bf": "2", "preset": "fast"}


def chirp() -> NDArray[Any]:
    """2 s that resemble themselves at no shift."""
    times_s = np.arange(2 * RATE_HZ) / RATE_HZ
    return 0.4 * np.sin(2 * np.pi * (200 + 700 * times_s) * times_s)


def film(path: Path, **settings: Any) -> Path:
    settings = {"sound": chirp(), "rate_hz": RATE_HZ, "options": B_FRAMES} | settings
    return write_video(path, TIMES_S, lambda time_s: blob_picture((120 + 40 * time_s, 140)), **settings)


def pictures(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


def sound_after_picture(path: Path, **options: str) -> tuple[NDArray[np.float32], float]:
    """The sound as a player hears it from the first picture on, and the stamp of that."""
    with av.open(str(path), options=options) as container:
        stamps = [packet.pts * packet.time_base for packet in container.demux(video=0) if packet.pts is not None]
    start_s = float(min(stamps))
    with av.open(str(path), options=options) as container:
        frames = list(container.decode(audio=0))
        samples = np.concatenate([frame.to_ndarray().mean(0) for frame in frames])
        rate_hz = frames[0].sample_rate
    skip = round((start_s - float(frames[0].time)) * rate_hz)
    return np.pad(samples, (max(0, -skip), 0))[max(0, skip) :], start_s


def late_ms(heard: NDArray[Any], before: NDArray[Any], rate_hz: int) -> float:
    """How much later the first is than the second, by their correlation."""
    count = 2 * max(len(heard), len(before))
    correlation = np.fft.irfft(np.fft.rfft(heard, count) * np.fft.rfft(before, count).conj())
    shift = int(correlation.argmax())
    return 1000 * (shift - count if shift > count // 2 else shift) / rate_hz


@pytest.mark.parametrize(
    ("ending", "codec"),
    [(".mp4", "aac"), (".mov", "aac"), (".mkv", "libopus"), (".mkv", "pcm_s16le"), (".ts", "mp2"), (".mkv", "flac")],
)
@pytest.mark.parametrize("shift_ms", [120.0, -80.0])
def test_pictures_stay_as_they_are_and_the_sound_moves(
    tmp_path: Path, ending: str, codec: str, shift_ms: float
) -> None:
    source = film(tmp_path / f"a{ending}", audio_codec=codec)
    copy = move_sound(source, tmp_path / f"b{ending}", shift_ms)
    assert pictures(copy) == pictures(source)
    starts = [next(iter(video_frames(path)))[0] for path in (source, copy)]
    before, after = (read_audio(path, start_s) for path, start_s in zip((source, copy), starts, strict=True))
    assert late_ms(after, before, 16_000) == pytest.approx(-shift_ms, abs=1.0)
    gaps = [np.diff([time_s for time_s, _ in video_frames(path)]) for path in (source, copy)]
    np.testing.assert_allclose(*gaps, atol=0.0011)


@pytest.mark.parametrize("shift_ms", [100.0, -50.0, 0.0])
def test_players_with_and_without_edit_lists_agree(tmp_path: Path, shift_ms: float) -> None:
    source = film(tmp_path / "a.mp4", audio_codec="aac")
    copy = move_sound(source, tmp_path / "b.mp4", shift_ms)
    assert b"elst" in source.read_bytes()
    assert b"elst" not in copy.read_bytes()
    with_lists, start_s = sound_after_picture(copy)
    without, start_too_s = sound_after_picture(copy, ignore_editlist="1")
    assert start_s == start_too_s
    np.testing.assert_array_equal(with_lists, without)
    heard, _ = sound_after_picture(source)
    assert late_ms(with_lists, heard, RATE_HZ) == pytest.approx(-shift_ms, abs=0.1)


def test_sound_that_began_after_the_pictures_moves_as_much(tmp_path: Path) -> None:
    source = film(tmp_path / "a.mkv", sound_start_s=0.3)
    copy = move_sound(source, tmp_path / "b.mkv", 100.0)
    before, _ = sound_after_picture(source)
    after, _ = sound_after_picture(copy)
    assert late_ms(after, before, RATE_HZ) == pytest.approx(-100.0, abs=1.0)


def test_holes_in_the_sound_stay_where_they_are_against_the_pictures(tmp_path: Path) -> None:
    source = film(tmp_path / "a.mkv", holes_s={47 * 1024: 0.5})
    copy = move_sound(source, tmp_path / "b.mkv", 100.0)
    start_s = next(iter(video_frames(copy)))[0]
    loud = np.abs(read_audio(copy, start_s)) > 0.05
    assert not loud[round(0.93 * 16_000) : round(1.37 * 16_000)].any()
    assert loud[round(0.7 * 16_000) : round(0.88 * 16_000)].any()
    assert loud[round(1.42 * 16_000) : round(1.6 * 16_000)].any()


def test_every_sound_track_and_what_the_file_says_of_itself_come_along(tmp_path: Path) -> None:
    one, two = film(tmp_path / "one.mkv"), film(tmp_path / "two.mkv", sound=sine(2.0, RATE_HZ), audio_codec="flac")
    both = tmp_path / "both.mkv"
    with av.open(str(one)) as first, av.open(str(two)) as second, av.open(str(both), "w") as output:
        output.metadata["title"] = "A talk"
        places = {
            (number, stream.index): output.add_stream_from_template(stream)
            for number, container in enumerate((first, second))
            for stream in container.streams
            if number == 0 or stream.type == "audio"
        }
        for number, container in enumerate((first, second)):
            for packet in container.demux():
                if packet.size and (number, packet.stream.index) in places:
                    packet.stream = places[number, packet.stream.index]
                    output.mux(packet)
    copy = move_sound(both, tmp_path / "c.mkv", 50.0)
    with av.open(str(copy)) as container:
        assert [stream.codec_context.name for stream in container.streams.audio] == ["pcm_s16le", "flac"]
        assert container.metadata["title"] == "A talk"


def test_what_is_there_already_is_never_overwritten(tmp_path: Path) -> None:
    source = film(tmp_path / "a.mkv")
    (tmp_path / "b.mkv").write_text("precious")
    with pytest.raises(OutputError, match="is there already"):
        move_sound(source, tmp_path / "b.mkv", 10.0)
    assert (tmp_path / "b.mkv").read_text() == "precious"


@pytest.mark.parametrize("name", ["b.webm", "b.xyz", "b"])
def test_a_file_that_cannot_hold_the_tracks_is_refused_and_leaves_nothing(tmp_path: Path, name: str) -> None:
    source = film(tmp_path / "a.mkv")
    with pytest.raises(OutputError, match=r"pass -o with a name like OUT\.mkv"):
        move_sound(source, tmp_path / name, 10.0)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mkv"]


def test_a_damaged_video_is_an_input_error_and_leaves_nothing(tmp_path: Path) -> None:
    source = film(tmp_path / "a.mp4", audio_codec="aac")
    shutil.copy(source, tmp_path / "whole.mp4")
    source.write_bytes(source.read_bytes()[: source.stat().st_size // 2])
    with pytest.raises(InputError):
        move_sound(source, tmp_path / "b.mp4", 10.0)
    assert not (tmp_path / "b.mp4").exists()

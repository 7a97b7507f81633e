"""Of several sound tracks the one with the voice is heard."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from factories.media import sine

from kfusion.audio import audio_blocks, read_audio
from kfusion.errors import InputError
from kfusion.inference.recording import read_recording

RATE_HZ = 48_000


def write_tracks(path: Path, *sounds: np.ndarray, default: int | None = None) -> Path:
    """A file with one track for each sound; `default`, counted from 1, is marked as such."""
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("flac", rate=RATE_HZ, layout="mono") for _ in sounds]
        for place, stream in enumerate(streams, 1):
            stream.disposition = int(place == default)
        for stream, sound in zip(streams, sounds, strict=True):
            _mux(container, stream, sound)
    return path


def _mux(container: Any, stream: Any, sound: np.ndarray) -> None:
    for first in range(0, len(sound), 1024):
        block = (sound[None, first : first + 1024] * 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(block, format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE_HZ, first, Fraction(1, RATE_HZ)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


QUIET, LOUD, SILENT = sine(1.0, RATE_HZ, peak=0.2), sine(1.0, RATE_HZ, peak=0.8), np.zeros(RATE_HZ)


@pytest.mark.parametrize(
    ("sounds", "default", "heard", "peak"),
    [
        ([QUIET, LOUD], None, 1, 0.2),
        ([QUIET, LOUD], 2, 2, 0.8),
        ([SILENT, LOUD], 1, 2, 0.8),
        ([SILENT, SILENT, LOUD], None, 3, 0.8),
        ([SILENT, SILENT], 2, 2, 0.0),
    ],
)
def test_the_default_track_is_heard_unless_it_is_silent(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, sounds: list[np.ndarray], default: int, heard: int, peak: float
) -> None:
    samples = read_audio(write_tracks(tmp_path / "a.mkv", *sounds, default=default))
    assert np.abs(samples).max() == pytest.approx(peak, abs=0.02)
    assert f"of its {len(sounds)} sound tracks, track {heard} is heard" in caplog.text


@pytest.mark.parametrize(("track", "peak"), [(1, 0.2), (2, 0.8)])
def test_the_track_that_is_asked_for_is_heard(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, track: int, peak: float
) -> None:
    path = write_tracks(tmp_path / "a.mkv", QUIET, LOUD, default=1)
    samples = np.concatenate(list(audio_blocks(path, track=track)))
    assert np.abs(samples).max() == pytest.approx(peak, abs=0.02)
    assert not caplog.records


@pytest.mark.parametrize("track", [-1, 0, 3])
def test_a_track_that_is_not_there_is_refused(tmp_path: Path, track: int) -> None:
    with pytest.raises(InputError, match=r"has 2 audio track\(s\): track -?\d is not among them"):
        list(audio_blocks(write_tracks(tmp_path / "a.mkv", QUIET, LOUD), track=track))


def test_a_track_that_cannot_be_decoded_is_passed_over(tmp_path: Path) -> None:
    path = write_tracks(tmp_path / "a.mkv", QUIET, LOUD, default=1)
    content = bytearray(path.read_bytes())
    place = content.index(b"A_FLAC")
    content[place : place + 6] = b"A_XYZW"
    path.write_bytes(content)
    assert np.abs(read_audio(path)).max() == pytest.approx(0.8, abs=0.02)
    with pytest.raises(InputError, match="coded as 'A_XYZW', which cannot be decoded"):
        list(audio_blocks(path, track=1))


def test_the_second_track_that_cannot_be_decoded_is_named(tmp_path: Path) -> None:
    path = write_tracks(tmp_path / "a.mkv", QUIET, LOUD)
    content = bytearray(path.read_bytes())
    place = content.rindex(b"A_FLAC")
    content[place : place + 6] = b"A_XYZW"
    path.write_bytes(content)
    with pytest.raises(InputError, match="coded as 'A_XYZW', which cannot be decoded"):
        list(audio_blocks(path, track=2))


def test_a_recording_that_is_read_twice_is_spoken_of_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    recording = read_recording(write_tracks(tmp_path / "a.mkv", SILENT, LOUD))
    recording.announced_s()
    first, second = np.concatenate(list(recording.blocks())), np.concatenate(list(recording.blocks()))
    np.testing.assert_array_equal(first, second)
    assert np.abs(first).max() == pytest.approx(0.8, abs=0.02)
    assert len(caplog.records) == 1

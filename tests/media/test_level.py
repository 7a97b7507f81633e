"""Full scale is 1."""

import struct
from pathlib import Path

import numpy as np
import pytest
from factories.media import sine

from kfusion.audio import read_audio
from kfusion.errors import InputError
from kfusion.inference.recording import Recording


def write_floats(path: Path, samples: np.ndarray, rate_hz: int = 16_000) -> Path:
    """A WAV of floats, as they are."""
    width = samples.dtype.itemsize
    head = struct.pack("<HHIIHH", 3, 1, rate_hz, rate_hz * width, width, 8 * width)
    data = samples.tobytes()
    body = b"WAVEfmt " + struct.pack("<I", 16) + head + b"data" + struct.pack("<I", len(data)) + data
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    return path


@pytest.mark.parametrize("kind", ["<f4", "<f8"])
def test_integers_written_as_floats_are_scaled_with_a_notice(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    """The quiet beginning has the same scale as the rest."""
    sound = sine(2.0) * np.repeat([0.0001, 1.0], 16_000)
    samples = read_audio(write_floats(tmp_path / "a.wav", (32768 * sound).astype(kind)))
    np.testing.assert_allclose(samples, sound, atol=1e-6)
    assert "divided by 32768" in caplog.text


@pytest.mark.parametrize("peak", [0.5, 1.5, 8.0])
def test_floats_about_full_scale_are_left_as_they_are(tmp_path: Path, peak: float) -> None:
    sound = sine(1.0, peak=peak).astype(np.float32)
    np.testing.assert_array_equal(read_audio(write_floats(tmp_path / "a.wav", sound)), sound)


@pytest.mark.parametrize("peak", [100.0, 1e6, 1e19, 1e30])
def test_a_height_that_no_sound_has_is_refused_with_its_value(tmp_path: Path, peak: float) -> None:
    path = write_floats(tmp_path / "a.wav", sine(1.0, peak=peak).astype(np.float32))
    with pytest.raises(InputError, match=r"a\.wav: the sample at 0\.\d+ s is .* where full scale is 1"):
        read_audio(path)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_sample_that_is_no_number_is_named_with_its_time(tmp_path: Path, value: float) -> None:
    sound = sine(1.0).astype(np.float32)
    sound[5000] = value
    with pytest.raises(InputError, match=r"the sample at 0\.312 s is not a finite number"):
        read_audio(write_floats(tmp_path / "a.wav", sound))
    with pytest.raises(InputError, match=r"samples: the sample at 0\.312 s is not a finite number"):
        list(Recording(source=sound).blocks())


@pytest.mark.parametrize("peak", [20_000.0, 1e19, 1e300])
def test_samples_of_another_scale_are_refused_with_the_value(peak: float) -> None:
    with pytest.raises(InputError, match="samples: the sample at"):
        list(Recording(source=sine(1.0, peak=peak)).blocks())

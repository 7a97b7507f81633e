"""The voice is heard whatever the channels do to each other."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from factories.media import sine

from kfusion.audio import audio_blocks, read_audio
from kfusion.media.channels import Mixer


def write_channels(path: Path, *channels: np.ndarray, rate_hz: int = 16_000) -> Path:
    """A WAV whose channels differ."""
    import wave

    with wave.open(str(path), "wb") as file:
        file.setnchannels(len(channels))
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes((np.stack(channels, -1) * 32767).astype("<i2").tobytes())
    return path


def voice(duration_s: float = 3.0) -> np.ndarray:
    """Noise that swells and falls as speech does."""
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, round(duration_s * 16_000))
    return noise * np.abs(sine(duration_s, frequency_hz=2.0, peak=1.0))


@pytest.mark.parametrize("noise_peak", [0.0, 0.01, 0.1])
def test_a_voice_in_opposite_phase_is_heard(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, noise_peak: float
) -> None:
    noise = np.random.default_rng(1).uniform(-noise_peak, noise_peak, len(voice()))
    samples = read_audio(write_channels(tmp_path / "a.wav", voice() + noise, noise - voice()))
    np.testing.assert_allclose(samples, voice(), atol=1e-4)
    assert "cancel each other out" in caplog.text


def test_a_channel_that_is_turned_among_many_is_turned_back(tmp_path: Path) -> None:
    samples = read_audio(write_channels(tmp_path / "a.wav", voice(), -voice(), voice(), -voice()))
    np.testing.assert_allclose(np.abs(samples), np.abs(voice()), atol=1e-4)


@pytest.mark.parametrize("kind", ["stereo", "one side", "independent", "six"])
def test_ordinary_channels_are_their_mean_bit_by_bit(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    random = np.random.default_rng(2)
    music = random.uniform(-0.3, 0.3, len(voice()))
    channels = {
        "stereo": [voice(), 0.6 * voice() + 0.1 * music],
        "one side": [voice(), np.zeros(len(voice()))],
        "independent": [voice(), music],
        "six": [0.3 * voice(), *(random.uniform(-0.3, 0.3, len(voice())) for _ in range(5))],
    }[kind]
    whole = (np.stack(channels, -1) * 32767).astype("<i2").astype(np.float32) / np.float32(32768)
    samples = read_audio(write_channels(tmp_path / "a.wav", *channels))
    np.testing.assert_array_equal(samples, whole.mean(axis=1, dtype=np.float32))
    assert not caplog.records


def test_it_is_decided_once_for_the_whole_recording(tmp_path: Path) -> None:
    """Silence first, then 11 s in opposite phase, then a stretch in phase: the same mix to the end."""
    silence, long = np.zeros(16_000), voice(11.0)
    left, right = np.concatenate([silence, long, voice()]), np.concatenate([silence, -long, voice()])
    samples = read_audio(write_channels(tmp_path / "a.wav", left, right))
    np.testing.assert_allclose(samples[: 12 * 16_000], left[: 12 * 16_000], atol=1e-4)
    assert np.abs(samples[12 * 16_000 :]).max() < 1e-4


def test_many_channels_need_no_more_memory_the_longer_they_are(tmp_path: Path) -> None:
    path = write_channels(tmp_path / "a.wav", voice(40.0), voice(40.0))
    tracemalloc.start()
    try:
        assert sum(map(len, audio_blocks(path))) == 40 * 16_000
        assert tracemalloc.get_traced_memory()[1] < 6_000_000
    finally:
        tracemalloc.stop()


def test_samples_that_are_no_numbers_do_not_disturb_the_choice() -> None:
    block = np.full((160_000, 2), np.nan, np.float32)
    mixer = Mixer()
    assert np.isnan(np.concatenate(list(mixer(block)))).all()
    assert not mixer.turned

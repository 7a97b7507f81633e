import numpy as np
import pytest

from kfusion.assets import SAMPLE_SPEECH
from kfusion.audio import read_audio
from kfusion.training.augment import FORMANT_RANGE, SPEED_RANGE, VoiceChange, coloured_noise, muted

RATE_HZ = 16_000


def random(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def tone(frequency_hz: float, duration_s: float = 1.0) -> np.ndarray:
    return (0.2 * np.sin(2 * np.pi * frequency_hz * np.arange(round(duration_s * RATE_HZ)) / RATE_HZ)).astype(
        np.float32
    )


@pytest.mark.parametrize("speed", [*SPEED_RANGE, 1.0])
@pytest.mark.parametrize("formant", [*FORMANT_RANGE, 1.0])
@pytest.mark.parametrize("count", [16_000, 12_345])
def test_a_changed_recording_is_as_long_as_its_speed_says(formant: float, speed: float, count: int) -> None:
    change = VoiceChange(formant=formant, speed=speed, tilt_db=3.0, snr_db=20.0)
    changed = change.apply(random().standard_normal(count).astype(np.float32) * 0.1, random())
    assert len(changed) == round(count / speed)
    assert changed.dtype == np.float32


def loudness(samples: np.ndarray, times_s: np.ndarray) -> np.ndarray:
    """The logarithm of the power of the 10 ms around each moment."""
    power = np.convolve(np.square(samples, dtype=np.float64), np.hanning(160), "same")
    return np.interp(times_s * RATE_HZ, np.arange(len(power)), np.log(power + 1e-6))


def lag_s(speech: np.ndarray, change: VoiceChange) -> float:
    """How much later the changed recording says what the recording says, by its loudness over time."""
    changed = change.apply(speech, random())
    times_s = np.arange(0.3, len(changed) / RATE_HZ - 0.3, 0.004)
    wanted = loudness(speech, times_s * change.speed)
    lags_s = np.arange(-0.05, 0.051, 0.002)
    found = [np.corrcoef(wanted, loudness(changed, times_s + lag))[0, 1] for lag in lags_s]
    assert max(found) > 0.85
    return float(lags_s[int(np.argmax(found))])


def test_a_changed_voice_speaks_in_time() -> None:
    # FFmpeg's atempo moves pieces of sound by up to 20 ms either way, so a single click tells nothing.
    speech = read_audio(SAMPLE_SPEECH)[: 6 * RATE_HZ]
    changes = [VoiceChange(formant=f, speed=s) for f in (*FORMANT_RANGE, 0.93, 1.12) for s in (*SPEED_RANGE, 1.0)]
    lags_s = np.abs([lag_s(speech, change) for change in changes])
    assert lags_s.mean() < 0.010
    assert lags_s.max() < 0.020, "well under a landmark frame"


@pytest.mark.parametrize("formant", [*FORMANT_RANGE])
def test_the_pitch_follows_the_formants_and_not_the_speed(formant: float) -> None:
    changed = VoiceChange(formant=formant, speed=0.9).apply(tone(440.0), random())
    peak_hz = np.abs(np.fft.rfft(changed)).argmax() * RATE_HZ / len(changed)
    assert peak_hz == pytest.approx(440 * formant, rel=0.02)


def test_gain_and_noise_are_what_they_say() -> None:
    clean = tone(440.0)
    plain = VoiceChange(gain_db=-6.0206).apply(clean, random())
    noisy = VoiceChange(gain_db=-6.0206, snr_db=20.0).apply(clean, random())
    middle = slice(2000, -2000)
    assert plain[middle].std() == pytest.approx(clean[middle].std() / 2, rel=0.02)
    assert (noisy - plain)[middle].std() == pytest.approx(plain[middle].std() / 10, rel=0.1)


def test_nothing_leaves_the_range_of_samples() -> None:
    loud = VoiceChange(gain_db=30.0).apply(tone(440.0), random())
    assert np.abs(loud).max() <= 1


def test_silence_stays_silent() -> None:
    changed = VoiceChange(formant=1.2, speed=0.9, snr_db=8.0, tilt_db=6.0).apply(np.zeros(16_000, np.float32), random())
    assert not changed.any()


def test_draws_follow_from_the_random_numbers_and_stay_in_range() -> None:
    drawn = [VoiceChange.draw(random(seed)) for seed in range(50)]
    assert drawn[7] == VoiceChange.draw(random(7)) != drawn[8]
    assert all(FORMANT_RANGE[0] <= change.formant <= FORMANT_RANGE[1] for change in drawn)
    assert all(SPEED_RANGE[0] <= change.speed <= SPEED_RANGE[1] for change in drawn)
    assert 5 < sum(change.snr_db is None for change in drawn) < 25


def test_muted_shots_are_silent_or_quiet() -> None:
    shots = [muted(8000, random(seed)) for seed in range(30)]
    levels = [float(np.sqrt(np.square(shot).mean())) for shot in shots]
    assert any(level == 0 for level in levels)
    assert any(level > 0 for level in levels)
    assert max(levels) <= 10 ** (-45 / 20) * 1.001
    assert {len(shot) for shot in shots} == {8000}


def test_noise_has_unit_power() -> None:
    assert np.square(coloured_noise(20_000, random())).mean() == pytest.approx(1)

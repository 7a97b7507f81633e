import numpy as np
from factories.inputs import SAMPLE_RATE_HZ, tone

from kfusion.evaluation.silence import find_silence


def sound(*parts: tuple[float, float]) -> np.ndarray:
    """Pieces of (duration in s, level) of a 300 Hz tone over faint noise."""
    pieces = [
        level * np.sin(2 * np.pi * 300 * np.arange(round(s * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ) for s, level in parts
    ]
    samples = np.concatenate(pieces)
    return (samples + 1e-4 * np.random.default_rng(0).standard_normal(len(samples))).astype(np.float32)


def test_silence_begins_a_tenth_of_a_second_after_the_sound_and_ends_as_long_before_it() -> None:
    silent = find_silence(sound((1, 0.3), (1, 0), (1, 0.3)), 90)
    first, last = np.flatnonzero(silent)[[0, -1]]
    assert 33 <= first <= 35
    assert 55 <= last <= 57
    assert silent[first : last + 1].all()


def test_a_pause_shorter_than_a_fifth_of_a_second_is_no_silence() -> None:
    assert not find_silence(sound((1, 0.3), (0.17, 0), (1, 0.3)), 65).any()
    assert find_silence(sound((1, 0.3), (0.3, 0), (1, 0.3)), 69).any()


def test_the_ends_of_a_clip_can_be_silent() -> None:
    silent = find_silence(sound((0.5, 0), (1, 0.3), (0.5, 0)), 60)
    assert silent[:11].all()
    assert silent[-10:].all()
    assert not silent[15:45].any()


def test_loudness_of_the_recording_does_not_matter() -> None:
    samples = sound((1, 0.3), (1, 0), (1, 0.3))
    assert np.array_equal(find_silence(samples, 90), find_silence(samples * 0.1, 90))


def test_a_rumble_is_no_speech() -> None:
    samples = sound((1, 0.3), (1, 0), (1, 0.3))
    rumble = 0.1 * np.sin(2 * np.pi * 50 * np.arange(len(samples)) / SAMPLE_RATE_HZ)
    assert find_silence((samples + rumble).astype(np.float32), 90)[36:54].all()


def test_a_noisy_recording_has_no_silence() -> None:
    samples = sound((1, 0.3), (1, 0.05), (1, 0.3))
    assert not find_silence(samples, 90).any()


def test_a_silent_recording_is_silent_throughout_and_speech_is_not() -> None:
    assert find_silence(np.zeros(16_000, np.float32), 30).all()
    assert not find_silence(sound((1, 0.3)), 30).any()
    assert find_silence(tone(1.0), 30).shape == (30,)


def test_more_frames_than_sound_are_silent_at_the_end() -> None:
    assert find_silence(np.zeros(0, np.float32), 3).all()

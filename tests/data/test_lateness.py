"""How late sound is: known shifts are found, and what cannot be told is not told."""

import numpy as np
import pytest
from factories.talking import moved, speech, spoken
from numpy.typing import NDArray

from kfusion.data.lateness import (
    GRID_HZ,
    LAG_MS,
    VOICE_SD_MS,
    Evidence,
    Lateness,
    MouthVelocity,
    compare,
    estimate,
    mouth_motion,
    pooled,
)
from kfusion.inference.sync import Listener
from kfusion.landmarks import Points, resample


@pytest.fixture(scope="module")
def listen() -> Listener:
    return Listener(1)


def seen_at(fps: float, seconds: float = 9.0) -> tuple[Points, NDArray[np.float64]]:
    """What a camera sees of the face that says the packaged speech."""
    sequence = spoken()
    count = round(seconds * fps)
    return resample(sequence.points, sequence.times_s, fps, count), np.arange(count) / fps


def found(listen: Listener, late_ms: float, fps: float = 25.0, seconds: float = 9.0) -> Lateness:
    points, times_s = seen_at(fps, seconds)
    sound = moved(speech(), late_ms)[: round(seconds * 16_000)]
    return estimate(compare(listen(sound), mouth_motion(points, times_s, round(seconds * GRID_HZ))))


@pytest.mark.parametrize("late_ms", [-300, -120, -7, 0, 33, 180, 300])
def test_a_known_shift_is_found(listen: Listener, late_ms: float) -> None:
    lateness = found(listen, late_ms)
    assert lateness.is_certain
    assert lateness.ms + LAG_MS == pytest.approx(late_ms, abs=4)
    assert lateness.low < late_ms < lateness.high
    assert lateness.is_off == (abs(late_ms) > 25)


@pytest.mark.parametrize("fps", [15, 29.97, 60])
def test_pictures_may_come_at_any_rate(listen: Listener, fps: float) -> None:
    assert found(listen, 80, fps).ms + LAG_MS == pytest.approx(80, abs=5)


def test_three_seconds_are_enough(listen: Listener) -> None:
    assert found(listen, -150, seconds=3.0).ms + LAG_MS == pytest.approx(-150, abs=8)


def test_an_interval_is_never_narrower_than_voices_differ(listen: Listener) -> None:
    lateness = found(listen, 0)
    assert lateness.ms - lateness.low >= 1.96 * VOICE_SD_MS
    assert lateness.high - lateness.ms >= 1.96 * VOICE_SD_MS


def test_a_face_that_was_lost_for_a_while_tells_as_much_as_was_seen(listen: Listener) -> None:
    points, times_s = seen_at(25)
    points[40:90] = np.nan
    motion = mouth_motion(points, times_s, 900)
    assert np.isnan(motion[:, 170:350]).all()
    assert np.isfinite(motion[:, :150]).all()
    lateness = estimate(compare(listen(moved(speech(), 60)), motion))
    assert lateness.ms + LAG_MS == pytest.approx(60, abs=5)


def test_a_stretch_from_the_middle_is_compared_with_its_own_sound(listen: Listener) -> None:
    points, times_s = seen_at(25)
    motion = mouth_motion(points, times_s, 900)
    expected = listen(moved(speech(), 100))
    assert estimate(compare(expected, motion[:, 300:], first=300)).ms + LAG_MS == pytest.approx(100, abs=5)


def test_what_belongs_to_another_sound_is_not_told(listen: Listener) -> None:
    points, times_s = seen_at(25)
    backwards = mouth_motion(points[::-1], times_s, 900)
    lateness = estimate(compare(listen(speech()), backwards))
    assert not lateness.is_certain
    assert not lateness.is_off


@pytest.mark.parametrize("still", ["lips", "sound"])
def test_without_motion_nothing_is_told(listen: Listener, still: str) -> None:
    points, times_s = seen_at(25)
    sound = np.zeros_like(speech()) if still == "sound" else speech()
    faces = np.repeat(points[:1], len(points), axis=0) if still == "lips" else points
    assert estimate(compare(listen(sound), mouth_motion(faces, times_s, 900))).doubt


def test_a_shift_beyond_reach_is_not_told(listen: Listener) -> None:
    assert not found(listen, 900).is_certain


def test_what_was_never_seen_is_not_told(listen: Listener) -> None:
    points, times_s = seen_at(25)
    nothing = mouth_motion(np.full_like(points, np.nan), times_s, 900)
    assert np.isnan(nothing).all()
    assert estimate(compare(listen(speech()), nothing)).doubt


def test_velocities_are_in_eye_distances_a_step() -> None:
    face = spoken().points[0]
    faces = np.repeat(face[None], 10, axis=0)
    eyes = np.linalg.norm(face[45] - face[36])
    faces[:, 66] += (np.arange(10) * 0.02 * eyes)[:, None] * np.array([0.0, 1.0], np.float32)  # 0.5 a second
    faces[:, 62] = face[66]
    motion = mouth_motion(faces, np.arange(10) / 25, 30)
    np.testing.assert_allclose(motion[0, 8:28], 0.005, atol=1e-6)
    np.testing.assert_allclose(motion[1:], 0, atol=1e-6)


def test_two_halves_say_together_what_the_whole_says(listen: Listener) -> None:
    points, times_s = seen_at(25)
    expected, motion = listen(moved(speech(), 40)), mouth_motion(points, times_s, 900)
    whole = compare(expected, motion)
    halves = pooled([compare(expected, motion[:, :450]), compare(expected, motion[:, 450:], first=450)])
    np.testing.assert_allclose(halves.sums, whole.sums)
    np.testing.assert_allclose(halves.times_s, whole.times_s)
    np.testing.assert_allclose(whole.whole.sums[:, 0], whole.sums.sum(1))


def hour_of_speech(drift_ms_per_hour: float, *, pieces: int = 24) -> Evidence:
    """Pieces of 10 s, evenly spread over an hour, whose sound is 50 ms late in the middle and drifts."""
    random = np.random.default_rng(0)
    evidence = []
    for start_s in np.linspace(0, 3590, pieces):
        expected = smooth(random.standard_normal((7, 1200)))
        late_ms = 50 + drift_ms_per_hour * (start_s - 1795) / 3600
        steps = np.arange(1000) + 100 + late_ms / 10
        seen = np.stack([np.interp(steps, np.arange(1200), row) for row in expected])
        part = compare(expected, seen + 0.3 * smooth(random.standard_normal(seen.shape)), first=100)
        evidence.append(part._replace(times_s=part.times_s + start_s))
    return pooled(evidence)


def smooth(motion: MouthVelocity) -> MouthVelocity:
    """About what moves at the rate of speech."""
    kernel = np.hanning(21)
    return np.stack([np.convolve(row, kernel, mode="same") for row in motion])


@pytest.mark.parametrize("drift", [-400, 0, 150])
def test_a_drift_is_told_in_ms_an_hour_and_the_lateness_in_the_middle(drift: float) -> None:
    lateness = estimate(hour_of_speech(drift), drifts=True)
    assert lateness.drift is not None
    assert lateness.drift.ms_per_hour == pytest.approx(drift, abs=4)
    assert lateness.drift.low - 2 <= drift <= lateness.drift.high + 2
    assert lateness.ms + LAG_MS == pytest.approx(50, abs=3)


def test_a_short_recording_tells_no_drift(listen: Listener) -> None:
    points, times_s = seen_at(25)
    evidence = compare(listen(speech()), mouth_motion(points, times_s, 900))
    assert estimate(evidence, drifts=True).drift is None
    assert estimate(hour_of_speech(0), drifts=False).drift is None

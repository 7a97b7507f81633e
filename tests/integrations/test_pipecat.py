"""Against the real Pipecat: its pipeline, its interruptions, its test harness."""

import asyncio
import json
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from factories.inputs import tone, write_stream_bundle

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", "'audioop' is deprecated", DeprecationWarning)
    pytest.importorskip("pipecat.pipeline.pipeline", reason="pipecat-ai is not installed")

from pipecat.frames.frames import (
    ErrorFrame,
    InputAudioRawFrame,
    InterruptionFrame,
    StartFrame,
    TTSAudioRawFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
)
from pipecat.tests.utils import SleepFrame, run_test

from kfusion.integrations.follower import VoiceFollower
from kfusion.integrations.pipecat import LandmarkProcessor, LandmarksFrame

EXAMPLE = Path(__file__).parents[2] / "examples" / "pipecat_pipeline.py"
SPEECH = np.round(tone(0.5) * 32767).astype("<i2")


def sound(samples: np.ndarray, kind: type = TTSAudioRawFrame, piece: int = 640) -> list:
    """Frames of 40 ms."""
    pieces = [samples[start : start + piece] for start in range(0, len(samples), piece)]
    return [kind(audio=part.tobytes(), sample_rate=16_000, num_channels=1) for part in pieces]


def run(generator, *frames, **options) -> tuple[list, list]:
    """What comes out of a pipeline with a processor, downstream and upstream."""
    processor = LandmarkProcessor(VoiceFollower(generator), **options)
    down, up = asyncio.run(run_test(processor, frames_to_send=frames))
    return list(down), list(up)


def faces(frames: list) -> list:
    return [frame.face for frame in frames if isinstance(frame, LandmarksFrame)]


def points(frames: list) -> np.ndarray:
    return np.stack([face.points for face in faces(frames)])


def others(frames: list) -> list:
    return [frame for frame in frames if not isinstance(frame, LandmarksFrame | StartFrame)]


@pytest.mark.parametrize("hold_audio", [False, True])
def test_every_frame_goes_on_in_order_and_the_landmarks_are_those_of_the_stream(generator, whole, hold_audio):
    sent = [TTSStartedFrame(), *sound(SPEECH), TTSStoppedFrame()]
    down, up = run(generator, *sent, hold_audio=hold_audio)
    assert others(down) == sent
    assert isinstance(down[-1], TTSStoppedFrame)
    assert up == []
    np.testing.assert_array_equal(points(down), whole(SPEECH))
    assert [face.index for face in faces(down)] == list(range(15))


def test_held_sound_leaves_in_step_with_its_landmarks(generator):
    down, _ = run(generator, *sound(SPEECH), hold_audio=True)
    heard_s = 0.0
    for frame in others(down):
        before = [face.time_s for face in faces(down[: down.index(frame)])]
        heard_s += frame.num_frames / frame.sample_rate
        due = [time_s for time_s in np.arange(15) / 30 if time_s < heard_s - 1e-6]
        np.testing.assert_allclose(before[: len(due)], due)
        assert len(before) <= len(due) + 1


def test_sound_of_any_rate_and_channels_moves_the_face(generator, whole):
    stereo = np.round(tone(0.5, rate_hz=48_000) * 32767).astype("<i2").repeat(2).tobytes()
    down, _ = run(generator, TTSAudioRawFrame(audio=stereo, sample_rate=48_000, num_channels=2))
    np.testing.assert_allclose(points(down), whole(SPEECH), atol=0.1)


def test_the_user_moves_the_face_where_asked_to(generator, whole):
    mine, other = sound(SPEECH, InputAudioRawFrame), sound(SPEECH[::2])
    down, _ = run(generator, *mine, *other, SleepFrame(sleep=0.2), heard=InputAudioRawFrame)
    np.testing.assert_array_equal(points(down), whole(SPEECH))
    assert sorted(frame.id for frame in others(down)) == sorted(frame.id for frame in [*mine, *other])


@pytest.mark.parametrize("hold_audio", [False, True])
def test_an_interruption_drops_the_rest_and_the_next_utterance_begins_anew(generator, whole, hold_audio):
    cut_off = [*sound(SPEECH), SleepFrame(sleep=0.2), InterruptionFrame(), SleepFrame(sleep=0.1)]
    down, _ = run(generator, *cut_off, *sound(SPEECH), TTSStoppedFrame(), hold_audio=hold_audio)
    first = [face for face in faces(down) if face.utterance == 0]
    second = [face for face in faces(down) if face.utterance == 1]
    assert [face.index for face in first] == list(range(12))
    np.testing.assert_array_equal(np.stack([face.points for face in second]), whole(SPEECH))


def test_an_end_of_the_pipeline_brings_the_last_frames(generator):
    down, _ = run(generator, *sound(SPEECH))
    assert len(faces(down)) == 15


def test_if_the_face_fails_an_error_goes_up_and_the_voice_goes_on(generator, whole):
    bad = [TTSAudioRawFrame(audio=bytes(200), sample_rate=10, num_channels=1) for _ in range(3)]
    down, up = run(generator, *bad, TTSStoppedFrame(), *sound(SPEECH), hold_audio=True)
    assert len(others(down)) == 3 + 1 + len(sound(SPEECH))
    (error,) = up
    assert isinstance(error, ErrorFrame)
    assert "no landmarks: sample rate is 10 Hz" in error.error
    np.testing.assert_array_equal(points(down), whole(SPEECH))


def test_the_example_prints_the_landmarks_of_a_recording(tmp_path):
    model = write_stream_bundle(tmp_path / "stream.onnx")
    done = subprocess.run([sys.executable, EXAMPLE, "--model", model], capture_output=True, check=True, timeout=60)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["frame"] for line in lines] == list(range(281))

"""Against the real Pipecat: its pipeline, its interruptions, its output transport."""

import asyncio
import importlib.util
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from factories.calls import ToldClock, babble, check_in_step, make_call, pieces
from factories.inputs import tone

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", "'audioop' is deprecated", DeprecationWarning)
    pytest.importorskip("pipecat.pipeline.pipeline", reason="pipecat-ai is not installed")

from pipecat.frames.frames import (
    ErrorFrame,
    InterruptionFrame,
    OutputImageRawFrame,
    TextFrame,
    TTSAudioRawFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
)
from pipecat.tests.utils import SleepFrame, run_test
from pipecat.transports.base_input import BaseInputTransport
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import BaseTransport
from pipecat.workers.runner import WorkerRunner

from kfusion.integrations.pipecat_video import TalkingProcessor

EXAMPLE = Path(__file__).parents[2] / "examples" / "pipecat_video.py"
RATE_HZ = 24_000


def sound(samples, rate_hz=RATE_HZ):
    return [
        TTSAudioRawFrame(audio=piece, sample_rate=rate_hz, num_channels=1, context_id="turn")
        for piece in pieces(samples, rate_hz)
    ]


def run(generator, *frames, clock=None, **options):
    """What comes out of a pipeline with a talking portrait, downstream and upstream."""
    processor = TalkingProcessor(make_call(generator, clock, **options))
    down, up = asyncio.run(run_test(processor, frames_to_send=frames, start_timeout=10.0))
    return list(down), list(up)


def heard(frames):
    return [frame for frame in frames if isinstance(frame, TTSAudioRawFrame)]


def others(frames):
    return [frame for frame in frames if not isinstance(frame, TTSAudioRawFrame | OutputImageRawFrame)]


def pixels(frame):
    return np.frombuffer(frame.image, np.uint8).reshape(*frame.size[::-1], 3)


@pytest.mark.slow
def test_a_minute_of_a_voice_does_not_drift_from_its_pictures(generator):
    speech = [TTSStartedFrame(), *sound(babble(60, 16_000), 16_000), TTSStoppedFrame()]
    down, up = run(generator, *speech, clock=ToldClock())
    assert up == []
    first = down.index(heard(down)[0])
    last = down.index(heard(down)[-1])
    spoken = down[first - 1 : last + 1]
    assert [type(frame) for frame in spoken] == [OutputImageRawFrame, TTSAudioRawFrame] * 1800
    rest = next(frame for frame in down if isinstance(frame, OutputImageRawFrame))
    said = b"".join(frame.audio for frame in spoken[1::2])
    check_in_step([pixels(frame) for frame in spoken[::2]], pixels(rest), said, RATE_HZ)


def test_the_sound_leaves_with_its_pictures_and_other_frames_at_their_place(generator):
    speech = sound(tone(0.4, rate_hz=RATE_HZ))
    sent = [TTSStartedFrame(), *speech[:10], TextFrame("half"), *speech[10:], TTSStoppedFrame()]
    down, up = run(generator, *sent)
    assert up == []
    assert [type(frame) for frame in others(down)] == [TTSStartedFrame, TextFrame, TTSStoppedFrame]
    (text,) = (frame for frame in down if isinstance(frame, TextFrame))
    before = down[: down.index(text)]
    assert len(heard(before)) == 6
    assert {(frame.sample_rate, frame.num_channels, frame.context_id) for frame in heard(down)} == {
        (RATE_HZ, 1, "turn")
    }
    assert b"".join(frame.audio for frame in heard(down)) == b"".join(frame.audio for frame in speech)
    pictures = [frame for frame in down if isinstance(frame, OutputImageRawFrame)]
    assert {(frame.size, frame.format, frame.sync_with_audio, len(frame.image)) for frame in pictures} == {
        ((96, 96), "RGB", True, 96 * 96 * 3)
    }


def test_after_an_interruption_nothing_of_what_was_said_comes(generator):
    sent = [*sound(babble(5, RATE_HZ)), TTSStoppedFrame(), SleepFrame(sleep=0.7), InterruptionFrame()]
    down, _ = run(generator, *sent, SleepFrame(sleep=0.5), *sound(tone(0.2, rate_hz=RATE_HZ)), TTSStoppedFrame())
    (cut,) = (index for index, frame in enumerate(down) if isinstance(frame, InterruptionFrame))
    before, after = down[:cut], down[cut:]
    assert 0 < len(heard(before)) < 60
    assert others(before) == []
    assert b"".join(frame.audio for frame in heard(after)) == b"".join(
        frame.audio for frame in sound(tone(0.2, rate_hz=RATE_HZ))
    )
    assert len([frame for frame in others(after) if isinstance(frame, TTSStoppedFrame)]) == 1


def test_an_interruption_does_not_stop_the_pipeline_from_ending(generator):
    down, _ = run(generator, *sound(babble(3, RATE_HZ)), TTSStoppedFrame(), SleepFrame(sleep=0.3), InterruptionFrame())
    assert len(heard(down)) < 60


def test_if_the_sound_cannot_be_used_an_error_goes_up_once_and_the_voice_goes_on(generator):
    bad = [TTSAudioRawFrame(audio=bytes(200), sample_rate=10, num_channels=1) for _ in range(3)]
    down, up = run(generator, *bad, TTSStoppedFrame(), *sound(tone(0.2, rate_hz=RATE_HZ)), TTSStoppedFrame())
    assert heard(down)[:3] == bad
    assert sum(len(frame.audio) for frame in heard(down)[3:]) == 0.2 * RATE_HZ * 2
    (error,) = up
    assert isinstance(error, ErrorFrame)
    assert "no talking picture: sample rate is 10 Hz" in error.error


class Stage(BaseOutputTransport):
    """Plays sound at the pace of speech, and notes when what is heard and seen."""

    def __init__(self, params):
        super().__init__(params)
        self.pictures, self.sounds = [], []

    async def start(self, frame):
        await super().start(frame)
        await self.set_transport_ready(frame)

    async def write_audio_frame(self, frame):
        self.sounds.append((time.monotonic(), frame))
        await asyncio.sleep(frame.num_frames / frame.sample_rate)
        return True

    async def write_video_frame(self, frame):
        self.pictures.append((time.monotonic(), frame))
        return True


class Theatre(BaseTransport):
    """A transport whose one client connects when the test says so."""

    def __init__(self, params):
        super().__init__()
        self.stage, self._door = Stage(params), BaseInputTransport(params)
        self._register_event_handler("on_client_connected")
        self._register_event_handler("on_client_disconnected")

    def input(self):
        return self._door

    def output(self):
        return self.stage

    async def tell(self, event):
        await self._call_event_handler(event, None)


def test_the_example_shows_a_portrait_that_speaks_to_who_connects(generator):
    spec = importlib.util.spec_from_file_location("pipecat_video_example", EXAMPLE)
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)

    async def converse():
        call = make_call(generator)
        theatre = Theatre(example.output_of(call))
        stage, runner = theatre.stage, WorkerRunner()
        await runner.add_workers(example.make_worker(call, theatre))
        running = asyncio.create_task(runner.run())
        await until(lambda: len(stage.pictures) > 3)
        quiet = len(stage.sounds)
        await theatre.tell("on_client_connected")
        await until(lambda: len(stage.sounds) > 100)
        await theatre.tell("on_client_disconnected")
        await running
        return quiet, stage

    quiet, stage = asyncio.run(asyncio.wait_for(converse(), 60))
    assert quiet == 0
    assert {frame.num_frames for _, frame in stage.sounds} == {RATE_HZ // 100}
    spoken = [frame.image for at, frame in stage.pictures if at > stage.sounds[0][0]]
    assert {len(picture) for picture in spoken} == {96 * 96 * 3}
    assert len(set(spoken)) > 5


async def until(condition):
    while not condition():
        await asyncio.sleep(0.01)

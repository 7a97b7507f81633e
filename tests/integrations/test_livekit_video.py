"""Against the real livekit-agents: its runner, its synchronizer and its sources, in a room that sends nothing."""

import asyncio
import importlib.util
import logging
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from factories.calls import ToldClock, babble, check_in_step, make_call, pieces
from factories.inputs import tone

pytest.importorskip("livekit.agents", reason="livekit-agents is not installed")

from livekit import rtc
from livekit.agents import Agent, AgentSession
from livekit.agents.voice.avatar import AudioSegmentEnd, QueueAudioOutput

from kfusion.integrations.livekit_video import TalkingVideo, avatar_runner

EXAMPLE = Path(__file__).parents[2] / "examples" / "livekit_video.py"
RATE_HZ = 24_000


def sound(samples, rate_hz=RATE_HZ):
    return [rtc.AudioFrame(piece, rate_hz, 1, len(piece) // 2) for piece in pieces(samples, rate_hz)]


def picture_of(frame):
    planes = np.frombuffer(frame.data, np.uint8).reshape(frame.height * 3 // 2, frame.width)
    return cv2.cvtColor(planes, cv2.COLOR_YUV2RGB_I420)


@pytest.mark.slow
def test_a_minute_of_a_voice_does_not_drift_from_its_pictures(generator):
    async def speak():
        video = TalkingVideo(make_call(generator, ToldClock()))
        await video.call.prepare()
        frames = aiter(video)
        rest = await anext(frames)
        for frame in sound(babble(60, 48_000), 48_000):
            await video.push_audio(frame)
        await video.push_audio(AudioSegmentEnd())
        given = []
        async for frame in frames:
            if isinstance(frame, AudioSegmentEnd):
                break
            given.append(frame)
        video.call.close()
        return rest, given

    rest, given = asyncio.run(speak())
    kinds = [type(frame) for frame in given]
    begin = kinds.index(rtc.AudioFrame) - 1
    assert kinds[begin:] == [rtc.VideoFrame, rtc.AudioFrame] * 1800
    pictures = [picture_of(frame) for frame in given[begin::2]]
    heard = b"".join(bytes(frame.data) for frame in given[begin + 1 :: 2])
    check_in_step(pictures, picture_of(rest), heard, RATE_HZ)


class Room:
    """Stands for a room that one is in already: what is published is kept."""

    def __init__(self):
        self.local_participant, self.published = self, []

    def isconnected(self):
        return True

    def on(self, *_):
        pass

    off = on

    async def publish_track(self, track, _):
        self.published.append(track)
        return self

    async def wait_for_subscription(self):
        pass


class Sources:
    """Notes when the sources of the runner get pictures and sound."""

    def __init__(self, monkeypatch):
        self.pictures, self.sounds = [], []
        show, hear = rtc.VideoSource.capture_frame, rtc.AudioSource.capture_frame

        def noted_picture(source, frame, **options):
            self.pictures.append((time.monotonic(), frame))
            show(source, frame, **options)

        async def noted_sound(source, frame):
            self.sounds.append((time.monotonic(), frame))
            await hear(source, frame)

        monkeypatch.setattr(rtc.VideoSource, "capture_frame", noted_picture)
        monkeypatch.setattr(rtc.AudioSource, "capture_frame", noted_sound)


def on_stage(generator, play, **options):
    """What `play` gives with a runner that is running, and what it heard of the playback."""

    async def run():
        output = QueueAudioOutput(sample_rate=RATE_HZ)
        finished = []
        output.on("playback_finished", finished.append)
        video = TalkingVideo(make_call(generator, **options))
        await video.call.prepare()
        runner = avatar_runner(Room(), output, video)
        async with asyncio.timeout(60):
            await runner.start()
            given = await play(output, finished)
            await runner.aclose()
        video.call.close()
        return given

    return asyncio.run(run())


async def until(condition):
    while not condition():
        await asyncio.sleep(0.01)


def test_the_runner_sends_both_in_step_and_says_when_all_was_heard(generator, monkeypatch):
    sources = Sources(monkeypatch)

    async def play(output, finished):
        for frame in sound(tone(1.0, rate_hz=RATE_HZ)):
            await output.capture_frame(frame)
        output.flush()
        await until(lambda: finished)
        return finished[0]

    event = on_stage(generator, play)
    assert event.playback_position == pytest.approx(1.0)
    assert not event.interrupted
    assert sum(frame.samples_per_channel for _, frame in sources.sounds) == RATE_HZ
    begun = sources.sounds[0][0]
    shown = next(at for at, _ in sources.pictures if at > begun - 0.02)
    assert abs(shown - begun) < 0.25  # the machine that tests run on may be busy
    assert {(frame.width, frame.height) for _, frame in sources.pictures} == {(96, 96)}


def test_an_interruption_takes_back_what_the_room_has_not_sent(generator, monkeypatch):
    sources = Sources(monkeypatch)

    async def play(output, finished):
        for frame in sound(babble(5, RATE_HZ)):
            await output.capture_frame(frame)
        output.flush()
        await until(lambda: len(sources.sounds) > 10)
        output.clear_buffer()
        await until(lambda: finished)
        heard, shown = len(sources.sounds), len(sources.pictures)
        await until(lambda: len(sources.pictures) > shown + 8)
        return finished[0], heard

    event, heard = on_stage(generator, play)
    assert event.interrupted
    assert 0.2 < event.playback_position < 4
    assert len(sources.sounds) == heard
    rest, last = sources.pictures[0][1], sources.pictures[-1][1]
    assert bytes(last.data) == bytes(rest.data)


def test_sound_that_cannot_be_used_is_logged_once_and_the_call_goes_on(generator, caplog):
    bad = rtc.AudioFrame(bytes(2 * 500), 1000, 1, 500)

    async def play(output, finished):
        for frame in (bad, bad):
            await output.capture_frame(frame)
        output.flush()
        await until(lambda: finished)
        for frame in sound(tone(0.2, rate_hz=RATE_HZ)):
            await output.capture_frame(frame)
        output.flush()
        await until(lambda: len(finished) == 2)
        return finished[1].playback_position

    with caplog.at_level(logging.WARNING, "kfusion"):
        assert on_stage(generator, play) == pytest.approx(0.2)
    assert [record.message for record in caplog.records if record.name.startswith("kfusion")] == [
        "not spoken: sample rate is 1000 Hz: use 8000 to 192000"
    ]


def test_the_example_shows_what_its_agent_says(generator, monkeypatch):
    spec = importlib.util.spec_from_file_location("livekit_video_example", EXAMPLE)
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    sources = Sources(monkeypatch)

    async def speak():
        session, call = AgentSession(), make_call(generator)
        runner = await example.give_face(session, call, Room())
        await session.start(Agent(instructions="speak"))
        speech = session.say("", audio=example.recording())
        await until(lambda: len(sources.sounds) > 20)
        speech.interrupt(force=True)
        await speech
        shown = len(sources.pictures)
        await until(lambda: len(sources.pictures) > shown + 3)
        await session.aclose()
        await runner.aclose()
        call.close()

    asyncio.run(asyncio.wait_for(speak(), 60))
    assert 20 < len(sources.sounds) < 60

"""Against the real livekit-agents: an `AgentSession` speaks into an output that plays nothing, in real time."""

import asyncio
import importlib.util
import json
import logging
import time
from pathlib import Path

import numpy as np
import pytest
from factories.inputs import tone

pytest.importorskip("livekit.agents", reason="livekit-agents is not installed")

from livekit import rtc
from livekit.agents import Agent, AgentSession
from livekit.agents.voice.io import AudioOutput, AudioOutputCapabilities

from kfusion.integrations.follower import VoiceFollower
from kfusion.integrations.livekit_agents import LandmarkAudioOutput

EXAMPLE = Path(__file__).parents[2] / "examples" / "livekit_agent.py"
LATE_S = 0.25
"""The machine that tests run on may be busy."""


class Loudspeaker(AudioOutput):
    """Takes sound at once, and says that it is played at the pace of speech."""

    def __init__(self):
        super().__init__(label="loudspeaker", capabilities=AudioOutputCapabilities(pause=True), sample_rate=24_000)
        self.started_at, self.heard_s, self._playing = None, 0.0, None

    async def capture_frame(self, frame):
        await super().capture_frame(frame)
        if self.started_at is None:
            self.started_at = time.time()
            self.on_playback_started(created_at=self.started_at)
        self.heard_s += frame.duration

    def flush(self):
        super().flush()
        if self.started_at is not None:
            self._playing = asyncio.create_task(self._play())

    def clear_buffer(self):
        if self._playing:
            self._playing.cancel()
        self._finish(interrupted=True)

    async def _play(self):
        await asyncio.sleep(self.started_at + self.heard_s - time.time())
        self._finish(interrupted=False)

    def _finish(self, *, interrupted):
        if self.started_at is not None:
            position, self.started_at, self.heard_s = self.heard_s, None, 0.0
            self.on_playback_finished(playback_position=position, interrupted=interrupted)


async def voice(duration_s):
    samples = np.round(tone(duration_s, rate_hz=24_000) * 32767).astype("<i2")
    for start in range(0, len(samples), 480):
        part = samples[start : start + 480]
        yield rtc.AudioFrame(part.tobytes(), 24_000, 1, len(part))


class Stage:
    """An agent session with a face, and what was shown when."""

    def __init__(self, generator):
        self.shown, self.started = [], []
        self.loudspeaker = Loudspeaker()
        self.output = LandmarkAudioOutput(self.loudspeaker, VoiceFollower(generator), self._show)
        self.output.on("playback_started", lambda event: self.started.append(event.created_at))
        self.session = AgentSession()
        self.session.output.audio = self.output

    async def _show(self, face):
        self.shown.append((time.time(), face))

    async def __aenter__(self):
        await self.session.start(Agent(instructions="speak"))
        return self

    async def __aexit__(self, *_):
        await self.session.aclose()
        await self.output.aclose()

    def take(self):
        shown, self.shown = self.shown, []
        return shown


def on_stage(generator, play):
    async def run():
        async with asyncio.timeout(20), Stage(generator) as stage:
            return await play(stage)

    return asyncio.run(run())


def test_each_landmark_frame_is_shown_when_its_sound_is_heard(generator, whole):
    async def play(stage):
        await stage.session.say("hello", audio=voice(0.6))
        await asyncio.sleep(LATE_S)
        return stage.started[0], stage.take()

    started, shown = on_stage(generator, play)
    np.testing.assert_allclose(np.stack([face.points for _, face in shown]), whole(tone(0.6)), atol=0.1)
    late_s = np.array([at - started - face.time_s for at, face in shown])
    assert late_s.min() >= -0.002
    assert np.median(late_s) < LATE_S


def test_an_interruption_drops_what_was_not_shown_and_the_next_utterance_begins_anew(generator):
    async def play(stage):
        speech = stage.session.say("a long story", audio=voice(3.0))
        await asyncio.sleep(0.5)
        speech.interrupt(force=True)
        await speech
        first = stage.take()
        await asyncio.sleep(0.2)
        assert stage.take() == []
        await stage.session.say("again", audio=voice(0.4))
        await asyncio.sleep(LATE_S)
        return first, stage.take()

    first, second = on_stage(generator, play)
    assert 0 < len(first) < 30
    assert [face.index for _, face in second] == list(range(12))
    assert second[0][1].utterance > first[0][1].utterance


def test_a_pause_holds_the_face(generator):
    async def play(stage):
        speech = stage.session.say("hello", audio=voice(1.0))
        await asyncio.sleep(0.3)
        stage.output.pause()
        before = len(stage.take())
        await asyncio.sleep(0.3)
        held = stage.take()
        stage.output.resume()
        await speech
        await asyncio.sleep(0.3 + LATE_S)
        return before, held, stage.take()

    before, held, after = on_stage(generator, play)
    assert 0 < before < 25
    assert held == []
    assert before + len(after) == 30


def test_if_the_face_fails_the_voice_goes_on_and_the_next_utterance_has_a_face_again(generator, caplog):
    bad = rtc.AudioFrame(bytes(2 * 500), 1000, 1, 500)

    async def play(stage):
        await stage.output.capture_frame(bad)
        await stage.output.capture_frame(bad)
        stage.output.flush()
        event = await stage.output.wait_for_playout()
        await stage.session.say("again", audio=voice(0.4))
        await asyncio.sleep(LATE_S)
        return event.playback_position, len(stage.take())

    with caplog.at_level(logging.WARNING, "kfusion"):
        assert on_stage(generator, play) == (1.0, 12)
    assert [record.message for record in caplog.records if record.name.startswith("kfusion")] == [
        "no landmarks: sample rate is 1000 Hz: use 8000 to 192000"
    ]


def test_a_failure_to_show_is_logged_and_the_voice_goes_on(generator, caplog):
    async def play(stage):
        stage.shown = None  # so that showing fails
        await stage.session.say("hello", audio=voice(0.3))
        event = await stage.output.wait_for_playout()
        return event.interrupted

    with caplog.at_level(logging.WARNING, "kfusion"):
        assert on_stage(generator, play) is False
    assert "the landmarks have stopped" in caplog.text


class Participant:
    """Stands for `rtc.LocalParticipant`, which exists in a room only."""

    def __init__(self):
        self.sent = []

    async def publish_data(self, payload, *, reliable=True, destination_identities=(), topic=""):
        self.sent.append(json.loads(payload))


def test_the_example_sends_the_landmarks_of_what_its_agent_says(generator):
    spec = importlib.util.spec_from_file_location("livekit_agent", EXAMPLE)
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)

    async def speak():
        session, participant = AgentSession(), Participant()
        session.output.audio = Loudspeaker()
        await session.start(Agent(instructions="speak"))
        face = await example.give_face(session, generator, participant)
        speech = session.say("", audio=example.recording())
        await asyncio.sleep(1.0)
        speech.interrupt(force=True)
        await speech
        await session.aclose()
        await face.aclose()
        return participant.sent

    sent = asyncio.run(speak())
    assert [message["frame"] for message in sent] == list(range(len(sent)))
    assert 10 < len(sent) < 60

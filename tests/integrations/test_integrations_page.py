"""The Python of docs/integrations.md is run as it stands there."""

import asyncio
import re
import shutil
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from factories.inputs import tone

import kfusion
from kfusion import assets
from kfusion.integrations.follower import VoiceFollower

PAGE = (Path(__file__).parents[2] / "docs" / "integrations.md").read_text()
SPEECH = np.round(tone(0.5) * 32767).astype("<i2")
KNOWN_WARNING = "'audioop' is deprecated"  # Pipecat imports it


@pytest.fixture
def block(generator, tmp_path, monkeypatch):
    """Runs the block of the page that defines a name, and gives what it defines."""
    shutil.copy(assets.SAMPLE_PORTRAIT, tmp_path / "portrait.jpg")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(kfusion, "load", lambda: generator)

    def run(name):
        (code,) = [code for code in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if f"def {name}(" in code]
        names = {}
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", KNOWN_WARNING, DeprecationWarning)
            exec(code, names)
        return SimpleNamespace(**names)

    return run


async def pieces(items):
    for item in items:
        yield item


class Room:
    """A room with a local participant that keeps what is published."""

    def __init__(self):
        self.local_participant, self.sent = self, []

    async def publish_data(self, payload, **_):
        self.sent.append(payload)


def test_asyncio(block):
    shown = []
    pcm = np.round(tone(0.5, rate_hz=24_000) * 32767).astype("<i2").tobytes()
    speak = block("speak").speak
    asyncio.run(speak(pieces([pcm[:5000], pcm[5000:]]), lambda time_s, points: shown.append(time_s)))
    np.testing.assert_allclose(shown, np.arange(15) / 30)


def test_pipecat(block):
    pytest.importorskip("loguru", reason="pipecat-ai is not installed")
    names = block("with_face")
    from pipecat.frames.frames import TTSAudioRawFrame
    from pipecat.tests.utils import run_test

    speech = TTSAudioRawFrame(audio=SPEECH.tobytes(), sample_rate=16_000, num_channels=1)
    down, _ = asyncio.run(run_test(names.with_face(), frames_to_send=[speech]))
    sent = [frame.message["landmarks"] for frame in down if isinstance(frame, names.OutputTransportMessageUrgentFrame)]
    assert [message["frame"] for message in sent] == list(range(15))


def test_a_livekit_track(block, generator, monkeypatch):
    rtc = pytest.importorskip("livekit.rtc", reason="livekit is not installed")
    names, room = block("animate"), Room()
    sound = pieces([rtc.AudioFrame(SPEECH.tobytes(), 16_000, 1, len(SPEECH))])
    monkeypatch.setattr(rtc, "AudioStream", lambda *_, **__: sound)
    asyncio.run(names.animate(None, VoiceFollower(generator), room))
    assert len(room.sent) == 15


def test_a_livekit_agent(block, generator):
    pytest.importorskip("livekit.agents", reason="livekit-agents is not installed")
    names = block("give_face")
    from livekit.agents.voice.avatar import QueueAudioOutput

    async def attach():
        session = SimpleNamespace(output=SimpleNamespace(audio=QueueAudioOutput()))
        names.give_face(session, VoiceFollower(generator), Room())
        assert isinstance(session.output.audio, names.LandmarkAudioOutput)
        await session.output.audio.aclose()

    asyncio.run(attach())


def test_a_portrait_in_a_livekit_room(block, generator):
    pytest.importorskip("livekit.agents", reason="livekit-agents is not installed")
    names = block("show_portrait")
    room = SimpleNamespace(isconnected=lambda: False, on=lambda *_: None, off=lambda *_: None)

    async def attach():
        session = SimpleNamespace(output=SimpleNamespace(audio=None))
        runner = await names.show_portrait(session, room)
        assert isinstance(session.output.audio, names.QueueAudioOutput)
        await runner.aclose()

    asyncio.run(attach())


def test_a_portrait_in_a_pipecat_pipeline(block):
    pytest.importorskip("loguru", reason="pipecat-ai is not installed")
    names, given = block("with_portrait"), []
    from pipecat.processors.filters.identity_filter import IdentityFilter

    def make_transport(params):
        given.append(params)
        return SimpleNamespace(input=IdentityFilter, output=IdentityFilter)

    pipeline = names.with_portrait(make_transport)
    assert any(isinstance(part, names.TalkingProcessor) for part in pipeline.processors)
    assert (given[0].video_out_width, given[0].video_out_height) == (294, 294)

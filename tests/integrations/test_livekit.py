"""Against the real LiveKit packages: frames, a local track, an agent session. A room needs a server: left out."""

import asyncio
import json
import logging

import numpy as np
import pytest
from factories.inputs import tone

pytest.importorskip("livekit.rtc", reason="livekit is not installed")

from livekit import rtc
from livekit.rtc.participant import PublishDataError

from kfusion.integrations.follower import VoiceFollower
from kfusion.integrations.livekit import TOPIC, landmarks, publish

SPEECH = np.round(tone(0.5) * 32767).astype("<i2")


def frames(samples: np.ndarray, rate_hz: int = 16_000, channels: int = 1) -> list[rtc.AudioFrame]:
    """Frames of 20 ms."""
    piece = rate_hz // 50 * channels
    pieces = [samples[start : start + piece] for start in range(0, len(samples), piece)]
    return [rtc.AudioFrame(part.tobytes(), rate_hz, channels, len(part) // channels) for part in pieces]


async def each(items):
    for item in items:
        yield item


async def follow(generator, sound):
    follower = VoiceFollower(generator)
    try:
        return [face async for face in landmarks(sound, follower)]
    finally:
        follower.close()


@pytest.mark.parametrize("kind", [lambda frame: frame, rtc.AudioFrameEvent])
def test_frames_and_events_of_a_track_become_landmarks(generator, whole, kind):
    faces = asyncio.run(follow(generator, each(map(kind, frames(SPEECH)))))
    np.testing.assert_array_equal(np.stack([face.points for face in faces]), whole(SPEECH))


def test_stereo_at_48_khz_becomes_the_same_face(generator, whole):
    stereo = np.round(tone(0.5, rate_hz=48_000) * 32767).astype("<i2").repeat(2)
    faces = asyncio.run(follow(generator, each(frames(stereo, 48_000, 2))))
    np.testing.assert_allclose(np.stack([face.points for face in faces]), whole(SPEECH), atol=0.1)


def test_a_frame_whose_buffer_is_longer_than_its_sound_is_cut(generator):
    frame = rtc.AudioFrame(bytes(4 * 1600), 16_000, 1, 1600)
    assert len(asyncio.run(follow(generator, each([frame])))) == 3


def test_an_audio_stream_of_a_local_track_is_heard(generator):
    async def listen():
        source = rtc.AudioSource(16_000, 1)
        stream = rtc.AudioStream(rtc.LocalAudioTrack.create_audio_track("voice", source), sample_rate=16_000)
        follower = VoiceFollower(generator)
        speak = asyncio.create_task(play(source, 50))
        try:
            async with asyncio.timeout(10):
                async for face in landmarks(stream, follower):
                    if face.index == 5:
                        return face
        finally:
            speak.cancel()
            await asyncio.gather(speak, return_exceptions=True)
            await stream.aclose()
            await source.aclose()
            follower.close()

    async def play(source, count):
        for frame in frames(np.zeros(count * 320, "<i2")):
            await source.capture_frame(frame)

    assert asyncio.run(listen()).points.shape == (68, 2)


class Participant:
    """Stands for `rtc.LocalParticipant`, which exists in a room only."""

    def __init__(self, error: Exception | None = None):
        self.sent, self.error = [], error

    async def publish_data(self, payload, *, reliable=True, destination_identities=(), topic=""):
        if self.error:
            raise self.error
        self.sent.append((payload, reliable, topic))


def test_a_published_frame_is_json_that_fits_a_data_packet(generator):
    async def send(participant):
        for face in await follow(generator, each(frames(SPEECH))):
            await publish(participant, face)

    participant = Participant()
    asyncio.run(send(participant))
    assert len(participant.sent) == 15
    payload, reliable, topic = participant.sent[4]
    assert (reliable, topic) == (True, TOPIC)
    message = json.loads(payload)
    assert (message["utterance"], message["frame"], message["time_s"]) == (0, 4, 0.133333)
    assert np.shape(message["points"]) == (68, 2)
    assert len(payload) < 2000


def test_a_frame_that_cannot_be_sent_is_left_out_with_a_note(generator, caplog):
    async def send():
        (face, *_) = await follow(generator, each(frames(SPEECH)))
        await publish(Participant(PublishDataError("engine is closed")), face)

    with caplog.at_level(logging.WARNING, "kfusion"):
        asyncio.run(send())
    assert [record.message for record in caplog.records] == ["landmark frame 0 was not sent: engine is closed"]

"""Landmarks for LiveKit rooms: from the sound of a track, and onto the data channel (the extra `livekit`)."""

import json
import logging
from collections.abc import AsyncIterable, AsyncIterator

from kfusion.errors import MissingExtraError
from kfusion.integrations.follower import VoiceFollower
from kfusion.integrations.frames import LandmarkFrame

try:
    from livekit import rtc
    from livekit.rtc.participant import PublishDataError
except ModuleNotFoundError as error:
    raise MissingExtraError("kfusion.integrations.livekit", "livekit") from error

log = logging.getLogger(__name__)

TOPIC = "kfusion.landmarks"


async def landmarks(
    sound: AsyncIterable[rtc.AudioFrame | rtc.AudioFrameEvent], follower: VoiceFollower
) -> AsyncIterator[LandmarkFrame]:
    """The landmarks of `sound` as they become ready, and the last ones when it ends.

    Args:
        sound: an `rtc.AudioStream`, or any source of `rtc.AudioFrame`, of any sample rate and number of channels.
        follower: the face.

    Raises:
        InputError: the sound cannot be used.
    """
    async for piece in sound:
        for face in await hear(follower, piece.frame if isinstance(piece, rtc.AudioFrameEvent) else piece):
            yield face
    for face in await follower.end():
        yield face


async def hear(follower: VoiceFollower, frame: rtc.AudioFrame) -> list[LandmarkFrame]:
    """The landmarks that one frame of sound made ready."""
    samples = frame.data[: frame.samples_per_channel * frame.num_channels]
    return await follower.hear(bytes(samples), frame.sample_rate, frame.num_channels)


async def publish(participant: rtc.LocalParticipant, face: LandmarkFrame, topic: str = TOPIC) -> None:
    """Send one frame to everyone in the room.

    The message is the line of `kfusion stream` with the number of the utterance:
    `{"utterance": 0, "frame": 12, "time_s": 0.4, "points": [[x, y], ...]}`, about 1.1 kB. It goes the reliable way:
    the lossy one is for packets under the network's own limit, which a large portrait's coordinates may pass.
    A frame that cannot be sent is left out, because the next one follows at once.
    """
    message = {"utterance": face.utterance, **face.message()}
    try:
        await participant.publish_data(json.dumps(message, separators=(",", ":")), reliable=True, topic=topic)
    except PublishDataError as error:
        log.warning("landmark frame %d was not sent: %s", face.index, error)

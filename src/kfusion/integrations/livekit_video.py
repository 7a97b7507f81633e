"""A portrait that speaks for a LiveKit agent: pictures and sound in step (the extra `livekit`)."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import suppress

import cv2

from kfusion.errors import KfusionError, MissingExtraError
from kfusion.integrations.talking_call import CallMoment, Carried, TalkingCall
from kfusion.video import Image

try:
    from livekit import rtc
    from livekit.agents.voice.avatar import (
        AudioReceiver,
        AudioSegmentEnd,
        AvatarOptions,
        AvatarRunner,
        VideoGenerator,
    )
except ModuleNotFoundError as error:
    raise MissingExtraError("kfusion.integrations.livekit_video", "livekit") from error

log = logging.getLogger(__name__)

HANDED_OVER_S = 0.5
"""How long an interruption waits for what was just handed to the room, at most."""


class TalkingVideo(VideoGenerator):
    """The pictures and the sound of an agent that has a face.

        video = TalkingVideo(TalkingCall(kfusion.load(), "portrait.jpg"))
        await video.call.prepare()
        runner = avatar_runner(room, sound, video)

    Between what it says, the portrait rests, and blinks. An interruption silences it at once. If its sound cannot be
    used, that is logged once an utterance, and the sound is left out.
    """

    def __init__(self, call: TalkingCall) -> None:
        """A generator for an `AvatarRunner`, made by `avatar_runner`."""
        self.call = call
        self.room_clock: rtc.AVSynchronizer | None = None
        """What holds pictures and sound back until their time; an interruption empties it."""
        self._taken_on = asyncio.Event()
        self._taken_on.set()
        self._failed = False
        self._last: tuple[Image, rtc.VideoFrame] | None = None

    @property
    def options(self) -> AvatarOptions:
        """What an `AvatarRunner` has to know about the pictures and the sound."""
        width, height = self.call.size_px
        options = self.call.options
        return AvatarOptions(
            video_width=width,
            video_height=height,
            video_fps=options.fps,
            audio_sample_rate=options.rate_hz,
            audio_channels=1,
        )

    async def push_audio(self, frame: rtc.AudioFrame | AudioSegmentEnd) -> None:
        """The agent says more, of any sample rate and number of channels; or it has said all."""
        if isinstance(frame, AudioSegmentEnd):
            self._failed = False
            await self.call.end(frame)
            return
        samples = frame.data[: frame.samples_per_channel * frame.num_channels]
        try:
            await self.call.hear(bytes(samples), frame.sample_rate, frame.num_channels)
        except KfusionError as error:
            if not self._failed:
                log.warning("not spoken: %s", error)
            self._failed = True

    async def clear_buffer(self) -> None:
        """Be silent at once; pictures and sound that the room has not sent are taken back."""
        self.call.interrupt()
        if self.room_clock is None:
            return
        await self.room_clock.clear_queue()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._taken_on.wait(), HANDED_OVER_S)
        await self.room_clock.clear_queue()

    def __aiter__(self) -> AsyncIterator[rtc.VideoFrame | rtc.AudioFrame | AudioSegmentEnd]:
        """Pictures and sound, without end."""
        return self._frames()

    async def _frames(self) -> AsyncIterator[rtc.VideoFrame | rtc.AudioFrame | AudioSegmentEnd]:
        async for moment in self.call.moments():
            if isinstance(moment, Carried):
                yield moment.thing
                continue
            if moment.begins and self.room_clock is not None:
                await self.room_clock.wait_for_playout()
                self.room_clock.reset()
            for frame in self._of(moment):
                if moment.interruptions != self.call.interruptions:
                    break
                self._taken_on.clear()
                yield frame
                self._taken_on.set()

    def _of(self, moment: CallMoment) -> list[rtc.VideoFrame | rtc.AudioFrame]:
        if self._last is None or self._last[0] is not moment.picture:
            self._last = (moment.picture, _video_frame(moment.picture))
        if not moment.sound:
            return [self._last[1]]
        return [self._last[1], rtc.AudioFrame(moment.sound, self.call.options.rate_hz, 1, len(moment.sound) // 2)]


def avatar_runner(room: rtc.Room, sound: AudioReceiver, video: TalkingVideo) -> AvatarRunner:
    """What sends `sound` and the portrait that says it into a room, in step.

    Args:
        room: where to.
        sound: where the agent's voice comes from: a `QueueAudioOutput` in the agent's own process, or a
            `DataStreamAudioReceiver`.
        video: the portrait.
    """
    runner = AvatarRunner(room, audio_recv=sound, video_gen=video, options=video.options)
    video.room_clock = runner.av_sync
    return runner


def _video_frame(picture: Image) -> rtc.VideoFrame:
    height, width = picture.shape[:2]
    planes = cv2.cvtColor(picture, cv2.COLOR_RGB2YUV_I420)
    return rtc.VideoFrame(width, height, rtc.VideoBufferType.I420, planes.tobytes())

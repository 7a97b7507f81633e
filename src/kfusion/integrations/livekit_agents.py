"""The landmarks of a LiveKit agent's voice, each at the moment it is heard (the extra `livekit`)."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from math import inf

from kfusion.errors import KfusionError, MissingExtraError
from kfusion.integrations.follower import VoiceFollower
from kfusion.integrations.frames import LandmarkFrame

try:
    from livekit import rtc
    from livekit.agents.voice.io import AudioOutput, AudioOutputCapabilities, PlaybackStartedEvent

    from kfusion.integrations.livekit import hear
except ModuleNotFoundError as error:
    raise MissingExtraError("kfusion.integrations.livekit_agents", "livekit") from error

log = logging.getLogger(__name__)

Show = Callable[[LandmarkFrame], Awaitable[None]]


class LandmarkAudioOutput(AudioOutput):
    """Passes an agent's voice on to its output, and shows the landmarks in step with the playback.

        session.output.audio = LandmarkAudioOutput(session.output.audio, follower, show)

    Speech arrives faster than it is spoken, so the landmarks are ready early and wait for the playback. An
    interruption drops what was not shown. If the face fails, that is logged, and the voice goes on alone until its
    next utterance. After a pause the face may be up to 0.2 s early, because the room drops that much sound then.
    """

    def __init__(self, voice: AudioOutput, follower: VoiceFollower, show: Show) -> None:
        """An output to put before `voice`, with an event loop running.

        Args:
            voice: where the sound goes, as before.
            follower: the face; `aclose` closes it.
            show: is awaited with every frame when it is due.
        """
        super().__init__(
            label="kfusion",
            capabilities=AudioOutputCapabilities(pause=True),
            next_in_chain=voice,
            sample_rate=voice.sample_rate,
        )
        self._follower = follower
        self._show = show
        self._sound: asyncio.Queue[tuple[int, rtc.AudioFrame | None]] = asyncio.Queue()
        self._faces: asyncio.Queue[tuple[int, LandmarkFrame]] = asyncio.Queue()
        self._playback = _Playback()
        self._tasks = [asyncio.create_task(work) for work in (self._follow(), self._show_in_step())]
        for task in self._tasks:
            task.add_done_callback(_note_failure)
        self.on("playback_started", self._begin)

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        """Take the next sound of the current utterance."""
        await super().capture_frame(frame)
        self._playback.expect(self.captured_playout_segments)
        self._sound.put_nowait((self.captured_playout_segments, frame))
        await self._voice.capture_frame(frame)

    def flush(self) -> None:
        """The utterance is complete."""
        super().flush()
        self._voice.flush()
        self._sound.put_nowait((self.captured_playout_segments, None))

    def clear_buffer(self) -> None:
        """The utterance was interrupted."""
        self._voice.clear_buffer()
        for queue in (self._sound, self._faces):
            while not queue.empty():
                queue.get_nowait()
        self._follower.restart()
        self._playback.drop()

    def pause(self) -> None:
        """Hold the voice and the face."""
        super().pause()
        self._playback.pause()

    def resume(self) -> None:
        """Let both go on."""
        super().resume()
        self._playback.resume()

    async def aclose(self) -> None:
        """Stop showing, and let the follower go; the voice's output stays open."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._follower.close()

    @property
    def _voice(self) -> AudioOutput:
        assert self.next_in_chain is not None
        return self.next_in_chain

    def _begin(self, event: PlaybackStartedEvent) -> None:
        self._playback.begin(event.created_at)

    async def _follow(self) -> None:
        """Sound to landmarks, in order; flows into `_show_in_step`."""
        failed = None
        while True:
            segment, frame = await self._sound.get()
            if segment == failed:
                continue
            try:
                faces = await (self._follower.end() if frame is None else hear(self._follower, frame))
            except KfusionError as error:
                log.warning("no landmarks: %s", error)
                self._follower.restart()
                failed = segment
                continue
            for face in faces:
                self._faces.put_nowait((segment, face))

    async def _show_in_step(self) -> None:
        while True:
            segment, face = await self._faces.get()
            if await self._playback.reaches(segment, face.time_s):
                await self._show(face)


def _note_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        log.error("the landmarks have stopped", exc_info=error)


class _Playback:
    """Where the playback of a segment stands, on the clock of `time.time`."""

    def __init__(self) -> None:
        self._segment = self._dropped = 0
        self._position_s = 0.0
        self._since: float | None = None  # when it stood at `_position_s`; None while it stands still
        self._paused = False
        self._changed = asyncio.Event()

    def expect(self, segment: int) -> None:
        """The sound of a segment comes in; an earlier one is over."""
        if segment > self._segment:
            self._segment, self._position_s, self._since, self._paused = segment, 0.0, None, False
            self._changed.set()

    def begin(self, at: float) -> None:
        """The segment is heard from `at` on."""
        self._since = at
        self._changed.set()

    def pause(self) -> None:
        if self._since is not None:
            self._position_s += time.time() - self._since
            self._since, self._paused = None, True
            self._changed.set()

    def resume(self) -> None:
        if self._paused:
            self._since, self._paused = time.time(), False
            self._changed.set()

    def drop(self) -> None:
        """Nothing more of this segment is shown."""
        self._dropped = self._segment
        self._changed.set()

    async def reaches(self, segment: int, time_s: float) -> bool:
        """Wait until the playback is at `time_s` of a segment; False if that was dropped."""
        while segment > self._dropped:
            wait_s = self._distance_s(segment, time_s)
            if wait_s <= 0:
                return True
            self._changed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(None if wait_s == inf else wait_s):
                    await self._changed.wait()
        return False

    def _distance_s(self, segment: int, time_s: float) -> float:
        if segment < self._segment:
            return 0.0
        if self._since is None:
            return inf
        return time_s - self._position_s - (time.time() - self._since)

"""A Pipecat processor: a face that follows the voice in a pipeline (the extra `pipecat`)."""

from collections import deque
from collections.abc import Awaitable
from dataclasses import dataclass

from kfusion.errors import KfusionError, MissingExtraError
from kfusion.integrations.follower import VoiceFollower
from kfusion.integrations.frames import LandmarkFrame

try:
    from pipecat.frames.frames import (
        AudioRawFrame,
        DataFrame,
        EndFrame,
        Frame,
        InterruptionFrame,
        OutputAudioRawFrame,
        StopFrame,
        TTSStoppedFrame,
    )
    from pipecat.processors.frame_processor import FrameDirection, FrameProcessor, FrameProcessorSetup
except ModuleNotFoundError as error:
    raise MissingExtraError("kfusion.integrations.pipecat", "pipecat") from error


@dataclass
class LandmarksFrame(DataFrame):
    """The face at one moment of the voice; an interruption drops it like the sound it belongs to."""

    face: LandmarkFrame


class LandmarkProcessor(FrameProcessor):
    """Passes every frame on, and adds a `LandmarksFrame` for every moment of the voice.

    The end of speech (`TTSStoppedFrame`) and of the pipeline brings the last frames of an utterance; an
    interruption drops what is left of it. If the face fails, an error goes upstream and the voice goes on alone
    until its next utterance.
    """

    def __init__(
        self,
        follower: VoiceFollower,
        *,
        heard: type[AudioRawFrame] = OutputAudioRawFrame,
        hold_audio: bool = False,
        name: str | None = None,
    ) -> None:
        """A processor to put behind the speech synthesis.

        Args:
            follower: the face; each pipeline needs its own, and this closes it at the end.
            heard: the sound that moves the face, of any sample rate and number of channels: what the bot says, or
                `InputAudioRawFrame` for what the user says.
            hold_audio: keep the sound back until its landmarks are there, so that both leave in the order of
                their time: for who draws pictures in the pipeline. Otherwise the sound leaves at once, and its
                landmarks follow it.
            name: of the processor, in logs.
        """
        super().__init__(name=name)
        self._follower = follower
        self._heard = heard
        self._hold_audio = hold_audio
        self._held: deque[tuple[float, Frame]] = deque()  # with the end of each, in seconds of its utterance
        self._heard_s = 0.0
        self._failed = False

    async def setup(self, setup: FrameProcessorSetup) -> None:
        """Load the weights while the other processors are set up.

        Raises:
            KfusionError: they cannot be used.
        """
        await super().setup(setup)
        await self._follower.prepare()

    async def cleanup(self) -> None:
        """Let the follower go."""
        await super().cleanup()
        self._follower.close()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Pass `frame` on, with the landmarks that it made ready."""
        await super().process_frame(frame, direction)
        if direction is FrameDirection.DOWNSTREAM and isinstance(frame, self._heard):
            await self._hear(frame)
            return
        if direction is FrameDirection.DOWNSTREAM and isinstance(frame, TTSStoppedFrame | EndFrame | StopFrame):
            await self._push_landmarks(self._follower.end())
            await self._begin_anew()
        elif isinstance(frame, InterruptionFrame):
            self._held.clear()
            self._follower.restart()
            await self._begin_anew()
        await self.push_frame(frame, direction)

    async def _hear(self, frame: AudioRawFrame) -> None:
        self._heard_s += frame.num_frames / frame.sample_rate
        self._held.append((self._heard_s, frame))
        if not self._hold_audio or self._failed:
            await self._release()
        if not self._failed:
            await self._push_landmarks(self._follower.hear(frame.audio, frame.sample_rate, frame.num_channels))

    async def _push_landmarks(self, landmarks: Awaitable[list[LandmarkFrame]]) -> None:
        try:
            faces = await landmarks
        except KfusionError as error:
            self._failed = True
            self._follower.restart()
            await self._release()
            await self.push_error(f"no landmarks: {error}", error)
            return
        for face in faces:
            await self._release(face.time_s)
            await self.push_frame(LandmarksFrame(face=face))

    async def _release(self, until_s: float = float("inf")) -> None:
        """Let the sound go that ends at `until_s` or before."""
        while self._held and self._held[0][0] <= until_s:
            await self.push_frame(self._held.popleft()[1])

    async def _begin_anew(self) -> None:
        await self._release()
        self._heard_s, self._failed = 0.0, False

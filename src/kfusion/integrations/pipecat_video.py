"""A Pipecat processor: a portrait that speaks for the bot, pictures and sound in step (the extra `pipecat`)."""

import asyncio

from kfusion.errors import KfusionError, MissingExtraError
from kfusion.integrations.talking_call import CallMoment, Carried, TalkingCall

try:
    from pipecat.frames.frames import (
        CancelFrame,
        EndFrame,
        Frame,
        InterruptionFrame,
        OutputImageRawFrame,
        StartFrame,
        SystemFrame,
        TTSAudioRawFrame,
        TTSStoppedFrame,
    )
    from pipecat.processors.frame_processor import FrameDirection, FrameProcessor, FrameProcessorSetup
except ModuleNotFoundError as error:
    raise MissingExtraError("kfusion.integrations.pipecat_video", "pipecat") from error


class TalkingProcessor(FrameProcessor):
    """Takes the sound of the speech synthesis, and gives pictures and sound in step.

    From the start of the pipeline to its end there is a picture at the frame rate of the call: between what it says,
    the portrait rests, and blinks. Other frames that come while it speaks leave at their place in the speech. An
    interruption silences it at once. If the sound cannot be used, an error goes upstream, and the sound goes on as
    it came.
    """

    def __init__(self, call: TalkingCall, *, name: str | None = None) -> None:
        """A processor to put between the speech synthesis and the output of the transport.

        Args:
            call: the portrait; each pipeline needs its own, and this closes it at the end.
            name: of the processor, in logs.
        """
        super().__init__(name=name)
        self._call = call
        self._show_task: asyncio.Task[None] | None = None
        self._sending = asyncio.Lock()
        self._context_id: str | None = None
        self._failed = False

    async def setup(self, setup: FrameProcessorSetup) -> None:
        """Load the weights while the other processors are set up.

        Raises:
            KfusionError: they cannot be used.
        """
        await super().setup(setup)
        await self._call.prepare()

    async def cleanup(self) -> None:
        """Stop showing, and let the call go."""
        await super().cleanup()
        await self._stop()
        self._call.close()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Take the sound; pass everything else on, at its place."""
        await super().process_frame(frame, direction)
        if isinstance(frame, InterruptionFrame):
            await self._interrupt(frame, direction)
        elif direction is FrameDirection.UPSTREAM or isinstance(frame, SystemFrame):
            await self._pass_at_once(frame, direction)
        elif isinstance(frame, TTSAudioRawFrame):
            await self._hear(frame)
        elif isinstance(frame, TTSStoppedFrame | EndFrame):
            self._failed = False
            await self._call.end(frame)
        elif self._call.is_speaking:
            self._call.carry(frame)
        else:
            await self.push_frame(frame, direction)

    async def _pass_at_once(self, frame: Frame, direction: FrameDirection) -> None:
        if isinstance(frame, CancelFrame):
            await self._stop()
        await self.push_frame(frame, direction)
        if isinstance(frame, StartFrame) and self._show_task is None:
            self._show_task = self.create_task(self._show())

    async def _interrupt(self, frame: InterruptionFrame, direction: FrameDirection) -> None:
        kept = [thing for thing in self._call.interrupt() if not thing.interruptible]
        self._failed = False
        async with self._sending:
            await self.push_frame(frame, direction)
        for thing in kept:
            self._call.carry(thing)

    async def _hear(self, frame: TTSAudioRawFrame) -> None:
        try:
            await self._call.hear(frame.audio, frame.sample_rate, frame.num_channels)
            self._context_id = frame.context_id
        except KfusionError as error:
            if not self._failed:
                await self.push_error(f"no talking picture: {error}", error)
            self._failed = True
            self._call.carry(frame)

    async def _show(self) -> None:
        async for moment in self._call.moments():
            async with self._sending:
                if isinstance(moment, CallMoment):
                    await self._send(moment)
                else:
                    await self.push_frame(moment.thing)
            if isinstance(moment, Carried) and isinstance(moment.thing, EndFrame):
                break

    async def _send(self, moment: CallMoment) -> None:
        if moment.interruptions != self._call.interruptions:
            return
        picture = OutputImageRawFrame(image=moment.picture.tobytes(), size=self._call.size_px, format="RGB")
        picture.sync_with_audio = True
        await self.push_frame(picture)
        if moment.sound:
            rate_hz = self._call.options.rate_hz
            sound = TTSAudioRawFrame(audio=moment.sound, sample_rate=rate_hz, num_channels=1)
            sound.context_id = self._context_id
            await self.push_frame(sound)

    async def _stop(self) -> None:
        if self._show_task is not None:
            await self.cancel_task(self._show_task)
            self._show_task = None

"""Following a voice from asyncio code: the network runs beside the event loop, in the order of the sound."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from kfusion.inference.delivery import Delivery
from kfusion.inference.generator import Generator
from kfusion.inference.identity import IdentityLike, read_identity
from kfusion.integrations.frames import LandmarkFrame, frames_of
from kfusion.integrations.pcm import PcmReader

if TYPE_CHECKING:
    from kfusion.inference.landmark_stream import Stream


class VoiceFollower:
    """The landmarks of one voice, utterance by utterance.

    Every utterance has a `Stream` of its own, so that its frames count from 0 and nothing of the one before is
    heard in it. One worker thread does the work of one follower; the event loop never waits for the network.
    """

    def __init__(
        self,
        generator: Generator,
        identity: IdentityLike = None,
        *,
        fps: float = 30,
        emotion: str | None = None,
        intensity: int | None = None,
        lead_ms: float = 0,
        expressiveness: float = 1,
    ) -> None:
        """A face that waits for a voice.

        Args:
            generator: what `kfusion.load` returned; many followers may share it.
            identity: the face, as for `Generator.generate`; None for the mean face.
            fps: landmark frames a second.
            emotion: one of `kfusion.emotion.EMOTIONS`; None for unknown.
            intensity: 1, 2 or 3, with an emotion.
            lead_ms: as for `Generator.stream`.
            expressiveness: as for `Generator.stream`.

        Raises:
            InputError: the face cannot be used.
        """
        face = read_identity(identity)
        delivery = Delivery(lead_ms=lead_ms, expressiveness=expressiveness)
        self._open = partial(generator.stream, face, fps=fps, emotion=emotion, intensity=intensity, **delivery)
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="kfusion-voice")
        self._restarts = 0
        self._utterance = _Utterance(0, self._open)

    async def prepare(self) -> None:
        """Load what is loaded at first use, so that the first sound does not wait for it.

        Raises:
            KfusionError: the weights or the options cannot be used.
        """
        await asyncio.wrap_future(self._worker.submit(self._utterance.prepare))

    async def hear(self, pcm: bytes, rate_hz: int, channels: int = 1) -> list[LandmarkFrame]:
        """The frames that more sound made ready; none if `restart` was called in the meantime.

        Args:
            pcm: interleaved signed 16-bit little-endian samples.
            rate_hz: samples a second.
            channels: samples at a time.

        Raises:
            InputError: the sound cannot be used.
        """
        return await self._frames(partial(self._utterance.hear, pcm, rate_hz, channels))

    async def end(self) -> list[LandmarkFrame]:
        """The last frames of this utterance; the next sound begins another one."""
        ended = self._utterance
        self._utterance = _Utterance(ended.number + 1, self._open)
        return await self._frames(ended.end)

    def restart(self) -> None:
        """Forget this utterance and the frames that are on their way; the next sound begins another one."""
        self._restarts += 1
        self._utterance = _Utterance(self._utterance.number + 1, self._open)

    def close(self) -> None:
        """Let the worker thread go; the follower cannot be used afterwards."""
        self._worker.shutdown(wait=False, cancel_futures=True)

    async def _frames(self, work: Callable[[], list[LandmarkFrame]]) -> list[LandmarkFrame]:
        restarts = self._restarts
        frames = await asyncio.wrap_future(self._worker.submit(work))
        return frames if restarts == self._restarts else []


class _Utterance:
    """One stretch of sound; used by the worker thread alone."""

    def __init__(self, number: int, open_stream: Callable[[], "Stream"]) -> None:
        self.number = number
        self._open = open_stream
        self._reader = PcmReader()
        self._stream: Stream | None = None

    def prepare(self) -> None:
        self._stream = self._stream or self._open()

    def hear(self, pcm: bytes, rate_hz: int, channels: int) -> list[LandmarkFrame]:
        self.prepare()
        assert self._stream is not None
        sequence = self._stream.push(self._reader(pcm, rate_hz, channels))
        return list(frames_of(sequence, self.number))

    def end(self) -> list[LandmarkFrame]:
        if self._stream is None:
            return []
        pieces = (self._stream.push(self._reader.flush()), self._stream.flush())
        return [frame for piece in pieces for frame in frames_of(piece, self.number)]

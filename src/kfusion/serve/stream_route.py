"""`WS /v1/stream`: sound in, landmark frames out, in step with each other.

One coroutine a stream reads a message, has its blocks of 100 ms animated one by one, sends the frames, and only then
reads on. So a stream holds one message at a time, and what a client sends too early waits in the network.
"""

import asyncio
import logging
import time
from collections.abc import Iterator
from typing import Any

from numpy.typing import NDArray
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from kfusion.audio import SAMPLE_RATE_HZ
from kfusion.bundle_format import BLOCK_SAMPLES
from kfusion.errors import KfusionError
from kfusion.inference.identity import Identity, read_identity
from kfusion.inference.landmark_stream import Stream
from kfusion.landmarks import LandmarkSequence
from kfusion.serve import protocol
from kfusion.serve.access import bearer, check_origin, check_token
from kfusion.serve.pool import Slot
from kfusion.serve.refusal import RefusedError, as_refusal, server_failed
from kfusion.serve.service import Service
from kfusion.serve.settings import MAX_MESSAGE_BYTES, ServerSettings

log = logging.getLogger(__name__)

PATH = "/v1/stream"
_LEAST_SAMPLES = SAMPLE_RATE_HZ // 1000
"""A message counts for at least 1 ms, so that a flood of tiny messages is slowed down as a flood of sound is."""


async def stream(websocket: WebSocket) -> None:
    """Serve one socket from its handshake to its end."""
    service: Service = websocket.app.state.service
    wire = Wire(websocket, service.settings)
    try:
        check_origin(websocket.headers, service.settings)
        with service.sockets.take() as slot:
            async with slot.kept():
                slot.spoke()
                await websocket.accept()
                await _serve(wire, service, slot)
    except WebSocketDisconnect:
        service.metrics.refused.labels("disconnected").inc()
    except KfusionError as error:
        await _refuse(wire, service, as_refusal(error))
    except Exception:
        await _refuse(wire, service, server_failed())
        raise  # into the log of the host


class Wire:
    """A WebSocket with time limits."""

    def __init__(self, websocket: WebSocket, settings: ServerSettings) -> None:
        self.websocket, self._settings = websocket, settings

    async def receive(self, timeout_s: float) -> str | bytes:
        """The next message.

        Raises:
            RefusedError: none came in time, or it is too long.
            WebSocketDisconnect: the client is gone.
        """
        try:
            async with asyncio.timeout(timeout_s):
                message = await self.websocket.receive()
        except TimeoutError as error:
            raise RefusedError("timeout", f"no message for {timeout_s:g} s: keep sending sound, or flush") from error
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1005))
        content: str | bytes | None = message.get("bytes")
        content = message["text"] if content is None else content
        if len(content) > MAX_MESSAGE_BYTES:
            advice = f"send at most {MAX_MESSAGE_BYTES} at once"
            raise RefusedError("too_large", f"a message of {len(content)} bytes: {advice}")
        return content

    async def send(self, content: str | bytes) -> None:
        """Send one message.

        Raises:
            WebSocketDisconnect: the client is gone, or does not read.
        """
        try:
            async with asyncio.timeout(self._settings.write_timeout_s):
                if isinstance(content, str):
                    await self.websocket.send_text(content)
                else:
                    await self.websocket.send_bytes(content)
        except TimeoutError as error:
            raise WebSocketDisconnect(reason="the client does not read") from error
        except RuntimeError as error:  # of the host, where it has closed the socket itself
            raise WebSocketDisconnect(reason="the socket is closed") from error

    async def close(self, code: int) -> None:
        """Say goodbye, if there is still somebody."""
        try:
            async with asyncio.timeout(self._settings.write_timeout_s):
                await self.websocket.close(code)
        except (TimeoutError, WebSocketDisconnect, RuntimeError):
            log.debug("a client was gone before the goodbye")


class Pace:
    """How far a stream has come, against the clock."""

    def __init__(self, settings: ServerSettings) -> None:
        self._settings, self._begun = settings, time.monotonic()
        self._heard_s = 0.0

    async def take(self, samples: int) -> None:
        """Account for a block; wait while the stream is further ahead of real time than it may be.

        Raises:
            RefusedError: the stream has lasted too long.
        """
        self._heard_s += samples / SAMPLE_RATE_HZ
        passed_s = time.monotonic() - self._begun
        limit_s = self._settings.max_stream_s
        if max(self._heard_s, passed_s) > limit_s:
            raise RefusedError("too_large", f"the stream lasts longer than {limit_s:g} s: start another")
        if self._heard_s > passed_s + self._settings.ahead_s:
            await asyncio.sleep(self._heard_s - passed_s - self._settings.ahead_s)


async def _serve(wire: Wire, service: Service, socket: Slot) -> None:
    settings = service.settings
    message = await wire.receive(settings.start_timeout_s)
    if isinstance(message, bytes):
        raise RefusedError("bad_request", "start: is binary: send the start message as text")
    start = protocol.read_start(message)
    header = bearer(wire.websocket.headers)
    check_token(start.token if header is None else header, settings)
    service.check_fps(start.fps)
    socket.at_work()
    with service.streams.take() as slot:
        async with slot.kept():
            face, opened = await service.blocks.run(_open, service, start)
            await wire.send(protocol.ready_message(opened, face.points, _limits(settings)))
            slot.spoke()
            await _relay(wire, service, opened, start, slot)
    await wire.close(1000)


def _open(service: Service, start: protocol.Start) -> tuple[Identity, Stream]:
    face, delivery = read_identity(start.points), service.delivery(start.lead_ms, start.expressiveness)
    opened = service.generator.stream(face, fps=start.fps, emotion=start.emotion, intensity=start.intensity, **delivery)
    return face, opened


async def _relay(wire: Wire, service: Service, opened: Stream, start: protocol.Start, slot: Slot) -> None:
    """Sound in, frames out, until the client flushes."""
    pace = Pace(service.settings)
    while isinstance(message := await wire.receive(service.settings.idle_timeout_s), bytes):
        samples = protocol.read_sound(message, start.format)
        await pace.take(max(0, _LEAST_SAMPLES - len(samples)))
        for block in _blocks(samples):
            await pace.take(len(block))
            frames = await _animate(service, opened, block)
            if len(frames):
                slot.spoke()
            await _send_frames(wire, service, frames, start.encoding)
    protocol.read_flush(message)
    await _send_frames(wire, service, await service.blocks.run(opened.flush), start.encoding)
    await wire.send('{"type": "end"}')


async def _animate(service: Service, opened: Stream, block: NDArray[Any]) -> LandmarkSequence:
    begun = time.perf_counter()
    piece = await service.blocks.run(opened.push, block)
    if len(piece):
        service.metrics.block_s.observe(time.perf_counter() - begun)
    service.metrics.speech_s.labels("stream").inc(len(block) / SAMPLE_RATE_HZ)
    return piece


async def _send_frames(wire: Wire, service: Service, piece: LandmarkSequence, encoding: str) -> None:
    if len(piece):
        service.metrics.frames.labels("stream").inc(len(piece))
        await wire.send(protocol.frames_message(piece, encoding))


def _blocks(samples: NDArray[Any]) -> Iterator[NDArray[Any]]:
    for start in range(0, len(samples), BLOCK_SAMPLES):
        yield samples[start : start + BLOCK_SAMPLES]


def _limits(settings: ServerSettings) -> dict[str, float]:
    return {
        "message_bytes": MAX_MESSAGE_BYTES,
        "ahead_s": settings.ahead_s,
        "idle_timeout_s": settings.idle_timeout_s,
        "stream_s": settings.max_stream_s,
    }


async def _refuse(wire: Wire, service: Service, refusal: RefusedError) -> None:
    """Tell the client why, then close with the code that stands for it."""
    service.metrics.refused.labels(refusal.code).inc()
    if wire.websocket.application_state is WebSocketState.CONNECTED:
        try:
            await wire.send(protocol.error_message(refusal))
        except WebSocketDisconnect:
            return
    await wire.close(refusal.status.close)

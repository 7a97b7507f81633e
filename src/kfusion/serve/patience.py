"""Limits on what a connection may cost, which uvicorn does not have.

It waits for ever for the head of a first request, and for ever for a client that does not read. The protocols
here drop both, and never hold more silent connections than they may: then the oldest goes. And it reads as fast as
a client sends: a few kB of empty frames, or of chunks of one byte, keep the event loop busy for longer than a block
of a stream takes. So connections are read in small pieces, and those whose pieces cost much take turns.
"""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from kfusion.serve.settings import ServerSettings

LEAST_BYTES, FIRST_BYTES, MOST_BYTES = 1024, 4096, 64 * 1024
"""Read from a connection at once: less of what is slow to take apart, more of what is not."""
_FAIR_S, _FAIR_BYTE_S = 0.0005, 20e-9
"""Processor time that one read may take, and each of its bytes; a message of 20 ms of sound takes 0.1 ms."""
_COSTLY_S = 0.002
"""What is spent beyond that before a connection rests."""
LONGEST_REST_S = 2
"""Of one connection: who has hung up is noticed after that."""
_AFTER_CLOSE_BYTES = 1 << 20
"""What a client may still send when its stream was closed."""
COSTLY_SHARE = 0.1
"""Of the event loop's time, for all costly reads of all connections together."""
_GRACE_S = 5
"""The application notices a client that does not read first, and says so in its counters."""


def limited_protocols(settings: ServerSettings) -> tuple[type[H11Protocol], type[WebSocketsSansIOProtocol]]:
    """HTTP and WebSocket protocols for one server."""
    shared = {"limits": settings, "turns": Turns()}
    http = type("Http", (HttpProtocol,), {**shared, "silent": {}})
    return http, type("WebSocket", (WebSocketProtocol,), shared)


@dataclass(slots=True)
class Turns:
    """When the next connection may be read whose reads cost much; one for a server."""

    next_s: float = 0.0
    """On the clock of the event loop."""

    def take(self, now_s: float, spent_s: float) -> float:
        """How long a connection must rest that has kept the event loop busy for `spent_s`."""
        self.next_s = min(max(self.next_s, now_s) + spent_s / COSTLY_SHARE, now_s + LONGEST_REST_S)
        return self.next_s - now_s


class _Limited(asyncio.Protocol):
    """Drops a connection whose client does not read, with what is still unsent, and rations what costs much to read."""

    limits: ServerSettings
    turns: Turns
    transport: Any
    _timer: asyncio.TimerHandle | None = None
    _rest: asyncio.TimerHandle | None = None
    _beyond_s = 0.0

    def read_slowly(self, transport: Any) -> None:
        """Begin with small pieces."""
        transport.max_size = FIRST_BYTES

    def paused_by_uvicorn(self) -> bool:
        """Whether nothing is to be read until the application has taken what there is."""
        raise NotImplementedError

    def data_received(self, data: bytes) -> None:
        """Something came."""
        before_s = time.thread_time()
        super().data_received(data)
        beyond_s = time.thread_time() - before_s - _FAIR_S - _FAIR_BYTE_S * len(data)
        size = self.transport.max_size
        if beyond_s > 0:
            self.transport.max_size = max(LEAST_BYTES, size // 2)
            self._beyond_s += beyond_s
        elif len(data) == size:
            self.transport.max_size = min(MOST_BYTES, size * 2)
        if self._beyond_s > _COSTLY_S:
            self._rest_for(self.turns.take(asyncio.get_running_loop().time(), self._beyond_s))
            self._beyond_s = 0.0

    def _rest_for(self, duration_s: float) -> None:
        if self.transport.get_protocol() is not self:  # it has become a WebSocket meanwhile
            return
        self.transport.pause_reading()
        if self._rest is not None:
            self._rest.cancel()
        self._rest = asyncio.get_running_loop().call_later(duration_s, self._go_on)

    def _go_on(self) -> None:
        self._rest = None
        if not self.paused_by_uvicorn():
            self.transport.resume_reading()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._drop_later()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._keep()

    def connection_lost(self, exc: Exception | None) -> None:
        self._keep()
        if self._rest is not None:
            self._rest.cancel()
        super().connection_lost(exc)

    def _drop_later(self) -> None:
        self._keep()
        limit_s = self.limits.write_timeout_s + _GRACE_S
        self._timer = asyncio.get_running_loop().call_later(limit_s, self.transport.abort)

    def _keep(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class HttpProtocol(_Limited, H11Protocol):
    """Drops clients that connect, or stay, without asking for anything."""

    silent: dict["HttpProtocol", asyncio.TimerHandle]
    """Who is expected to send a request, the longest silent first; shared by all connections of a server."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client is there."""
        super().connection_made(transport)
        self.read_slowly(transport)
        self._expect_request()

    def paused_by_uvicorn(self) -> bool:
        """Whether the body is longer than what the application has taken of it."""
        return self.flow.read_paused

    def on_response_complete(self) -> None:
        """A client has its answer."""
        super().on_response_complete()
        self._expect_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """A client is gone."""
        self._forget()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self, event: Any) -> None:
        """The connection goes on as a WebSocket."""
        self._forget()
        super().handle_websocket_upgrade(event)

    def _expect_request(self) -> None:
        self._forget()
        while len(self.silent) >= max(1, self.limits.max_connections // 2):
            next(iter(self.silent))._drop_if_silent()
        self.silent[self] = self.loop.call_later(self.limits.header_timeout_s, self._drop_if_silent)

    def _drop_if_silent(self) -> None:
        self._forget()
        if self.cycle is None or self.cycle.response_complete:
            self.transport.abort()

    def _forget(self) -> None:
        if timer := self.silent.pop(self, None):
            timer.cancel()


class WebSocketProtocol(_Limited, WebSocketsSansIOProtocol):
    """Leaves for good when the application has left."""

    _after_close = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there."""
        super().connection_made(transport)
        self.read_slowly(self.transport)
        self.close_timeout = self.limits.write_timeout_s

    def paused_by_uvicorn(self) -> bool:
        """Whether a message waits for the application."""
        return self.read_paused

    def data_received(self, data: bytes) -> None:
        """Something came; who goes on sending for long after the end is cut off."""
        if self.close_sent:
            self._after_close += len(data)
            if self._after_close > _AFTER_CLOSE_BYTES:
                self.transport.abort()
                return
        super().data_received(data)

    async def receive(self) -> Any:
        """The next event for the application, which reads on; but not while the connection rests."""
        event = await super().receive()
        if self._rest is not None:
            self.transport.pause_reading()
        return event

    async def run_asgi(self) -> None:
        """Serve the client."""
        await super().run_asgi()
        self._drop_later()

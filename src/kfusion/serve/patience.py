"""Limits on how long a client may keep a connection without using it, which uvicorn does not have.

It waits for ever for the head of a first request, and for ever for a client that does not read. The protocols
here drop both, and never hold more silent connections than they may: then the oldest goes.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from kfusion.serve.settings import ServerSettings

READ_BYTES = 16 * 1024
"""Read from a WebSocket at once: thousands of tiny messages in one piece would hold up the event loop."""
_GRACE_S = 5
"""The application notices a client that does not read first, and says so in its counters."""


def limited_protocols(settings: ServerSettings) -> tuple[type[H11Protocol], type[WebSocketsSansIOProtocol]]:
    """HTTP and WebSocket protocols for one server."""
    shared = {"limits": settings}
    http = type("Http", (HttpProtocol,), {**shared, "silent": {}})
    return http, type("WebSocket", (WebSocketProtocol,), shared)


class _Unstuck(asyncio.Protocol):
    """Drops a connection whose client does not read, with what is still unsent."""

    limits: ServerSettings
    transport: Any
    _timer: asyncio.TimerHandle | None = None

    def pause_writing(self) -> None:
        super().pause_writing()
        self._drop_later()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._keep()

    def connection_lost(self, exc: Exception | None) -> None:
        self._keep()
        super().connection_lost(exc)

    def _drop_later(self) -> None:
        self._keep()
        limit_s = self.limits.write_timeout_s + _GRACE_S
        self._timer = asyncio.get_running_loop().call_later(limit_s, self.transport.abort)

    def _keep(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class HttpProtocol(_Unstuck, H11Protocol):
    """Drops clients that connect, or stay, without asking for anything."""

    silent: dict["HttpProtocol", asyncio.TimerHandle]
    """Who is expected to send a request, the longest silent first; shared by all connections of a server."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client is there."""
        super().connection_made(transport)
        self._expect_request()

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


class WebSocketProtocol(_Unstuck, WebSocketsSansIOProtocol):
    """Reads in small pieces, and leaves for good when the application has left."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there."""
        super().connection_made(transport)
        self.transport.max_size = READ_BYTES
        self.close_timeout = self.limits.write_timeout_s

    async def run_asgi(self) -> None:
        """Serve the client."""
        await super().run_asgi()
        self._drop_later()

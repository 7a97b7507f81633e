"""The socket side of `kfusion serve`: uvicorn with its limits set."""

import asyncio
import signal
import socket
from types import FrameType
from typing import Any

from fastapi import FastAPI
from uvicorn import Config, Server

from kfusion.errors import OutputError
from kfusion.serve.patience import limited_protocols
from kfusion.serve.service import Service
from kfusion.serve.settings import MAX_MESSAGE_BYTES, ServerSettings

GRACE_S = 1
"""For recordings at work when the server is told to stop; then they are broken off."""
SHUTDOWN_S = 3
BACKLOG = 2048
"""Connections that may wait to be accepted."""
ACCEPTED_AT_ONCE = 4
"""Then frames of streams may come between: asyncio takes as many in a row as it is told to let wait."""
HEAD_BYTES = 16 * 1024
"""Longest head of a request."""


def listen(settings: ServerSettings) -> socket.socket:
    """A socket on the address of `settings`.

    Raises:
        OutputError: the address is taken, or not one of this machine.
    """
    where = f"{settings.host}:{settings.port}"
    try:
        family, _, _, _, address = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address, family=family, backlog=BACKLOG)
    except OSError as error:
        reason = str(error.strerror).partition(" (while")[0]  # Python says the address again
        raise OutputError(f"{where}: cannot listen ({reason}): choose another --host or --port") from error


def make_server(app: FastAPI, settings: ServerSettings) -> Server:
    """A server for the application; `run(sockets=[...])` returns when it is told to stop."""
    http, websocket = limited_protocols(settings)
    return _Server(
        Config(
            app,
            loop="asyncio",
            http=http,
            ws=websocket,
            ws_max_size=MAX_MESSAGE_BYTES,
            ws_per_message_deflate=False,
            ws_ping_interval=None,  # a stream that sends nothing ends by its idle timeout
            h11_max_incomplete_event_size=HEAD_BYTES,
            backlog=ACCEPTED_AT_ONCE,
            timeout_graceful_shutdown=SHUTDOWN_S,
            lifespan="on",
            log_config=None,
            log_level="error",
            access_log=False,
            server_header=False,
        )
    )


class _Server(Server):
    """Ends what was begun when it is told to stop, and lets a crowd of new clients wait its turn."""

    _patient = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start."""
        await super().startup(sockets)
        for listener in sockets or ():
            listener.listen(BACKLOG)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """SIGTERM lets what was begun come to its end, for a while; Ctrl-C, and any second signal, does not."""
        self._patient = sig == signal.SIGTERM and not self.should_exit
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[Any] | None = None) -> None:
        """Stop."""
        app: Any = self.config.app
        service: Service = app.state.service
        service.drain()
        if self._patient:
            await service.drained(lambda: self._patient)
        asyncio.get_running_loop().call_later(GRACE_S, service.stop)
        await super().shutdown(sockets)

"""A server for the page alone, on this machine: nothing but the standard library."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import unquote, urlsplit

from kfusion.errors import OutputError
from kfusion.web.page_files import PageFiles

HOST = "127.0.0.1"
PORT = 8768
"""Always the same, so that a browser finds what it has kept."""
IDLE_S = 30


@contextmanager
def page_server(files: PageFiles, port: int = PORT) -> Iterator[ThreadingHTTPServer]:
    """A server on loopback that listens; `serve_forever` serves.

    Raises:
        OutputError: the port is taken.
    """
    handler = type("PageHandler", (_PageHandler,), {"files": files})
    try:
        server = _PageServer((HOST, port), handler)
    except OSError as error:
        raise OutputError(f"{HOST}:{port}: cannot listen ({error.strerror}): choose another --port") from error
    with server:
        yield server


class _PageServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A browser that hangs up is no news."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _PageHandler(BaseHTTPRequestHandler):
    files: ClassVar[PageFiles]
    protocol_version = "HTTP/1.1"
    timeout = IDLE_S

    def do_GET(self) -> None:
        """Send a file."""
        self._send(with_body=True)

    def do_HEAD(self) -> None:
        """Send what goes before a file."""
        self._send(with_body=False)

    def _send(self, *, with_body: bool) -> None:
        address = unquote(urlsplit(self.path).path).removeprefix("/")
        answer = self.files.answer(address, {name.lower(): value for name, value in self.headers.items()})
        self.send_response(answer.status)
        headers = {} if answer.status == 304 or answer.unpacked else {"Content-Length": "0"}
        if answer.unpacked:
            headers["Connection"] = "close"  # which tells where the body ends
        for name, value in (headers | answer.headers).items():
            self.send_header(name, value)
        self.end_headers()
        for chunk in answer.chunks() if with_body else ():
            self.wfile.write(chunk)

    def log_message(self, format: str, *arguments: object) -> None:
        """Nobody waits for a log."""

"""What a server listens on, and how much of everything it lets one client have."""

import ipaddress
import os
from dataclasses import dataclass, fields
from pathlib import Path

from kfusion.errors import InputError
from kfusion.inference.delivery import check_expressiveness, check_lead

TOKEN_VARIABLE = "KFUSION_TOKEN"
MAX_PORT = 65535
MAX_MESSAGE_BYTES = 256 * 1024
"""Longest WebSocket message: 8 s of 16-bit sound."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerSettings:
    """Settings of a server.

    Raises:
        InputError: a value cannot be used, or the address can be reached from outside and there is no token.
    """

    host: str = "127.0.0.1"
    """Address to listen on; anything but loopback needs a token."""
    port: int = 8000
    """Port to listen on; 0 for any free one."""
    model: Path | None = None
    """Another .onnx bundle, or a folder with model.onnx; none for the default weights."""
    token: str | None = None
    """What clients must send as bearer token; better given as the environment variable KFUSION_TOKEN."""
    allow_open: bool = False
    """Listen beyond loopback without a token: anyone who reaches the port may use the server."""
    allow_origin: str = ""
    """Origins of web pages that may use the server, joined by commas; pages from this machine always may."""
    lead_ms: float = 0
    """Lips so much earlier than the sound, for requests and streams that do not say."""
    expressiveness: float = 1
    """How much faces move, 0 (at rest) to 2, for requests and streams that do not say."""
    max_body_mb: float = 64
    """Longest request body in MB (1e6 bytes)."""
    max_duration_s: float = 600
    """Longest recording that is animated."""
    max_fps: float = 60
    """Most landmark frames a second."""
    max_requests: int = 8
    """Recordings at once, those that are being uploaded or wait for a core included."""
    request_timeout_s: float = 300
    """For one recording from its first byte to the last byte of the answer."""
    read_cpu_s: float = 10
    """Processor time for reading a recording and a face; by the clock it may take three times as long."""
    read_memory_mb: float = 1000
    """Memory for reading them, in MB (1e6 bytes)."""
    max_streams: int | None = None
    """Streams at once; none for as many as this machine can serve, measured at the start."""
    max_stream_s: float = 3600
    """Longest stream, in seconds of sound and of time."""
    ahead_s: float = 30
    """Sound that a stream may be ahead of real time; from there on it is read at the pace of speech."""
    start_timeout_s: float = 5
    """For the first message of a stream."""
    idle_timeout_s: float = 15
    """For the next message of a stream."""
    write_timeout_s: float = 10
    """For a client to take what it is sent."""
    header_timeout_s: float = 5
    """For the head of an HTTP request, counted from the connection or the request before."""
    drain_s: float = 5
    """Once told to stop by SIGTERM, for the streams and recordings there are to end."""
    max_connections: int = 512
    """Connections at once: requests and sockets, half of them for each."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            number = type(value) in (int, float) and field.name not in ("port", "lead_ms", "expressiveness")
            if number and not 0 < value < float("inf"):
                raise InputError(f"{field.name} is {value}: use a number above 0")
        if not 0 <= self.port <= MAX_PORT:
            raise InputError(f"port is {self.port}: use 0 to {MAX_PORT}")
        check_lead(self.lead_ms)
        check_expressiveness(self.expressiveness)
        if self.max_connections < 2:
            raise InputError(f"max_connections is {self.max_connections}: use 2 or more")
        if self.token is not None and (not self.token.isascii() or not self.token.isprintable() or not self.token):
            raise InputError("the token is empty or holds more than printable ASCII: choose another")
        if not (is_loopback(self.host) or self.token or self.allow_open):
            raise InputError(
                f"host {self.host} can be reached by others and there is no token: "
                f"set {TOKEN_VARIABLE}, or pass --allow-open to let everyone in"
            )

    @property
    def max_body_bytes(self) -> int:
        """`max_body_mb` in bytes."""
        return round(self.max_body_mb * 1e6)

    @property
    def origins(self) -> frozenset[str]:
        """`allow_origin`, taken apart."""
        return frozenset(origin.strip().rstrip("/") for origin in self.allow_origin.split(",") if origin.strip())


def token_from_environment() -> str | None:
    """The token that the environment holds; None without one."""
    return os.environ.get(TOKEN_VARIABLE) or None


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"

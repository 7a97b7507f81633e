"""The wires by name: motion goes out over UDP, a packet or a few for every frame, at the moment that the frame shows.

Nothing is encrypted, and UDP tells nobody whether it arrived.
"""

import logging
import queue
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Self
from urllib.parse import urlsplit

from kfusion.errors import InputError, OutputError
from kfusion.formats.ifacialmocap import ifacialmocap_packet
from kfusion.formats.livelink import livelink_packet
from kfusion.formats.vmc import vmc_packets
from kfusion.motion.face_motion import Motion

log = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
MAX_AHEAD = 600
"""Frames that wait until they are due; whoever brings more waits too. A live voice never does."""
MAX_LATE_S = 0.3
"""A frame that is later than this sets the clock anew: the voice paused, or the machine did."""


@dataclass(frozen=True, slots=True)
class MotionWire:
    """A protocol over UDP."""

    port: int
    """Where its receivers listen unless told."""
    packets: Callable[[Motion, int], list[bytes]]
    """Those of one frame of a motion, by its place there."""


WIRES = {
    "livelink": MotionWire(
        11111,
        lambda motion, at: [livelink_packet(motion.weights[at], motion.sequence.first_frame + at, motion.fps)],
    ),
    "vmc": MotionWire(39539, lambda motion, at: vmc_packets(motion.weights[at], motion.head[at], motion.times_s[at])),
    "ifacialmocap": MotionWire(49983, lambda motion, at: [ifacialmocap_packet(motion.weights[at], motion.head[at])]),
}
"""Name in an address -> the protocol."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where motion is sent: `livelink://127.0.0.1:11111`."""

    name: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.name}://{host}:{self.port}"


def read_destination(address: str) -> Destination:
    """The destination that an address names; without a host it is this machine, without a port the usual one.

    Raises:
        InputError: the protocol is unknown, or the address has other parts, or a port that is none.
    """
    advice = f"use {' or '.join(f'{name}://HOST:{wire.port}' for name, wire in WIRES.items())}"
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError as error:
        raise InputError(f"'{address}' is no address to send to ({error}): {advice}") from error
    extra = parts.path.strip("/") or parts.query or parts.fragment or parts.username
    if parts.scheme not in WIRES or extra or port == 0:
        raise InputError(f"'{address}' is no address to send to: {advice}")
    return Destination(parts.scheme, parts.hostname or LOOPBACK, port or WIRES[parts.scheme].port)


class Sender:
    """Sends the frames of a stream on their way, each when it is due, on a thread of its own; use it in a `with` block.

    The first frame is due when it comes. A block that ends well waits until the last frame was due.

    Args:
        destination: where they go.

    Raises:
        OutputError: there is no such host.
    """

    def __init__(self, destination: Destination) -> None:
        self._destination = destination
        self._socket = _connected(destination)
        self._frames: queue.Queue[tuple[float, list[bytes]] | None] = queue.Queue(MAX_AHEAD)
        self._stopped = threading.Event()
        self._refused = False
        self._thread = threading.Thread(target=self._run, name=f"send {destination}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        try:
            if error is None:
                self._frames.put(None)
                self._thread.join()
        finally:
            self._stopped.set()
            self._socket.close()

    def send(self, motion: Motion) -> None:
        """Take the next frames, in order; they go out when they are due."""
        packets = WIRES[self._destination.name].packets
        for at, time_s in enumerate(motion.times_s):
            self._frames.put((float(time_s), packets(motion, at)))

    def _run(self) -> None:
        began: float | None = None
        while (frame := self._next()) is not None:
            time_s, packets = frame
            now = time.monotonic()
            if began is None or now - began - time_s > MAX_LATE_S:
                began = now - time_s
            if self._stopped.wait(max(0.0, began + time_s - now)):
                return
            for packet in packets:
                self._send(packet)

    def _next(self) -> tuple[float, list[bytes]] | None:
        """The next frame, or None at the end."""
        while not self._stopped.is_set():
            with suppress(queue.Empty):
                return self._frames.get(timeout=1.0)
        return None

    def _send(self, packet: bytes) -> None:
        """A receiver that is not there (yet) gets one note; it may come, and then gets what follows."""
        try:
            self._socket.send(packet)
        except OSError as error:
            if not self._refused:
                self._refused = True
                reason = "nobody listens there" if isinstance(error, ConnectionError) else error.strerror
                log.warning("%s: %s: start the receiver, or check its port; frames go on", self._destination, reason)


def _connected(destination: Destination) -> socket.socket:
    """A socket that hears whether the port is closed."""
    try:
        (kind, _, _, _, place), *_ = socket.getaddrinfo(destination.host, destination.port, type=socket.SOCK_DGRAM)
        wire = socket.socket(kind, socket.SOCK_DGRAM)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise OutputError(f"{destination}: no such host ({reason}): check the address") from error
    try:
        wire.connect(place)
    except OSError as error:
        wire.close()
        raise OutputError(f"{destination}: cannot be reached ({error.strerror}): check the address") from error
    if not _is_loopback(str(place[0])):
        log.warning("%s: the motion of the face leaves this machine, unencrypted", destination)
    return wire


def _is_loopback(address: str) -> bool:
    with suppress(ValueError):
        return ip_address(address.partition("%")[0]).is_loopback
    return False

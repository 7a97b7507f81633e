"""Clients that misuse the server's sockets harm nobody else."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import httpx
import numpy as np
import pytest
from factories.serve import QUICK, TinyGenerator, running_server
from websockets.sync.client import connect

from kfusion.serve import service
from kfusion.serve.patience import Turns

START = '{"type": "start", "version": 1, "sample_rate": 16000}'
UPGRADE = (
    b"GET /v1/stream HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


def raw(url: str) -> socket.socket:
    host, port = url.removeprefix("http://").split(":")
    connection = socket.socket()
    connection.settimeout(20)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # so that what is not read is soon noticed
    connection.connect((host, int(port)))
    return connection


def raw_stream(url: str) -> socket.socket:
    """A stream that was started, as bytes on a socket."""
    connection = raw(url)
    connection.sendall(UPGRADE)
    assert connection.recv(4096).startswith(b"HTTP/1.1 101 ")
    connection.sendall(frame(START.encode(), 1))
    assert b'"ready"' in connection.recv(65536)
    return connection


def healthy(url: str) -> bool:
    return httpx.get(f"{url}/healthz", timeout=20).json()["status"] == "ok"


def closed_by_server(connection: socket.socket) -> bool:
    """Whether the server hangs up in the time limit of the socket."""
    with contextlib.suppress(ConnectionError):
        while connection.recv(65536):
            pass
    return True


def frame(content: bytes, opcode: int, *, last: bool = True) -> bytes:
    """A masked WebSocket frame, the mask all zero."""
    length, first = len(content), 0x80 * last | opcode
    head = bytes([first, 0x80 | length]) if length < 126 else bytes([first, 0xFE, *length.to_bytes(2)])
    return head + bytes(4) + content


def until(true: Callable[[], bool], limit_s: float = 20) -> bool:
    deadline = time.monotonic() + limit_s
    while not (done := true()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return done


def test_a_thousand_quick_connects_leave_the_server_healthy(generator: TinyGenerator) -> None:
    with running_server(generator, replace(QUICK, max_connections=64)) as url:
        for number in range(1000):
            connection = raw(url)
            if number % 3 == 1:
                connection.sendall(b"GET /healthz HTT")
            if number % 3 == 2:
                connection.sendall(UPGRADE)
            connection.close()
        assert healthy(url)
        assert until(lambda: talk(url) == 30)


def test_half_open_sockets_are_dropped_and_do_not_lock_others_out(generator: TinyGenerator) -> None:
    with running_server(generator, replace(QUICK, max_connections=64, header_timeout_s=1)) as url:
        silent = [raw(url) for _ in range(300)]
        for connection in silent[::2]:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        assert healthy(url)
        assert talk(url) == 30
        assert all(closed_by_server(connection) for connection in silent)
        for connection in silent:
            connection.close()


def test_a_slow_second_request_is_dropped_as_the_first_is(generator: TinyGenerator) -> None:
    with running_server(generator, replace(QUICK, header_timeout_s=1)) as url, raw(url) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /heal")
        began = time.monotonic()
        assert closed_by_server(connection)
        assert time.monotonic() - began < 15


def test_no_http_at_all_is_answered_and_closed(generator: TinyGenerator) -> None:
    with running_server(generator) as url:
        for garbage in (b"\0\xff" * 999, b"A" * 100_000, b"\x16\x03\x01\x02\0\x01\0" * 9 + b"\r\n\r\n"):
            with raw(url) as connection:
                with contextlib.suppress(ConnectionError):
                    connection.sendall(garbage)
                assert closed_by_server(connection)
        assert healthy(url)


def test_broken_websocket_frames_end_that_stream_only(generator: TinyGenerator) -> None:
    broken = [b"\xff" * 64, frame(b"\xff\xfe", 1), bytes([0x82, 0x01, 0x00]), bytes([0x82, 0xFF]) + b"\x7f" * 12]
    with running_server(generator) as url:
        for content in broken:
            with raw_stream(url) as connection:
                connection.sendall(content)
                assert closed_by_server(connection)
        assert talk(url) == 30
        assert 'code="internal"' not in httpx.get(f"{url}/metrics").text


def test_a_client_that_vanishes_frees_its_place(generator: TinyGenerator) -> None:
    with running_server(generator, replace(QUICK, max_streams=1)) as url:
        for _ in range(3):
            with raw_stream(url) as connection:
                connection.sendall(frame(bytes(3200), 2))
            time.sleep(0.1)
        assert until(lambda: talk(url) == 30)


@contextlib.contextmanager
def flooding(url: str, *contents: bytes, reads: bool = True) -> Iterator[None]:
    """For each of `contents` a client that starts a stream and sends that as fast as it can."""
    connections = [raw_stream(url) for _ in contents]
    threads = [
        threading.Thread(target=flood, args=(connection, content))
        for connection, content in zip(connections, contents, strict=True)
    ]
    if reads:
        threads += [threading.Thread(target=drain, args=(connection,)) for connection in connections]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()
        for connection in connections:
            connection.close()


def flood(connection: socket.socket, content: bytes) -> None:
    with contextlib.suppress(OSError):
        while True:
            connection.sendall(content)


def drain(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.settimeout(None)
        while connection.recv(65536):
            pass


def test_a_client_that_does_not_read_is_dropped_and_delays_nobody(generator: TinyGenerator) -> None:
    sound = frame(np.full(16_000, 9999, "<i2").tobytes(), 2)
    with running_server(generator, replace(QUICK, ahead_s=3600)) as url, flooding(url, sound, reads=False):
        waits_s = []
        while "kfusion_streams_active 1.0" in httpx.get(f"{url}/metrics").text or not waits_s:
            began = time.monotonic()
            assert talk(url, 0.1) == 3
            waits_s.append(time.monotonic() - began)
            assert len(waits_s) < 500
        assert np.median(waits_s) < 3  # for a machine with other work; else well under 0.1
        assert 'kfusion_refused_total{code="disconnected"} 1.0' in httpx.get(f"{url}/metrics").text


def test_clients_that_send_as_fast_as_they_can_delay_no_other_stream(model: Any) -> None:
    generator = TinyGenerator(model, block_s=0.002)
    empty, sound, pings = frame(b"", 2) * 2000, frame(bytes(32_000), 2), frame(b"", 9) * 2000
    with running_server(generator, replace(QUICK, ahead_s=3600)) as url, flooding(url, empty, sound, pings):
        waits_s = []
        with connect(url.replace("http", "ws") + "/v1/stream", compression=None) as stream:
            stream.send(START)
            stream.recv(20)
            stream.send(bytes(3200))  # heard ahead
            for _ in range(10):
                began = time.monotonic()
                stream.send(bytes(3200))
                stream.recv(20)
                waits_s.append(time.monotonic() - began)
        assert np.median(waits_s) < 3  # for a machine with other work; else well under 0.1


def talk(url: str, duration_s: float = 1.0) -> int:
    """Frames that come back for a short stream; 0 where the server has no place."""
    frames = 0
    with connect(url.replace("http", "ws") + "/v1/stream", compression=None) as stream:
        stream.send(START)
        stream.recv(20)
        stream.send(bytes(round(duration_s * 32_000)))
        stream.send('{"type": "flush"}')
        while (message := json.loads(stream.recv(20)))["type"] == "frames":
            frames += len(message["points"])
    return frames


def test_silent_sockets_give_way_to_one_that_speaks(generator: TinyGenerator) -> None:
    settings = replace(QUICK, max_connections=16, start_timeout_s=60, header_timeout_s=60)
    with running_server(generator, settings) as url:
        silent = []
        for number in range(40):
            silent.append(raw(url))
            if number % 2:
                silent[-1].sendall(UPGRADE)
                assert silent[-1].recv(4096).startswith(b"HTTP/1.1 101 ")
        assert [talk(url) for _ in range(3)] == [30] * 3
        assert healthy(url)
        for connection in silent:
            connection.close()


def test_a_body_that_does_not_grow_gives_way(generator: TinyGenerator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "PATIENCE_S", 0.2)
    with running_server(generator, replace(QUICK, max_requests=2)) as url:
        slow = [raw(url) for _ in range(2)]
        for connection in slow:
            connection.sendall(post_head(b"Content-Length: 9999") + b"--b0\r\n")
        assert until(lambda: "kfusion_recordings_active 2.0" in httpx.get(f"{url}/metrics").text)
        time.sleep(0.5)
        answer = httpx.post(f"{url}/v1/generate", files={"audio": b"no sound"}, timeout=20)
        assert answer.status_code == 422
        assert b"nothing came while others waited" in slow[0].recv(65536)
        for connection in slow:
            connection.close()


def test_a_stream_without_sound_gives_way(generator: TinyGenerator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "PATIENCE_S", 0.2)
    with running_server(generator, replace(QUICK, max_streams=1)) as url, raw_stream(url) as silent:
        time.sleep(0.5)
        assert talk(url) == 30
        assert b"busy" in silent.recv(65536)


def test_what_is_slow_to_take_apart_delays_nobody(model: Any) -> None:
    pieces, chunks = frame(b"", 0, last=False) * 2000, b"1\r\nx\r\n" * 2000
    with running_server(TinyGenerator(model), QUICK) as url, flooding(url, frame(b"", 2, last=False) + pieces, pieces):
        chunked = raw(url)
        chunked.sendall(post_head(b"Transfer-Encoding: chunked"))
        thread = threading.Thread(target=flood, args=(chunked, chunks))
        thread.start()
        waits_s = []
        for _ in range(20):
            began = time.monotonic()
            assert healthy(url)
            waits_s.append(time.monotonic() - began)
        chunked.shutdown(socket.SHUT_RDWR)
        thread.join()
        chunked.close()
        assert np.median(waits_s) < 2  # for a machine with other work; else under 0.05


def test_costly_connections_share_a_part_of_the_time() -> None:
    turns = Turns()
    rests = [turns.take(10.0, 0.005) for _ in range(4)]
    np.testing.assert_allclose(rests, [0.05, 0.1, 0.15, 0.2])
    assert turns.take(20.0, 0.005) == pytest.approx(0.05)


@pytest.mark.parametrize(
    "target", [b"/static/%00", b"/%0a%ff", b"/static/" + b"a" * 9000, b"/static/..%2f..%2fapp.py", b"/static/%ed%a0%80"]
)
@pytest.mark.parametrize("host", [b"x", b"[", b"a b"])
def test_strange_addresses_are_not_found_and_no_failure(url: str, target: bytes, host: bytes) -> None:
    with raw(url) as connection:
        connection.sendall(b"GET " + target + b" HTTP/1.1\r\nHost: " + host + b"\r\nConnection: close\r\n\r\n")
        answer = connection.recv(65536)
    assert answer.startswith((b"HTTP/1.1 404", b"HTTP/1.1 400"))


def test_no_body_is_read_that_is_no_form(url: str) -> None:
    for kind in (
        b"application/x-www-form-urlencoded",
        b"text/plain",
        b"multipart/form-data; boundary=b; charset=utf-7",
    ):
        with raw(url) as connection:
            connection.sendall(post_head(b"Content-Length: 50000000\r\nExpect: 100-continue", kind))
            assert connection.recv(65536).startswith(b"HTTP/1.1 400 ")


def post_head(length: bytes, kind: bytes = b"multipart/form-data; boundary=b0") -> bytes:
    return b"POST /v1/generate HTTP/1.1\r\nHost: x\r\nContent-Type: " + kind + b"\r\n" + length + b"\r\n\r\n"

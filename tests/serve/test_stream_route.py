"""`WS /v1/stream`, over a real socket."""

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from factories.inputs import face_points, tone
from factories.serve import QUICK, TinyGenerator, running_server
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from kfusion.inference.generator import Generator, load
from kfusion.serve.protocol import read_frames
from kfusion.serve.refusal import STATUS

START: dict[str, Any] = {"type": "start", "version": 1, "sample_rate": 16_000}
FLUSH = '{"type": "flush"}'


@contextmanager
def opened(url: str, **options: Any) -> Iterator[ClientConnection]:
    with connect(f"{url.replace('http', 'ws')}/v1/stream", compression=None, max_size=None, **options) as socket:
        yield socket


@contextmanager
def started(url: str, **fields: Any) -> Iterator[ClientConnection]:
    with opened(url) as socket:
        socket.send(json.dumps(START | fields))
        assert json.loads(socket.recv(20))["type"] == "ready"
        yield socket


def pcm(samples: np.ndarray[Any, Any]) -> bytes:
    return np.round(samples * 32767).astype("<i2").tobytes()


def to_the_end(socket: ClientConnection) -> list[dict[str, Any]]:
    """The messages up to `end`."""
    messages = []
    while (message := json.loads(socket.recv(20)))["type"] != "end":
        messages.append(message)
    return messages


def refused(socket: ClientConnection, code: str) -> str:
    """What the error says that must come next."""
    message = json.loads(socket.recv(20))
    assert message["type"] == "error"
    assert message["code"] == code
    with pytest.raises(ConnectionClosed) as closed:
        socket.recv(20)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == STATUS[code].close
    return str(message["message"])


@pytest.fixture(scope="module")
def local(model: Path, generator: TinyGenerator) -> Generator:
    """The model of the server, without a server."""
    return load(model, threads=1)


def spoken(local: Generator, sound: np.ndarray[Any, Any], face: np.ndarray[Any, Any] | None = None) -> Any:
    """The frames (T, 68, 2) of a local stream."""
    stream = local.stream(face)
    return np.concatenate([stream.push(sound).points, stream.flush().points])


def test_ready_says_what_will_come(url: str, local: Generator) -> None:
    with opened(url) as socket:
        socket.send(json.dumps(START))
        ready = json.loads(socket.recv(20))
        assert np.array(ready.pop("face")).shape == (68, 2)
        assert ready == {
            "type": "ready",
            "version": 1,
            "model": "tiny-stream",
            "coordinates": "crop",
            "frame": "crop",
            "fps": 30,
            "look_ahead_s": local.stream().look_ahead_s,
            "lead_ms": 0.0,
            "leads_ms": [-500, 214],
            "limits": {"message_bytes": 262144, "ahead_s": 30, "idle_timeout_s": 15, "stream_s": 3600},
        }


@pytest.mark.parametrize("size", [2, 640, 3200, 9_998, 128_000])
def test_frames_are_those_of_a_local_stream_however_the_sound_is_cut(url: str, local: Generator, size: int) -> None:
    sound = tone(1.23) if size > 2 else tone(0.11)
    with started(url) as socket:
        content = pcm(sound)
        for start in range(0, len(content), size):
            socket.send(content[start : start + size])
        socket.send(FLUSH)
        pieces = to_the_end(socket)
    points = np.concatenate([piece["points"] for piece in pieces])
    np.testing.assert_array_equal(
        points, np.round(spoken(local, np.frombuffer(pcm(sound), np.int16)).astype(np.float64), 2)
    )
    firsts = np.cumsum([0] + [len(piece["points"]) for piece in pieces])
    assert [piece["first_frame"] for piece in pieces] == firsts[:-1].tolist()
    times = np.concatenate([piece["times_s"] for piece in pieces])
    np.testing.assert_allclose(times, np.arange(len(points)) / 30, atol=1e-6)


def test_binary_frames_and_float_sound_are_those_of_a_local_stream_bit_for_bit(url: str, local: Generator) -> None:
    sound, face = tone(0.5), face_points((200, 200))
    with started(url, encoding="binary", format="float32", face=face.tolist()) as socket:
        socket.send(sound.tobytes())
        socket.send(FLUSH)
        pieces = []
        while isinstance(message := socket.recv(20), bytes):
            pieces.append(read_frames(message))
    np.testing.assert_array_equal(np.concatenate([points for _, points in pieces]), spoken(local, sound, face))
    assert [first for first, _ in pieces] == [0, 3, 6, 9, 12]


def test_frames_come_while_the_sound_still_does(url: str) -> None:
    with started(url) as socket:
        socket.send(bytes(3200))
        for number in range(3):
            socket.send(bytes(3200))
            assert json.loads(socket.recv(20))["first_frame"] == 3 * number


def test_the_server_closes_normally_after_the_end(url: str) -> None:
    with started(url) as socket:
        socket.send(FLUSH)
        assert to_the_end(socket) == []
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(20)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1000


@pytest.mark.parametrize(
    ("first", "code", "said"),
    [
        ("hello", "bad_request", "is no JSON"),
        ("[" * 100_000, "bad_request", "is no JSON"),
        ("[]", "bad_request", "start: "),
        (b"\0\0", "bad_request", "start: is binary"),
        (FLUSH, "bad_request", "type: "),
        (START | {"version": 2}, "wrong_version", "speaks version 1"),
        ({"type": "start", "sample_rate": 16_000}, "bad_request", "version: Field required"),
        (START | {"sample_rate": 48_000}, "bad_request", "sample_rate is 48000: send sound of 16000 Hz"),
        (START | {"format": "mp3"}, "bad_request", "format: "),
        (START | {"speed": 2}, "bad_request", "speed: "),
        (START | {"fps": 0}, "bad_request", "fps: "),
        (START | {"fps": 1000}, "unusable_input", "fps is 1000"),
        (START | {"lead_ms": 215}, "unusable_input", "allows -500 to 214"),
        (START | {"lead_ms": float("nan")}, "bad_request", "lead_ms: "),
        (START | {"expressiveness": -1}, "unusable_input", "expressiveness is -1: use 0"),
        (START | {"face": [[1, 2]] * 67}, "bad_request", "face: "),
        (START | {"face": [[1, 2]] * 68}, "unusable_input", "eye corners"),
        (START | {"face": [[float("nan"), 2]] * 68}, "bad_request", "face"),
        (START | {"face": [[1e9, 2]] * 68}, "bad_request", "face"),
    ],
)
def test_a_wrong_start_is_refused(url: str, first: Any, code: str, said: str) -> None:
    with opened(url) as socket:
        socket.send(json.dumps(first) if isinstance(first, dict) else first)
        assert said in refused(socket, code)


@pytest.mark.parametrize(
    ("fields", "message", "code", "said"),
    [
        ({}, bytes(3), "bad_request", "3 bytes are no whole pcm16 samples"),
        ({"format": "float32"}, bytes(6), "bad_request", "6 bytes are no whole float32 samples"),
        ({"format": "float32"}, np.float32([0, np.nan]).tobytes(), "bad_request", "not a finite number"),
        ({}, "more sound", "bad_request", "send sound as binary"),
        ({}, json.dumps(START), "bad_request", "send sound as binary"),
    ],
)
def test_a_wrong_message_is_refused(url: str, fields: dict[str, Any], message: Any, code: str, said: str) -> None:
    with started(url, **fields) as socket:
        socket.send(message)
        assert said in refused(socket, code)


def test_garbage_is_sound_or_refused_but_never_a_failure(url: str) -> None:
    random = np.random.default_rng(0)
    for size in (2, 31, 320, 4096):
        with started(url) as socket:
            with suppress(ConnectionClosed):
                for _ in range(5):
                    socket.send(random.bytes(size))
                socket.send(FLUSH)
            if size % 2:
                refused(socket, "bad_request")
            else:
                to_the_end(socket)
    assert 'code="internal"' not in httpx.get(f"{url}/metrics").text


def test_a_message_that_is_too_long_ends_the_stream(url: str) -> None:
    with started(url) as socket:
        socket.send(bytes(262_146))
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(20)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009


def test_silent_clients_are_dropped_before_and_after_the_start(generator: TinyGenerator) -> None:
    settings = replace(QUICK, start_timeout_s=1, idle_timeout_s=1)
    with running_server(generator, settings) as url, opened(url) as waiting, started(url) as idle:
        assert "no message for 1 s" in refused(waiting, "timeout")
        assert "no message for 1 s" in refused(idle, "timeout")


def test_a_stream_that_lasts_too_long_is_ended(generator: TinyGenerator) -> None:
    with running_server(generator, replace(QUICK, max_stream_s=2)) as url, started(url) as socket:
        socket.send(bytes(2 * 16_000 * 3))
        while "frames" in (message := json.loads(socket.recv(20)))["type"]:
            pass
        assert message["code"] == "too_large"


def test_sound_is_read_at_the_pace_of_speech_once_it_is_far_ahead(generator: TinyGenerator) -> None:
    with running_server(generator, replace(QUICK, ahead_s=0.5)) as url, started(url) as socket:
        began = time.monotonic()
        socket.send(bytes(2 * 16_000))
        socket.send(FLUSH)
        assert len(to_the_end(socket)) == 10
        assert 0.4 < time.monotonic() - began < 15


def test_a_flood_of_empty_messages_is_slowed_down_too(generator: TinyGenerator) -> None:
    with running_server(generator, replace(QUICK, ahead_s=0.1)) as url, started(url) as socket:
        began = time.monotonic()
        for _ in range(500):
            socket.send(b"")
        socket.send(FLUSH)
        assert to_the_end(socket) == []
        assert time.monotonic() - began > 0.35


def test_a_full_server_refuses_one_more_stream_and_takes_it_later(generator: TinyGenerator) -> None:
    with running_server(generator, replace(QUICK, max_streams=2)) as url:
        with started(url), started(url), opened(url) as third:
            third.send(json.dumps(START))
            assert "2 streams" in refused(third, "busy")
            assert "kfusion_streams_active 2.0" in httpx.get(f"{url}/metrics").text
        deadline = time.monotonic() + 20
        while "kfusion_streams_active 0.0" not in httpx.get(f"{url}/metrics").text:
            assert time.monotonic() < deadline
        with started(url):
            pass


def test_more_sockets_than_places_are_turned_away_at_the_door(generator: TinyGenerator) -> None:
    with running_server(generator, replace(QUICK, max_connections=4)) as url, started(url), started(url):
        with pytest.raises(InvalidStatus), opened(url):
            pass
        assert httpx.get(f"{url}/healthz").status_code == 200


def test_only_pages_of_this_machine_and_allowed_pages_may_open_a_stream(generator: TinyGenerator) -> None:
    with running_server(generator, replace(QUICK, allow_origin="https://face.example, https://b.example/")) as url:
        host = url.removeprefix("http://")
        for origin in ("http://localhost:3000", "https://face.example", "https://b.example", url):
            with opened(url, origin=origin):
                pass
        for origin in (
            "https://evil.example",
            "null",
            "http://localhost.evil.example",
            "http://127.0.0.1.evil.example",
        ):
            with pytest.raises(InvalidStatus) as refusal, opened(url, origin=origin):
                pass
            assert refusal.value.response.status_code == 403
        rebound = {"Host": "evil.example", "Origin": "http://evil.example"}
        answer = httpx.post(f"http://{host}/v1/generate", headers=rebound)
        assert answer.json()["error"]["code"] == "forbidden_origin"


def test_a_token_is_asked_for_in_the_header_or_the_start(generator: TinyGenerator) -> None:
    with running_server(generator, replace(QUICK, token="right")) as url:
        for token in (None, "wrong", "right-"):
            with opened(url) as socket:
                socket.send(json.dumps(START | {"token": token}))
                assert "token is missing or wrong" in refused(socket, "unauthorized")
        with started(url, token="right"):
            pass
        with opened(url, additional_headers={"Authorization": "Bearer right"}) as socket:
            socket.send(json.dumps(START))
            assert json.loads(socket.recv(20))["type"] == "ready"


def test_streams_at_once_do_not_mix(url: str, local: Generator) -> None:
    levels = np.linspace(0.1, 0.8, 8)
    heard: dict[int, np.ndarray[Any, Any]] = {}

    def talk(number: int) -> None:
        with started(url) as socket:
            for block in np.split(tone(1.0, level=levels[number]), 20):
                socket.send(pcm(block))
            socket.send(FLUSH)
            heard[number] = np.concatenate([piece["points"] for piece in to_the_end(socket)])

    threads = [threading.Thread(target=talk, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, level in enumerate(levels):
        wanted = spoken(local, np.frombuffer(pcm(tone(1.0, level=level)), np.int16))
        np.testing.assert_array_equal(heard[number], np.round(wanted.astype(np.float64), 2))


def test_an_error_of_the_server_is_told_and_counted(model: Any) -> None:
    generator = TinyGenerator(model)
    with running_server(generator) as url:
        generator.stream = lambda *_, **__: 1 / 0  # type: ignore[method-assign,assignment]
        with opened(url) as socket:
            socket.send(json.dumps(START))
            assert "the server failed" in refused(socket, "internal")
        assert 'kfusion_refused_total{code="internal"} 1.0' in httpx.get(f"{url}/metrics").text


def test_what_was_done_is_counted(generator: TinyGenerator) -> None:
    with running_server(generator) as url:
        with started(url) as socket:
            socket.send(pcm(tone(1.0)))
            socket.send(FLUSH)
            to_the_end(socket)
        text = httpx.get(f"{url}/metrics").text
    assert 'kfusion_frames_total{way="stream"} 30.0' in text
    (speech_s,) = re.findall(r'kfusion_speech_seconds_total{way="stream"} (.*)', text)
    assert float(speech_s) == pytest.approx(1)
    assert "kfusion_stream_block_seconds_count 9.0" in text

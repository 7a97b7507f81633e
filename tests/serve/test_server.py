"""A server that is told to stop."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from factories.inputs import tone, write_wav
from factories.serve import QUICK, TinyGenerator
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from kfusion.serve.app import create_app
from kfusion.serve.client import Client, ServiceError
from kfusion.serve.server import listen, make_server
from kfusion.serve.settings import ServerSettings

START = json.dumps({"type": "start", "version": 1, "sample_rate": 16_000})
SECOND = np.round(tone(1.0) * 32767).astype("<i2").tobytes()


class StoppableServer:
    def __init__(self, server: Any, port: int, thread: threading.Thread) -> None:
        self.server, self.port, self.thread = server, port, thread
        self.url = f"http://127.0.0.1:{port}"

    def signal(self, number: signal.Signals) -> None:
        self.server.handle_exit(number, None)

    @contextmanager
    def stream(self) -> Iterator[ClientConnection]:
        with connect(f"ws://127.0.0.1:{self.port}/v1/stream") as socket:
            socket.send(START)
            assert json.loads(socket.recv(5))["type"] == "ready"
            yield socket

    def wait_for_draining(self) -> httpx.Response:
        for _ in range(200):
            answer = httpx.get(f"{self.url}/readyz")
            if answer.status_code == 503:
                return answer
            time.sleep(0.02)
        pytest.fail("the server is ready still")


@contextmanager
def server(generator: TinyGenerator, settings: ServerSettings = QUICK) -> Iterator[StoppableServer]:
    with listen(settings) as listener:
        made = make_server(create_app(settings, generator), settings)
        thread = threading.Thread(target=made.run, kwargs={"sockets": [listener]})
        thread.start()
        while not made.started:
            time.sleep(0.005)
        try:
            yield StoppableServer(made, listener.getsockname()[1], thread)
        finally:
            made.handle_exit(signal.SIGINT, None)
            thread.join(10)
            assert not thread.is_alive()


def finish(socket: ClientConnection) -> int:
    """The frames of a stream that is flushed."""
    socket.send(json.dumps({"type": "flush"}))
    return sum(len(message.get("points", [])) for message in map(json.loads, socket))


def test_a_stream_that_was_begun_is_served_to_its_end_and_nothing_new_is_begun(
    generator: TinyGenerator, tmp_path: Path
) -> None:
    speech = write_wav(tmp_path / "speech.wav", tone(0.5))
    with server(generator) as running, running.stream() as old:
        assert httpx.get(f"{running.url}/readyz").json() == {"status": "ready"}
        running.signal(signal.SIGTERM)
        assert running.wait_for_draining().json() == {"status": "draining"}
        assert httpx.get(f"{running.url}/healthz").status_code == 200
        assert "kfusion_ready 0.0" in httpx.get(f"{running.url}/metrics").text
        old.send(SECOND)
        with connect(f"ws://127.0.0.1:{running.port}/v1/stream") as new:
            new.send(START)
            assert json.loads(new.recv(5))["code"] == "restarting"
            with pytest.raises(ConnectionClosed):
                new.recv(5)
            assert new.close_code == 1012
        with speech.open("rb") as file:
            answer = httpx.post(f"{running.url}/v1/generate", files={"audio": file})
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "restarting")
        assert "Retry-After" in answer.headers
        assert running.thread.is_alive()
        assert finish(old) == 30
        running.thread.join(5)
        assert not running.thread.is_alive(), "the last stream has ended, so the server ends"


def test_a_client_is_told_to_connect_again_by_a_server_that_goes_and_by_one_that_is_gone(
    generator: TinyGenerator, model: Path
) -> None:
    with server(generator, replace(QUICK, drain_s=0.3)) as running, Client(running.url).stream() as stream:
        running.signal(signal.SIGTERM)
        running.thread.join(5)
        with pytest.raises(ServiceError, match="connect again") as told:
            [stream.push(tone(0.5)), stream.flush()]
        assert told.value.code == "restarting"
    with killable_server(model) as (process, url), Client(url).stream() as stream:
        process.kill()
        process.wait()
        with pytest.raises(ServiceError, match=r"the server is gone .*: connect again") as told:
            [stream.push(tone(0.5)), stream.flush()]
        assert told.value.code == "restarting"


@contextmanager
def killable_server(model: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, "-m", "kfusion", "serve", "--port", "0", "--model", str(model), "--max-streams", "4"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def test_streams_that_take_longer_than_the_grace_are_told_to_connect_again(generator: TinyGenerator) -> None:
    with server(generator, replace(QUICK, drain_s=0.3)) as running, running.stream() as socket:
        running.signal(signal.SIGTERM)
        assert json.loads(socket.recv(5)) == {
            "type": "error", "code": "restarting", "message": "the server restarts: connect again",
        }  # fmt: skip
        with pytest.raises(ConnectionClosed):
            socket.recv(5)
        assert socket.close_code == 1012
        running.thread.join(5)
        assert not running.thread.is_alive()


@pytest.mark.parametrize("signals", [[signal.SIGINT], [signal.SIGTERM, signal.SIGTERM]])
def test_ctrl_c_and_a_second_signal_do_not_wait(signals: list[signal.Signals], generator: TinyGenerator) -> None:
    with server(generator) as running, running.stream():
        begun_s = time.monotonic()
        for number in signals:
            running.signal(number)
            time.sleep(0.2)
        running.thread.join(8)
        assert not running.thread.is_alive()
        assert time.monotonic() - begun_s < 6

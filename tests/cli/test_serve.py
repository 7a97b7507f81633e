"""`kfusion serve`, as a process of its own."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from factories.inputs import tone, write_stream_bundle, write_wav

from kfusion.serve.client import Client


@contextmanager
def process(*words: object, **environment: str) -> Iterator["subprocess.Popen[str]"]:
    line = [sys.executable, "-m", "kfusion", "serve", *(str(word) for word in words)]
    with subprocess.Popen(
        line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | environment
    ) as running:
        try:
            yield running
        finally:
            running.kill()


def refused(*words: object, **environment: str) -> str:
    """The one line of a start that must fail."""
    with process(*words, **environment) as running:
        shown, notes = running.communicate(timeout=30)
        assert running.returncode == 2, notes
    assert shown == ""
    (line,) = notes.splitlines()
    assert line.startswith("kfusion: error: ")
    return line


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_stream_bundle(tmp_path_factory.mktemp("model") / "model.onnx")


def test_it_prints_its_address_serves_and_stops_when_told(model: Path, tmp_path: Path) -> None:
    with process("--port", 0, "--model", model, KFUSION_TOKEN="from-outside") as running:
        assert running.stdout is not None
        url = running.stdout.readline().strip()
        assert httpx.get(f"{url}/healthz").json()["model"] == "tiny-stream"
        speech = write_wav(tmp_path / "speech.wav", tone(0.5))
        assert httpx.post(f"{url}/v1/generate").status_code == 401
        assert len(Client(url, "from-outside").generate(speech)) == 15
        running.send_signal(signal.SIGTERM)
        _, notes = running.communicate(timeout=30)
        assert (running.returncode, notes) == (128 + signal.SIGTERM, "")


def test_a_port_that_is_taken_is_one_line(model: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = refused("--port", port, "--model", model)
    assert f"127.0.0.1:{port}: cannot listen (Address already in use)" in line


def test_an_address_that_is_not_of_this_machine_is_one_line(model: Path) -> None:
    assert "cannot listen" in refused("--host", "192.0.2.1", "--allow-open", "--port", 0, "--model", model)


def test_everyone_is_not_let_in_by_accident(model: Path) -> None:
    assert "KFUSION_TOKEN" in refused("--host", "0.0.0.0", "--model", model, KFUSION_TOKEN="")


def test_a_missing_package_is_one_line() -> None:
    program = "import sys; sys.modules['fastapi'] = None; from kfusion.cli.main import main; sys.exit(main(['serve']))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "kfusion: error: kfusion serve needs packages that are not installed: pip install 'kfusion[serve]'"
    ]


def test_a_missing_model_and_a_wrong_limit_are_one_line(tmp_path: Path) -> None:
    assert "none.onnx" in refused("--model", tmp_path / "none.onnx")
    assert "max_streams is 0" in refused("--max-streams", 0)

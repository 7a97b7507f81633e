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
import numpy as np
import pytest
from factories.inputs import tone, write_stream_bundle, write_wav

import kfusion
from kfusion.serve.client import Client, ServiceError


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


def test_a_lead_for_all_who_ask_for_none(model: Path, tmp_path: Path) -> None:
    speech, local = write_wav(tmp_path / "speech.wav", tone(0.5)), kfusion.load(model, threads=1)
    with process("--port", 0, "--model", model, "--lead-ms", -100, "--expressiveness", 1.5) as running:
        assert running.stdout is not None
        client = Client(running.stdout.readline().strip())
        expected = local.generate(speech, lead_ms=-100, expressiveness=1.5)
        np.testing.assert_array_equal(client.generate(speech).points, expected.points)
        np.testing.assert_array_equal(
            client.generate(speech, lead_ms=0, expressiveness=1).points, local.generate(speech).points
        )
        with client.stream(lead_ms=40) as stream:
            assert (stream.lead_ms, stream.look_ahead_s) == (40, local.stream(lead_ms=40).look_ahead_s)


def test_a_lead_that_streams_cannot_have_is_told_at_the_start(model: Path) -> None:
    with process("--port", 0, "--model", model, "--lead-ms", 300) as running:
        assert running.stdout is not None
        client = Client(running.stdout.readline().strip())
        with pytest.raises(ServiceError, match="allows -500 to 214"), client.stream():
            pass
        with client.stream(lead_ms=0) as stream:
            assert stream.leads_ms == (-500, 214)
        running.send_signal(signal.SIGTERM)
        _, notes = running.communicate(timeout=30)
    assert "streams must ask for a lead_ms of their own: lead_ms is 300" in notes


@pytest.mark.parametrize(
    ("words", "reason"),
    [(("--lead-ms", 600), "lead_ms is 600: use -500 to 500"), (("--expressiveness", 3), "expressiveness is 3: use 0")],
)
def test_motion_that_there_cannot_be_is_one_line(words: tuple[object, ...], reason: str) -> None:
    assert reason in refused("--port", 0, *words)


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

"""Against the real Ray Serve: a local cluster of two replicas, offline."""

import json
import re
import secrets
import socket
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from factories.inputs import tone, write_stream_bundle, write_wav

from kfusion.errors import InputError

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Ray's own, of its dependencies
    ray = pytest.importorskip("ray", reason="ray is not installed")
    serve = pytest.importorskip("ray.serve", reason="ray[serve] is not installed")

import httpx
from websockets.sync.client import connect

from kfusion.integrations.ray import build

REQUESTS = 24


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Host and port of a cluster with the service on two replicas, which leaves nothing behind."""
    model = write_stream_bundle(tmp_path_factory.mktemp("ray") / "stream.onnx")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # A short path, because Ray puts sockets there.
    with (
        tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as root,
        pytest.MonkeyPatch.context() as patch,
    ):
        (Path(root) / "token").write_text(secrets.token_hex(32))
        patch.setenv("RAY_AUTH_TOKEN_PATH", f"{root}/token")
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        ray.init(
            num_cpus=2, object_store_memory=100_000_000, include_dashboard=False, log_to_driver=False, _temp_dir=root
        )
        try:
            serve.start(http_options={"host": "127.0.0.1", "port": port})
            serve.run(build({"replicas": "2", "model": str(model)}))
            yield f"127.0.0.1:{port}"
        finally:
            serve.shutdown()
            ray.shutdown()


@pytest.mark.slow
def test_both_replicas_answer_recordings_streams_and_questions(address: str, tmp_path: Path) -> None:
    speech = write_wav(tmp_path / "speech.wav", tone(1.0))
    with httpx.Client(base_url=f"http://{address}", timeout=20) as client:
        with speech.open("rb") as file:
            answer = client.post("/v1/generate", files={"audio": file})
        assert answer.status_code == 200, answer.text
        assert np.shape(answer.json()["landmarks"]) == (30, 68, 2)
        assert streamed_frames(address, tone(1.0)) == 30
        # Each replica counts for itself: no count reaches the total once both have answered.
        for _ in range(REQUESTS):
            assert client.get("/healthz").json()["model"] == "tiny-stream"
        counts = {counted(client.get("/metrics").text) for _ in range(REQUESTS)}
    assert 0 < max(counts) < REQUESTS


def streamed_frames(address: str, samples: np.ndarray) -> int:
    with connect(f"ws://{address}/v1/stream") as socket:
        socket.send(json.dumps({"type": "start", "version": 1, "sample_rate": 16_000}))
        socket.send(np.round(samples * 32767).astype("<i2").tobytes())
        socket.send(json.dumps({"type": "flush"}))
        return sum(len(message.get("points", [])) for message in map(json.loads, socket))


def counted(metrics: str) -> float:
    pattern = r'^kfusion_requests_total\{path="/healthz",status="200"\} ([\d.]+)$'
    found = re.search(pattern, metrics, re.MULTILINE)
    return float(found[1]) if found else 0.0


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"replicas": "0"}, "replicas is '0': use 1 or more"),
        ({"replicas": 1.5}, "replicas is 1.5: use 1 or more"),
        ({"colour": "red"}, "colour"),
        ({"max_streams": "many"}, "max-streams"),
        ({"max_streams": -1}, "max_streams is -1: use a number above 0"),
        ({"host": "0.0.0.0"}, "there is no token"),
    ],
)
def test_settings_that_cannot_be_used_are_refused_before_anything_starts(monkeypatch, arguments, reason) -> None:
    monkeypatch.delenv("KFUSION_TOKEN", raising=False)
    with pytest.raises(InputError, match=reason):
        build(arguments)


@pytest.mark.parametrize("word", [True, "true", "yes"])
def test_words_of_a_command_line_and_values_of_a_file_are_both_understood(monkeypatch, word) -> None:
    monkeypatch.delenv("KFUSION_TOKEN", raising=False)
    assert isinstance(
        build({"host": "0.0.0.0", "allow_open": word, "max_streams": "4", "max_body_mb": 1}), serve.Application
    )

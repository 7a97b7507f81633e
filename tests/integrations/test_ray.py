"""Against the real Ray Serve: a local cluster of two replicas, offline."""

import json
import re
import runpy
import secrets
import socket
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack
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
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from kfusion.integrations.ray import build

REQUESTS, STREAMS = 24, 8
START = json.dumps({"type": "start", "version": 1, "sample_rate": 16_000})
REPLICA = "SERVE_REPLICA::default#kfusion"
RECONNECT = {1006, 1012}


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
            num_cpus=4, object_store_memory=100_000_000, include_dashboard=False, log_to_driver=False, _temp_dir=root
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


@pytest.mark.slow
def test_a_replica_that_is_killed_ends_its_own_streams_and_no_other(address: str) -> None:
    """A killed replica can say nothing, so Ray Serve's proxy ends its streams; no other one notices."""
    with ExitStack() as opened:
        sockets = [opened.enter_context(connect(f"ws://{address}/v1/stream")) for _ in range(STREAMS)]
        for socket in sockets:
            socket.send(START)
            assert json.loads(socket.recv(20))["type"] == "ready"
        victim = next(
            actor["name"] for actor in ray.util.list_named_actors(all_namespaces=True) if REPLICA in actor["name"]
        )
        ray.kill(ray.get_actor(victim, namespace="serve"))
        ended = [end_of(socket) for socket in sockets]
    lost = [end for end in ended if end != 30]
    assert 0 < len(lost) < STREAMS
    assert set(lost) <= RECONNECT, lost


def end_of(socket: ClientConnection) -> int:
    """The frames of a stream of 1 s, or the close code where it was broken off."""
    try:
        return sent_frames(socket, tone(1.0))
    except ConnectionClosed:
        return int(socket.close_code or 1006)


@pytest.mark.slow
def test_more_streams_bring_another_replica(address: str, tmp_path: Path) -> None:
    model = write_stream_bundle(tmp_path / "stream.onnx")
    scaled = build({"replicas": "1-2", "streams_a_replica": "2", "model": str(model)})
    serve.run(scaled, name="scaled", route_prefix="/scaled")
    silence = np.zeros(1600, "<i2").tobytes()
    try:
        assert running_replicas("scaled") == 1
        with ExitStack() as opened:
            url = f"ws://{address}/scaled/v1/stream"
            sockets = [opened.enter_context(connect(url)) for _ in range(5)]
            for socket in sockets:
                socket.send(START)
            for _ in range(900):
                for socket in sockets:
                    socket.send(silence)
                if running_replicas("scaled") == 2:
                    break
                time.sleep(0.1)
            assert running_replicas("scaled") == 2
    finally:
        serve.delete("scaled")


def running_replicas(application: str) -> int:
    states = serve.status().applications[application].deployments["kfusion"].replica_states
    return int(states.get("RUNNING", 0))


def test_replicas_may_be_as_many_as_the_streams_ask_for(monkeypatch) -> None:
    monkeypatch.delenv("KFUSION_TOKEN", raising=False)
    config = deployment_of(build({"replicas": "2-20", "streams_a_replica": "6", "drain_s": "90"}))
    scaling = config.autoscaling_config
    assert (scaling.min_replicas, scaling.max_replicas, scaling.target_ongoing_requests) == (2, 20, 6)
    assert config.graceful_shutdown_timeout_s == 90
    assert deployment_of(build({"replicas": 3})).num_replicas == 3


def deployment_of(application):
    return application._bound_deployment._deployment_config


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning")
def test_the_example_trains_in_two_processes(address: str, tmp_path: Path, monkeypatch) -> None:
    """In whatever cluster there is: here that of the service."""
    pytest.importorskip("ray.train.torch", reason="ray[train] is not installed")
    pytest.importorskip("lightning", reason="the extra 'train' is not installed")
    from factories.training import write_data_set

    words = ["tiny", "--data", str(write_data_set(tmp_path / "data")), "-o", str(tmp_path / "run"), "--epochs", "1"]
    monkeypatch.setattr("sys.argv", ["train_ray.py", *words, "--processes", "2", "--batch-size", "1", "--tries", "0"])
    runpy.run_path(str(Path(__file__).parents[2] / "examples" / "train_ray.py"), run_name="__main__")
    assert json.loads((tmp_path / "run" / "last" / "config.json").read_text())["finished"]


def streamed_frames(address: str, samples: np.ndarray) -> int:
    with connect(f"ws://{address}/v1/stream") as socket:
        socket.send(START)
        return sent_frames(socket, samples)


def sent_frames(socket: ClientConnection, samples: np.ndarray) -> int:
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
        ({"replicas": 1.5}, "replicas is '1.5': use 1 or more"),
        ({"replicas": "4-2"}, "replicas is '4-2': use FEWEST-MOST"),
        ({"replicas": "2-"}, "replicas is '2-': use 1 or more"),
        ({"streams_a_replica": "few"}, "streams_a_replica is 'few'"),
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

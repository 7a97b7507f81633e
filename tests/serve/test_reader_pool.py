"""Strangers' files are read by processes that are bounded, can be stopped at any moment, and leave nothing behind."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import gettempdir

import httpx
import numpy as np
import pytest
from factories.inputs import tone, write_stream_bundle, write_wav
from factories.serve import QUICK, TinyGenerator, running_server

from kfusion import assets
from kfusion.serve import reader_processes
from kfusion.serve.confine import Limits
from kfusion.serve.reader import FormOrder
from kfusion.serve.reader_pool import ReaderPool
from kfusion.serve.refusal import RefusedError
from kfusion.serve.service_metrics import ServiceMetrics
from kfusion.serve.settings import ServerSettings

LONG = replace(QUICK, max_duration_s=1e6)
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture(scope="module")
def hours(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A WAV of two hours at 4 kHz: many seconds of work."""
    noise = np.random.default_rng(0).integers(-9999, 9999, 4000, np.int16)
    path = write_wav(tmp_path_factory.mktemp("long") / "a.wav", np.tile(noise, 7200).astype(np.float32) / 32768, 4000)
    return path.read_bytes()


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_wav(tmp_path_factory.mktemp("short") / "a.wav", tone(1.0)).read_bytes()


def post(url: str, content: bytes, timeout_s: float = 60, **files: tuple[str, bytes]) -> httpx.Response:
    return httpx.post(f"{url}/v1/generate", files={"audio": ("a.wav", content), **files}, timeout=timeout_s)


def refused(answer: httpx.Response) -> str:
    assert answer.status_code == 422, answer.text
    error = answer.json()["error"]
    assert error["code"] == "unusable_input"
    assert error["message"].isprintable()
    return str(error["message"])


def reads(url: str, end: str) -> bool:
    return f'kfusion_reads_total{{end="{end}"}} ' in httpx.get(f"{url}/metrics").text


def until(true: Callable[[], bool], limit_s: float = 20) -> bool:
    deadline = time.monotonic() + limit_s
    while not (done := true()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return done


def spooled() -> set[Path]:
    return set(Path(gettempdir()).glob("kfusion-*"))


def descendants(process: int) -> set[int]:
    children = {
        int(word)
        for path in Path(f"/proc/{process}/task").glob("*/children")
        if path.exists()
        for word in path.read_text().split()
    }
    return children | {number for child in children for number in descendants(child)}


def test_a_file_that_takes_too_long_is_refused_and_others_are_served_meanwhile(
    generator: TinyGenerator, hours: bytes, second: bytes
) -> None:
    with running_server(generator, replace(LONG, read_cpu_s=2)) as url:
        with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))) as slow:
            request = httpx.Request("POST", f"{url}/v1/generate", files={"audio": ("a.wav", hours)})
            lines = [f"{name}: {value}" for name, value in request.headers.items()]
            slow.sendall("\r\n".join(["POST /v1/generate HTTP/1.1", *lines, "", ""]).encode() + request.read())
            assert post(url, second).status_code == 200
        assert refused(post(url, hours)).startswith("the files took more than ")
        assert reads(url, "limit")
        assert post(url, second).status_code == 200


@LINUX
def test_a_file_that_takes_too_much_memory_is_refused(generator: TinyGenerator, second: bytes) -> None:
    with running_server(generator, replace(QUICK, read_memory_mb=40)) as url:
        message = refused(post(url, second, face=("a.jpg", assets.SAMPLE_PORTRAIT.read_bytes())))
        assert "MB" in message or "memory" in message.lower()
        assert httpx.get(f"{url}/healthz").status_code == 200


@LINUX
def test_nothing_is_left_when_a_client_hangs_up(generator: TinyGenerator, hours: bytes) -> None:
    before, own = spooled(), descendants(os.getpid())
    with running_server(generator, LONG) as url:
        (fork_server,) = descendants(os.getpid()) - own
        with pytest.raises(httpx.ReadTimeout):
            post(url, hours, timeout_s=1.5)
        assert until(lambda: reads(url, "stopped"))
        assert until(lambda: descendants(fork_server) == set())
        assert until(lambda: spooled() == before)
    assert until(lambda: descendants(os.getpid()) == own)


@contextmanager
def serving(model: Path) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    line = [sys.executable, "-m", "kfusion", "serve", "--port", "0", "--max-duration-s", "1e6", "--model", str(model)]
    line += ["--drain-s", "0.1"]
    environment = os.environ | {"KFUSION_TOKEN": ""}
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


@LINUX
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_server_that_is_stopped_takes_its_work_with_it(tmp_path: Path, hours: bytes, number: signal.Signals) -> None:
    before = spooled()
    with serving(write_stream_bundle(tmp_path / "model.onnx")) as (process, url):
        answers: list[str] = []
        client = threading.Thread(target=ask, args=(url, hours, answers))
        client.start()
        assert until(lambda: len(descendants(process.pid)) == 2)
        processes = descendants(process.pid)
        began = time.monotonic()
        process.send_signal(number)
        assert process.wait(20) == (128 + number if number == signal.SIGTERM else -number)
        assert time.monotonic() - began < 10  # for a machine with other work; else under 2
        assert until(lambda: not any(Path(f"/proc/{one}").exists() for one in processes))
        client.join()
        assert process.stderr is not None
        assert process.stderr.read() == ""
    if number == signal.SIGTERM:
        assert spooled() == before
        assert "busy" in answers[0]
    for folder in spooled() - before:  # of the server that could not clean up
        shutil.rmtree(folder)


def ask(url: str, content: bytes, answers: list[str]) -> None:
    try:
        answers.append(post(url, content).text)
    except httpx.HTTPError as error:
        answers.append(repr(error))


@LINUX
def test_a_nursery_that_died_is_replaced(generator: TinyGenerator, second: bytes) -> None:
    own = descendants(os.getpid())
    with running_server(generator) as url:
        (fork_server,) = descendants(os.getpid()) - own
        os.kill(fork_server, signal.SIGKILL)
        assert until(lambda: fork_server not in descendants(os.getpid()))
        assert post(url, second).status_code == 200


@LINUX
def test_readers_know_nothing_of_the_servers_secrets(generator: TinyGenerator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KFUSION_TOKEN", "very-secret")
    own = descendants(os.getpid())
    with running_server(generator):
        (fork_server,) = descendants(os.getpid()) - own
        known = Path(f"/proc/{fork_server}/environ").read_text()
    assert "secret" not in known
    assert "PATH=\0" in known


def test_where_nothing_can_be_forked_processes_are_started(
    generator: TinyGenerator, second: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader_processes, "FORKS", False)
    with running_server(generator) as url:
        answer = post(url, second, face=("a.jpg", assets.SAMPLE_PORTRAIT.read_bytes()))
        assert answer.status_code == 200, answer.text
        assert "cannot decode the sound" in refused(post(url, b"words " * 99))


def test_what_is_worth_knowing_about_the_files_is_told(generator: TinyGenerator, tmp_path: Path) -> None:
    loud = write_wav(tmp_path / "a.wav", np.sign(tone(1.0)) * np.float32(1)).read_bytes()
    with running_server(generator) as url:
        (note,) = json.loads(post(url, loud).headers["kfusion-notes"])
        assert "clipped" in note


def test_a_failure_of_a_reader_is_one_line_in_the_log_and_an_internal_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def work() -> None:
        readers = ReaderPool(ServerSettings(), ServiceMetrics())
        try:
            async with readers.take() as reader:
                await reader.form(Path("/nowhere/at/all"), "b")
        finally:
            await readers.close()

    with pytest.raises(RefusedError, match="the server failed") as failed:
        asyncio.run(work())
    assert failed.value.code == "internal"
    (line,) = caplog.messages
    assert "FileNotFoundError" in line
    assert "\n" not in line


ESCAPES = """
import os, socket, subprocess, sys
from pathlib import Path
from kfusion.serve.confine import stay_inside

folder, outside, port = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
if not stay_inside(folder):
    print("no Landlock")
    sys.exit()
(folder / "mine").write_text("x")
assert (folder / "mine").read_text() == "x"
Path(os.devnull).write_text("x")
attempts = {
    "read": outside.read_text,
    "write": lambda: outside.with_name("new").write_text("x"),
    "run": lambda: subprocess.run(["/bin/true"], check=True),
    "run own": lambda: os.execv(sys.executable, [sys.executable]),
}
for name, attempt in attempts.items():
    try:
        attempt()
    except PermissionError:
        continue
    print(name)
print("end")
"""


@LINUX
def test_a_reader_can_start_no_program_and_reach_no_other_file(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    (tmp_path / "secret").write_text("secret")
    words = [sys.executable, "-c", ESCAPES, str(tmp_path / "inside"), str(tmp_path / "secret"), "0"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    if done.stdout == "no Landlock\n":
        pytest.skip("the kernel has no Landlock")
    assert done.stdout == "end\n"


def test_orders_that_make_no_sense_end_a_reader() -> None:
    async def work() -> None:
        processes = reader_processes.reader_processes(Limits(cpu_s=5, memory_mb=1000, file_mb=1))
        process = await processes.start()
        process.outgoing.write(b"{}\n")
        assert b"internal" in await process.incoming.read()
        await process.end()
        process.kill()
        await processes.close()

    asyncio.run(asyncio.wait_for(work(), 30))
    assert FormOrder(folder="a", boundary="b").folder == "a"

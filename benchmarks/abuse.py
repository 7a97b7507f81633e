"""Streams through the real server while clients do their worst to it.

Usage: python benchmarks/abuse.py [--seconds 60] [--streams 8] [--only KIND ...]

Plays every file, body and behaviour of benchmarks/hostile.py over and over, from one process on loopback, while so
many streams speak. Prints how late their frames were without and with it, every answer by code, the memory of
the server and of its processes at their most, and what is left at the end. Exits with 1 if a frame was lost, an
honest recording was not answered, the server answered 500, or something is left. Latencies say something on a quiet
machine only. Hostile clients stand for other machines: theirs is the processor time that the service and the honest
clients leave.
"""

import argparse
import contextlib
import itertools
import os
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

import hostile
import httpx
from speed import child
from speed.server import Server, serving

from kfusion import assets

QUIET_S = 10
STOP_LIMIT_S = 3
SILENT = 300
"""Silent sockets at once, more than half of what the server holds."""
UPGRADE = (
    b"GET /v1/stream HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
SLOW_BODY = hostile.head(hostile.FORM, b"Content-Length: 99999") + b"x" * 9999
SLOW_HEAD = b"GET / HTTP/1.1\r\nX-Slow: " + b"y" * 9999
FLOODS = (
    hostile.frame(b"", 9) * 2000,
    hostile.frame(b"", 2) * 2000,
    hostile.frame(b"", 0, last=False) * 2000,
)
"""Pings, empty messages, and a message in empty pieces that does not end."""
START = hostile.frame(b'{"type": "start", "version": 1, "sample_rate": 16000}', 1)


@dataclass(slots=True)
class Found:
    """What the clients saw."""

    until: float
    """End of the abuse, `time.monotonic`."""
    answers: Counter[str] = field(default_factory=Counter)
    honest_s: list[float] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)

    def going(self) -> bool:
        return time.monotonic() < self.until


def main() -> int:
    parser = argparse.ArgumentParser(description="streams among hostile clients", epilog="see the top of the file")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--streams", type=int, default=8)
    parser.add_argument("--only", nargs="+", choices=KINDS, default=[*KINDS], metavar="KIND", help=", ".join(KINDS))
    arguments = parser.parse_args()
    requests = hostile_requests()
    with TemporaryDirectory() as folder:
        os.environ["TMPDIR"] = folder
        return play(arguments, requests, Path(folder))


def play(arguments: argparse.Namespace, requests: list[bytes], folder: Path) -> int:
    """Everything, with a server whose temporary files go into `folder`."""
    with serving(None, "--max-streams", str(arguments.streams + 2)) as server:
        quiet = talk(server, arguments.streams, QUIET_S)
        with ThreadPoolExecutor(1) as pool:
            talking = pool.submit(talk, server, arguments.streams, arguments.seconds)
            time.sleep(1)
            found, most_mb = abuse(server, arguments.only, requests, arguments.seconds - 3, talking)
            loud = talking.result()
        left = left_over(server)
        stop_s, slow = stop_under_work(server)
    left += [f"folder {path}" for path in folder.iterdir()]
    report(quiet, loud, found, most_mb)
    print(f"stopped {stop_s:.1f} s after SIGTERM, with slow files at work")
    print("left: " + ("; ".join(left + slow) or "nothing"))
    bad = loud["missing"] or loud["failures"] or found.lost or found.answers["500"] or left or slow
    return 1 if bad or stop_s > STOP_LIMIT_S else 0


def talk(server: Server, streams: int, seconds: int) -> dict[str, Any]:
    """What honest streams got."""
    return child.call("speed.talkers:talk", 2, url=server.url, streams=streams, seconds=seconds)


def hostile_requests() -> list[bytes]:
    """Whole requests, the one that takes longest first."""
    requests = [hostile.post(hostile.FORM, hostile.form(*file)) for file in hostile.files().values()]
    requests += [hostile.post(*body) for body in hostile.bodies().values()]
    return [*requests, hostile.one_byte_chunks(30_000), b"\xff" * 65_536]


def abuse(
    server: Server, only: list[str], requests: list[bytes], seconds: float, talking: "Future[Any]"
) -> tuple[Found, dict[str, float]]:
    """Everything at once, until the time is over."""
    found = Found(time.monotonic() + seconds)
    tasks = [task for kind in only for task in KINDS[kind](server, found, requests)]
    threads = [threading.Thread(target=_from_afar, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    most = {"server": 0.0, "processes": 0.0, "one process": 0.0}
    while found.going() and not talking.done():
        sizes = [rss_mb(process) for process in descendants(server.pid)]
        here = {"server": rss_mb(server.pid), "processes": sum(sizes), "one process": max(sizes, default=0.0)}
        most = {name: max(most[name], here[name]) for name in most}
        time.sleep(0.05)
    found.until = 0.0
    for thread in threads:
        thread.join()
    return found, most


def _from_afar(task: Callable[[], None]) -> None:
    """Do `task` at the lowest priority, where threads have one of their own."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
    task()


@contextlib.contextmanager
def connected(server: Server, limit_s: float = 60) -> Iterator[socket.socket]:
    host, port = server.url.removeprefix("http://").split(":")
    with contextlib.suppress(OSError), socket.create_connection((host, int(port)), limit_s) as connection:
        yield connection


def honest(server: Server, found: Found) -> None:
    """A recording with a portrait, again and again; `busy` is an answer, and it comes again as it is told to."""
    while found.going():
        began = time.monotonic()
        files = {"audio": ("speech.flac", assets.SAMPLE_SPEECH.read_bytes())}
        try:
            answer = httpx.post(f"{server.url}/v1/generate", files=files, timeout=120)
        except httpx.HTTPError as error:
            found.lost.append(repr(error))
            continue
        if answer.status_code == 200:
            found.honest_s.append(time.monotonic() - began)
        elif answer.status_code != 503:
            found.lost.append(answer.text)
        found.answers[f"honest {answer.status_code}"] += 1
        time.sleep(1)


def posts(server: Server, found: Found, requests: list[bytes]) -> None:
    for request in itertools.cycle(requests):
        if not found.going():
            return
        with connected(server) as connection:
            with contextlib.suppress(ConnectionError):  # refused before it was sent whole
                connection.sendall(request)
            found.answers[connection.recv(4096)[9:12].decode("latin-1") or "closed"] += 1


def hang_up(server: Server, found: Found, request: bytes) -> None:
    while found.going():
        with connected(server) as connection:
            connection.sendall(request)
            time.sleep(0.5)
        found.answers["hung up"] += 1


def drip(server: Server, found: Found, content: bytes) -> None:
    while found.going():
        with connected(server) as connection:
            for drop in hostile.drips(content, 1):
                if not found.going():
                    return
                connection.sendall(drop)
                time.sleep(0.2)
        found.answers["dropped while dripping"] += 1


def flood(server: Server, found: Found, content: bytes) -> None:
    while found.going():
        with connected(server, 5) as connection:
            connection.sendall(UPGRADE)
            connection.recv(4096)
            connection.sendall(START)
            while found.going():
                connection.sendall(content)
        found.answers["dropped while flooding"] += 1


def silence(server: Server, found: Found, first: bytes) -> None:
    """More sockets than the server holds, which say nothing."""
    while found.going():
        with contextlib.ExitStack() as opened:
            for _ in range(SILENT):
                with contextlib.suppress(OSError, RuntimeError):
                    opened.enter_context(connected(server)).sendall(first)
            found.answers["silent sockets"] += SILENT
            time.sleep(4)


Tasks: TypeAlias = list[Callable[[], None]]
KINDS: dict[str, Callable[[Server, Found, list[bytes]], Tasks]] = {
    "honest": lambda server, found, _: [lambda: honest(server, found)],
    "files": lambda server, found, requests: [
        lambda half=half: posts(server, found, half) for half in (requests[::2], requests[1::2])
    ],
    "hang-up": lambda server, found, requests: [lambda: hang_up(server, found, requests[0])],
    "bodies": lambda server, found, _: [lambda: drip(server, found, SLOW_BODY)] * 8,
    "heads": lambda server, found, _: [lambda: drip(server, found, SLOW_HEAD)] * 8,
    "floods": lambda server, found, _: [
        lambda content=content: flood(server, found, content) for content in FLOODS * 2
    ],
    "silence": lambda server, found, _: [lambda first=first: silence(server, found, first) for first in (b"", UPGRADE)],
}
"""What clients do -> the tasks of those who do it, a thread for each."""


def stop_under_work(server: Server) -> tuple[float, list[str]]:
    """Seconds from SIGTERM to the end of the server while slow files are read, and processes that outlive it."""
    slow = hostile.post(hostile.FORM, hostile.form(*hostile.files()["M4A of one-sample packets"]))
    with contextlib.ExitStack() as opened:
        for _ in range(3):
            opened.enter_context(connected(server)).sendall(slow)
        time.sleep(1.5)
        processes = descendants(server.pid)
        began = time.monotonic()
        os.kill(server.pid, 15)
        while alive(server.pid) and time.monotonic() < began + 30:
            time.sleep(0.02)
        return time.monotonic() - began, [f"process {number}" for number in processes if alive(number)]


def left_over(server: Server) -> list[str]:
    """What the server still holds when everybody has gone; one process that forks the readers stays."""
    deadline, held = time.monotonic() + 20, ["?"]
    while (held or len(descendants(server.pid)) > 1) and time.monotonic() < deadline:
        time.sleep(0.1)
        text = httpx.get(f"{server.url}/metrics").text
        gauges = ("kfusion_streams_active", "kfusion_recordings_active")
        held = [line for line in text.splitlines() if line.startswith(gauges) and not line.endswith(" 0.0")]
    print("counted: " + ", ".join(line for line in text.splitlines() if line.startswith("kfusion_reads_total")))
    files, threads = (len(list(Path(f"/proc/{server.pid}/{kind}").iterdir())) for kind in ("fd", "task"))
    print(f"the server holds {files} files and {threads} threads, and {len(descendants(server.pid))} process")
    return held + [f"process {number}" for number in descendants(server.pid)[1:]]


def descendants(process: int) -> list[int]:
    """The processes that a process started, and theirs, the first of them first."""
    children: list[int] = []
    with contextlib.suppress(OSError):  # it has ended meanwhile
        for thread in Path(f"/proc/{process}/task").iterdir():
            children += map(int, (thread / "children").read_text().split())
    return children + [number for one in children for number in descendants(one)]


def rss_mb(process: int) -> float:
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmRSS")), 0) / 1024


def alive(process: int) -> bool:
    """Whether it runs; one that has ended and waits for its parent does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def report(quiet: dict[str, Any], loud: dict[str, Any], found: Found, most_mb: dict[str, float]) -> None:
    for name, talked in (("quiet", quiet), ("abused", loud)):
        late = " / ".join(f"{talked['lateness_ms'][share]:.1f}" for share in ("p50", "p95", "p99", "max"))
        frames = f"{talked['frames']} of {talked['frames'] + talked['missing']} frames"
        print(
            f"{name}: lateness, ms, p50 / p95 / p99 / max: {late}; {frames}; failures: {talked['failures'] or 'none'}"
        )
    print("answers: " + ", ".join(f"{name}: {count}" for name, count in sorted(found.answers.items())))
    honest_s = sorted(found.honest_s) or [float("nan")]
    print(f"honest recordings: {len(found.honest_s)}, {honest_s[len(honest_s) // 2]:.2f} s at the median", end=", ")
    print(f"{honest_s[-1]:.2f} s at most; lost: {found.lost or 'none'}")
    print("memory at its most, MB: " + ", ".join(f"{name} {size:.0f}" for name, size in most_mb.items()))


if __name__ == "__main__":
    sys.exit(main())

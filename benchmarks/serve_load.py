"""Several servers under streams in real time; one is killed, another one replaced. Who notices?

python benchmarks/serve_load.py benchmarks/serve_load.json [--replicas 3] [--streams 9] [--seconds 30]

Starts so many `kfusion serve` on loopback and spreads the streams over them in turn, as a load balancer does. A third
of the way the first server is killed (SIGKILL); two thirds of the way a new one is started and the second is told to
stop (SIGTERM). A stream that ends with `restarting` connects to the next server that is ready and goes on with the
sound that is still to come. Told of every stream: what ended it, how long it was without a server, and how late its
frames were.
"""

import argparse
import json
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np

from kfusion.audio import SAMPLE_RATE_HZ
from kfusion.serve.client import Client, ServiceError

BLOCK_S = 0.1
MOST_SECONDS, MOST_STREAMS, MOST_REPLICAS = 300, 64, 8
DRAIN_S = 3


class Replica:
    def __init__(self) -> None:
        words = ["--port", "0", "--max-streams", str(MOST_STREAMS), "--drain-s", str(DRAIN_S)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "kfusion", "serve", *words], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()

    def ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False


@dataclass
class Told:
    """What became of one stream."""

    servers: list[int] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)
    away_s: list[float] = field(default_factory=list)
    late_s: list[float] = field(default_factory=list)
    frames: int = 0


class Load:
    def __init__(self, replicas: list[Replica], streams: int, seconds: float) -> None:
        self.replicas, self.seconds = replicas, seconds
        self.told = [Told() for _ in range(streams)]
        self.begun = time.monotonic()

    def run(self) -> None:
        threads = [threading.Thread(target=self.talk, args=(number,)) for number in range(len(self.told))]
        for thread in threads:
            thread.start()
            time.sleep(BLOCK_S / len(threads))
        for thread in threads:
            thread.join()

    def talk(self, number: int) -> None:
        told, server, lost = self.told[number], number, None
        while time.monotonic() - self.begun < self.seconds:
            server = self.next_ready(server)
            told.servers.append(server)
            if lost is not None:
                told.away_s.append(round(time.monotonic() - lost, 2))
            try:
                self.stream(self.replicas[server].url, told)
                told.ends.append("end")
                return
            except ServiceError as error:
                told.ends.append(error.code)
                lost, server = time.monotonic(), server + 1
                if error.code not in ("restarting", "unreachable", "busy"):
                    return

    def next_ready(self, wanted: int) -> int:
        while True:
            for turn in range(len(self.replicas)):
                server = (wanted + turn) % len(self.replicas)
                if self.replicas[server].ready():
                    return server
            time.sleep(BLOCK_S)

    def stream(self, url: str, told: Told) -> None:
        random = np.random.default_rng(0)
        block = (random.normal(0, 3000, round(BLOCK_S * SAMPLE_RATE_HZ))).astype(np.int16)
        with Client(url).stream() as stream:
            begun, sent, received = time.monotonic(), 0, 0
            while time.monotonic() - self.begun < self.seconds:
                received += len(stream.push(block))
                sent += 1
                time.sleep(max(0.0, begun + sent * BLOCK_S - time.monotonic()))
                received += len(stream.push(block[:0]))
                due_s = received / stream.fps + stream.look_ahead_s
                told.late_s.append(sent * BLOCK_S - due_s)
            told.frames += received + len(stream.flush())


def disturb(load: Load) -> None:
    """Kill the first server, and later put another in the place of the second."""
    time.sleep(load.seconds / 3)
    load.replicas[0].process.kill()
    time.sleep(load.seconds / 3)
    load.replicas.append(Replica())
    load.replicas[1].process.terminate()


def summary(load: Load) -> dict[str, object]:
    killed = [told for told in load.told if told.servers[0] == 0]
    replaced = [told for told in load.told if told.servers[0] == 1]
    others = [told for told in load.told if told.servers[0] not in (0, 1)]

    def group(tolds: list[Told]) -> dict[str, object]:
        late_ms = 1000 * np.concatenate([told.late_s for told in tolds])
        return {
            "streams": len(tolds),
            "ends": sorted({" ".join(told.ends) for told in tolds}),
            "without_server_s": sorted(away for told in tolds for away in told.away_s),
            "behind_ms_p50_p99": [round(float(np.percentile(late_ms, p))) for p in (50, 99)],
        }

    return {"killed": group(killed), "replaced": group(replaced), "others": group(others)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("--replicas", type=int, default=3)
    parser.add_argument("--streams", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=30)
    given = parser.parse_args()
    if not (3 <= given.replicas <= MOST_REPLICAS and given.streams <= MOST_STREAMS and given.seconds <= MOST_SECONDS):
        parser.error(f"use 3 to {MOST_REPLICAS} replicas, up to {MOST_STREAMS} streams and {MOST_SECONDS} s")
    with ExitStack() as stack:
        replicas = []
        for _ in range(given.replicas):
            replicas.append(Replica())
            stack.callback(replicas[-1].process.kill)
        load = Load(replicas, given.streams, given.seconds)
        trouble = threading.Thread(target=disturb, args=(load,))
        trouble.start()
        load.run()
        trouble.join()
        stack.callback(replicas[-1].process.kill)
        found = {"replicas": given.replicas, "seconds": given.seconds, **summary(load)}
        found["replaced_server_exit_code"] = replicas[1].process.wait(30)
    print(json.dumps(found, indent=2))
    given.output.write_text(json.dumps(found, indent=2) + "\n")
    untouched = found["others"]["ends"] == ["end"]  # type: ignore[index]
    told = all(set(ends.split()) == {"restarting", "end"} for ends in found["killed"]["ends"])  # type: ignore[index]
    return 0 if untouched and told else 1


if __name__ == "__main__":
    sys.exit(main())

"""Streams: one alone in the process, then 1, 8 and 32 at once through the real server."""

import time
from typing import Any

from speed import child
from speed.result import Result, Table, milliseconds
from speed.server import serving
from speed.sound import speech
from speed.timing import percentile

STREAMS, SECONDS = (1, 8, 32), 25
QUICK_STREAMS, QUICK_SECONDS = (1, 4), 4
PERCENTILES = ("p50", "p95", "p99", "max")
NOTES = """
- `kfusion serve` in one process, all clients in another; {seconds} s of speech a stream, 20 ms a message, sent at the
  pace of speech, streams out of step with each other.
- Lateness: from sending the last sound that a frame needs to the frame's arrival. Age: from the instant that the frame
  shows to its arrival; it holds the look-ahead of up to {look_ahead_ms:.1f} ms and the grids of 100 and 20 ms.
- Frames that come with the flush at the end count as frames, not as latencies. p99: 99 of 100 frames are at most so
  late (nearest rank). Weights: `{model}`.
"""


def measure(*, quick: bool, model: str | None) -> Result:
    """The part `streams`; `model` is another stream bundle than the packaged one."""
    seconds = QUICK_SECONDS if quick else SECONDS
    push = child.call("speed.streams:push_alone", 1, seconds=seconds, model=model)
    cases = [serve_case(model, streams, seconds) for streams in (QUICK_STREAMS if quick else STREAMS)]
    return Result(
        part="streams",
        cores="`Stream.push` on one core; server and clients together on two",
        tables=[_push_table(push, seconds), _latency_table(cases), _load_table(cases)],
        notes=NOTES.format(seconds=seconds, look_ahead_ms=1000 * cases[0]["look_ahead_s"], model=cases[0]["model"]),
        measured={"push_ms": push, "cases": cases},
    )


def serve_case(model: str | None, streams: int, seconds: int) -> dict[str, Any]:
    """So many streams through a fresh server that one stream has warmed up."""
    with serving(model, "--max-streams", str(streams)) as server:
        child.call("speed.talkers:talk", 2, url=server.url, streams=1, seconds=1)
        cpu = server.cpu_s()
        wall = time.perf_counter()
        found: dict[str, Any] = child.call("speed.talkers:talk", 2, url=server.url, streams=streams, seconds=seconds)
        wall = time.perf_counter() - wall
        return {**found, "server_cores": (server.cpu_s() - cpu) / wall, "server_mb": server.rss_mb()}


def push_alone(*, seconds: int, model: str | None) -> dict[str, Any]:
    """Milliseconds of every push of 100 ms."""
    import kfusion
    from kfusion.bundle_format import BLOCK_SAMPLES

    stream = kfusion.load(model, threads=1).stream()
    sound = speech(seconds)
    wall, cpu, frames = [], [], 0
    for at in range(0, len(sound), BLOCK_SAMPLES):
        before = time.perf_counter(), time.process_time()
        frames += len(stream.push(sound[at : at + BLOCK_SAMPLES]))
        wall.append(time.perf_counter() - before[0])
        cpu.append(time.process_time() - before[1])
    return {"wall": milliseconds(wall), "cpu": milliseconds(cpu), "frames": frames + len(stream.flush())}


def _push_table(push: dict[str, Any], seconds: int) -> Table:
    shares = (0.5, 0.95, 0.99, 1.0)
    rows = [[clock, *(f"{percentile(push[clock], share):.2f}" for share in shares)] for clock in ("wall", "cpu")]
    frames = f"{push['frames']} of {30 * seconds}"
    title = f"`Stream.push` of 100 ms (3 frames) on one core, ms ({frames} frames)"
    return Table(title=title, columns=["clock", *PERCENTILES], rows=rows)


def _latency_table(cases: list[dict[str, Any]]) -> Table:
    rows = []
    for case in cases:
        late, age = ([f"{case[name][share]:.1f}" for share in PERCENTILES] for name in ("lateness_ms", "age_ms"))
        rows.append([str(case["streams"]), " / ".join(late), " / ".join(age)])
    head = " / ".join(PERCENTILES)
    columns = ["streams", f"lateness, ms: {head}", f"age, ms: {head}"]
    return Table(title="Latency of a streamed frame", columns=columns, rows=rows)


def _load_table(cases: list[dict[str, Any]]) -> Table:
    rows = []
    for case in cases:
        frames = f"{case['frames']} of {case['frames'] + case['missing']}"
        sends = f"{case['late_sends_ms']['p99']:.1f}"
        whole = "; ".join(case["failures"]) or "none"
        load = [f"{case['server_cores']:.2f}", f"{case['server_mb']:.0f}"]
        rows.append([str(case["streams"]), frames, whole, *load, sends])
    columns = ["streams", "frames arrived", "failures", "server, cores", "server, MB", "clients late to send, p99 ms"]
    return Table(title="Completeness and load", columns=columns, rows=rows)

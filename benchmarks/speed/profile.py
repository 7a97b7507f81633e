"""Where the time goes in a minute of speech on one core, and how near it is to the operations it needs."""

import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

import kfusion
from kfusion.assets import DEFAULT_MODEL
from kfusion.audio import Samples
from kfusion.inference.identity import mean_identity
from kfusion.inference.recording import Recording
from kfusion.inference.windows import cut
from kfusion.landmarks import unit_frame
from speed.graph import Feed, halves, open_session
from speed.graph import profile as profile_graph
from speed.result import Result, Table
from speed.sound import speech_file
from speed.timing import Spread, in_turns

SECONDS, QUICK_SECONDS = 60, 10
ROUNDS, QUICK_ROUNDS = 5, 2
MATRIX = 2048
SHOWN = 8
PAPER_GFLOP = 15.7
"""Of the paper's design for a second of sound: 13.73 in wav2vec2-base, 1.95 after it (torch's counter, by hand for
the LSTMs)."""
NOTES = """
- CPU time, median of {rounds} rounds in turns, {seconds} s of speech from a WAV file.
- Floor: matrix products, convolutions and LSTMs that the graph runs (shapes from onnxruntime's profile), overlap of the
  windows included ({overlap:.2f} times the sound), over {gflops:.0f} GFLOP/s: the best float32 product of two
  {matrix} x {matrix} matrices in NumPy on the same core. It is a floor for float32: 8-bit products go below it.
- Weights: `{weights}`.
- The paper's design needs {paper} GFLOP a second of sound, ours {ours:.2f}.
"""


def measure(*, quick: bool) -> Result:
    """The part `profile`."""
    seconds = QUICK_SECONDS if quick else SECONDS
    with tempfile.TemporaryDirectory() as folder:
        path = speech_file(Path(folder), seconds)
        steps, windows = _steps(path)
        found = in_turns(steps, QUICK_ROUNDS if quick else ROUNDS)
    times = {name: Spread.of(run.cpu_s for run in runs).median / seconds for name, runs in found.items()}
    gflops = 2 * MATRIX**3 / min(run.cpu_s for run in found["sgemm"]) / 1e9
    encoder, network, features = halves(DEFAULT_MODEL)
    feed = _feed(windows[0])
    feed[features] = open_session(encoder).run(None, {"samples": feed["samples"]})[0]
    profiles = {"speech features": profile_graph(encoder, feed), "network": profile_graph(network, feed)}
    once = len(windows[0]) / 16_000
    overlap = sum(map(len, windows)) / 16_000 / seconds
    gflop = {name: overlap * flops / once / 1e9 for name, (_, flops) in profiles.items()}
    return Result(
        part="profile",
        cores="one core, one thread",
        tables=[_stages(times, gflop, gflops), _operators(profiles)],
        notes=NOTES.format(
            weights=kfusion.load(threads=1).card.model_id,
            rounds=len(found["whole"]),
            seconds=seconds,
            overlap=overlap,
            gflops=gflops,
            matrix=MATRIX,
            paper=PAPER_GFLOP,
            ours=sum(gflop.values()),
        ),
        measured={"cpu_s_a_second": times, "gflop_a_second": gflop, "gflops": gflops, "overlap": overlap},
    )


def _steps(path: Path) -> tuple[dict[str, Callable[[], object]], list[Samples]]:
    """The whole, its parts that can be run alone, and a matrix product; and the windows that the network sees."""
    model = kfusion.load(threads=1)
    windows = [*cut(Recording(source=path).blocks(), model.card.window_samples, model.card.hop_samples)]
    encoder, network, features = halves(DEFAULT_MODEL)
    first, second = open_session(encoder), open_session(network)
    feeds = [_feed(window) for window in windows]
    names = {port.name for port in second.get_inputs()}

    def encode() -> None:
        for feed in feeds:
            feed[features] = first.run(None, {"samples": feed["samples"]})[0]

    def predict() -> None:
        for feed in feeds:
            second.run(None, {name: feed[name] for name in names})

    square = np.random.default_rng(0).standard_normal((MATRIX, MATRIX), np.float32)
    encode()
    steps: dict[str, Callable[[], object]] = {
        "whole": lambda: model.generate(path),
        "decoding": lambda: [*Recording(source=path).blocks()],
        "speech features": encode,
        "network": predict,
        "sgemm": lambda: square @ square,
    }
    return steps, windows


def _feed(window: Samples) -> Feed:
    face = mean_identity().points
    identity = unit_frame(face)(face)[None].astype(np.float32)
    return {"samples": window[None], "identity": identity, "emotion": np.zeros((1, 2), np.int64)}


def _stages(times: dict[str, float], gflop: dict[str, float], gflops: float) -> Table:
    rest = times["whole"] - sum(times[name] for name in ("decoding", "speech features", "network"))
    stages = {name: times[name] for name in ("decoding", "speech features", "network")}
    stages |= {"cutting, joining, coordinates (what is left)": rest, "**whole**": times["whole"]}
    needed = gflop | {"**whole**": sum(gflop.values())}
    rows = []
    for name, time in stages.items():
        operations = needed.get(name)
        floor = [f"{operations:.2f}", f"{1000 * operations / gflops:.2f}"] if operations else ["-", "-"]
        reached = f"{100 * operations / gflops / time:.0f} %" if operations else "-"
        rows.append([name, f"{1000 * time:.2f}", f"{100 * time / times['whole']:.0f} %", *floor, reached])
    columns = ["", "CPU ms a second of sound", "share", "GFLOP a second", "floor, ms", "floor / measured"]
    return Table(title="Where the time goes, and the floor", columns=columns, rows=rows)


def _operators(profiles: dict[str, tuple[Counter[str], int]]) -> Table:
    rows = []
    for half, (seconds, _) in profiles.items():
        whole = sum(seconds.values())
        top = seconds.most_common(SHOWN)
        text = ", ".join(f"{name} {100 * time / whole:.0f} %" for name, time in top)
        rows.append([half, f"{1000 * whole:.1f}", text])
    return Table(title="By operator, one window", columns=["", "ms", "share of it"], rows=rows)

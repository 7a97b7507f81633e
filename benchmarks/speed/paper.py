"""The paper's design at its sizes against ours on the same sound, one core."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from onnxruntime import InferenceSession
from torch import Tensor, nn

import kfusion
from kfusion.audio import SAMPLE_RATE_HZ, Samples
from kfusion.inference.identity import mean_identity
from kfusion.landmarks import unit_frame
from speed import child
from speed.graph import open_session
from speed.paper_design import SAMPLES, PaperDesign
from speed.paper_onnx import CACHE, CACHE_INT8
from speed.result import Result, Table
from speed.sound import speech
from speed.timing import Spent, Spread, in_turns, ratios

SECONDS, QUICK_SECONDS = 12, 3
ROUNDS, QUICK_ROUNDS, WARM_UP = 5, 2, 1
OURS, TARGET = "kfusion", 15
NAMES = {
    OURS: "**kfusion, `generate`**",
    "published": "paper's design, PyTorch, 1 s windows one at a time",
    "batch": "paper's design, PyTorch, all windows in one batch",
    "onnx": "paper's design, onnxruntime, 1 s windows one at a time",
    "onnx-batch": "paper's design, onnxruntime, all windows in one batch",
    "int8-batch": "paper's design in 8 bits as ours, onnxruntime, all windows in one batch",
    "preset": "preset `paper` (our reading of the paper), PyTorch, 1 s windows one at a time",
}
NOTES = """
- {seconds} s of speech as samples in memory for all (no decoding), landmarks out; random weights, which cost the same
  as trained ones. Ours is `generate` whole: cutting, network, joining, coordinates. The paper's design gets its windows
  cut and its faces ready, so only its networks are counted. Median (lowest to highest) of {rounds} rounds in turns.
- Weights: `{weights}`, as shipped. The paper's design in 8 bits is our own step (`kfusion export --precision int8`)
  applied to it, so that both gains can be told apart.
- The rebuilt design (`benchmarks/speed/paper_design.py`): wav2vec2-base with 94.4 M parameters and 13.7 GFLOP a second,
  then 19.8 M parameters (KAN 0.70 M) and 1.95 GFLOP. The authors' code has 20.3 M and 2.0 GFLOP.
- Preset `paper` is our network at width 768 on wav2vec2-base. It departs from the authors' sizes: its Global Domain
  reads the waveform itself, F is 136, decoders attend over points, the LSTMs are 512 wide; 56.5 M parameters after
  wav2vec2.
"""


def measure(*, quick: bool) -> Result:
    """The part `paper`; the ONNX file is made in a process of its own."""
    child.call("speed.paper_onnx:export", 2)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    seconds = QUICK_SECONDS if quick else SECONDS
    sound = speech(seconds)
    model = kfusion.load(threads=1)
    design = PaperDesign()
    works: dict[str, Callable[[], object]] = {OURS: lambda: model.generate(sound)}
    works |= _rebuilt(design, sound) | _preset(design.speech, sound)
    found = in_turns(works, QUICK_ROUNDS if quick else ROUNDS, warm_up=WARM_UP)
    return Result(
        part="paper",
        cores="one core, one thread",
        tables=[_table(found, seconds)],
        notes=NOTES.format(seconds=seconds, rounds=len(found[OURS]), weights=model.card.model_id),
        measured={"seconds": seconds, "target": TARGET, **_measured(found)},
    )


def _rebuilt(design: PaperDesign, sound: Samples) -> dict[str, Callable[[], object]]:
    float32, int8 = open_session(CACHE), open_session(CACHE_INT8)
    every = _windows(sound)
    single = [tuple(part[at : at + 1] for part in every) for at in range(len(every[0]))]

    def run(inputs: tuple[Tensor, ...]) -> Tensor:
        with torch.inference_mode():
            landmarks: Tensor = design(*inputs)
            return landmarks

    def run_onnx(session: InferenceSession, inputs: tuple[Tensor, ...]) -> Any:
        names = ("samples", "identity", "emotion")
        return session.run(None, {name: value.numpy() for name, value in zip(names, inputs, strict=True)})

    return {
        "published": lambda: [run(one) for one in single],
        "batch": lambda: run(every),
        "onnx": lambda: [run_onnx(float32, one) for one in single],
        "onnx-batch": lambda: run_onnx(float32, every),
        "int8-batch": lambda: run_onnx(int8, every),
    }


def _preset(wav2vec2: nn.Module, sound: Samples) -> dict[str, Callable[[], object]]:
    """The network that `kfusion train paper` trains, behind the same wav2vec2."""
    from kfusion.models.networks import build_network
    from kfusion.presets import paper

    network = build_network(paper().model).eval()
    samples, identity, _ = _windows(sound)
    label = torch.zeros(1, 2, dtype=torch.long)
    padded = torch.nn.functional.pad(samples, (200, 320))  # 50 steps a second, as kfusion's encoder pads

    def run(at: int) -> Tensor:
        with torch.inference_mode():
            features = wav2vec2(padded[at : at + 1]).last_hidden_state
            landmarks: Tensor = network(samples[at : at + 1], features, identity[:1], label)
            return landmarks

    return {"preset": lambda: [run(at) for at in range(len(samples))]}


def _windows(sound: Samples) -> tuple[Tensor, Tensor, Tensor]:
    """The sound in whole seconds, a face for each and its emotion."""
    assert len(sound) % SAMPLE_RATE_HZ == 0
    samples = torch.from_numpy(sound).reshape(-1, SAMPLES)
    face = mean_identity().points
    identity = torch.from_numpy(unit_frame(face)(face).astype(np.float32)).expand(len(samples), -1, -1).contiguous()
    return samples, identity, torch.zeros(len(samples), dtype=torch.long)


def _table(found: dict[str, list[Spent]], seconds: int) -> Table:
    rows = []
    for name, runs in found.items():
        wall, cpu = _ratio(found, name, "wall_s"), _ratio(found, name, "cpu_s")
        factors = [f"{Spread.of(getattr(run, clock) / seconds for run in runs).median:.4f}" for clock in Spent._fields]
        rows.append([NAMES[name], *factors, wall.text(1), cpu.text(1)])
    columns = ["", "real-time factor", "CPU s a second", "times ours, wall clock", "times ours, CPU time"]
    return Table(title=f"Against the paper's design, {seconds} s of speech", columns=columns, rows=rows)


def _ratio(found: dict[str, list[Spent]], name: str, clock: str) -> Spread:
    return ratios([getattr(run, clock) for run in found[name]], [getattr(run, clock) for run in found[OURS]])


def _measured(found: dict[str, list[Spent]]) -> dict[str, Any]:
    return {
        "runs": {name: [run._asdict() for run in runs] for name, runs in found.items()},
        "ratio_median": {name: round(_ratio(found, name, "cpu_s").median, 2) for name in found},
        "ratio_median_wall": {name: round(_ratio(found, name, "wall_s").median, 2) for name in found},
    }

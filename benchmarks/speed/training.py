"""How many clips a second the default preset trains on, speech features cached: made-up tensors of their shapes."""

import os
from collections.abc import Callable
from typing import Any

import torch

from kfusion.audio import SAMPLE_RATE_HZ
from kfusion.landmarks import POINT_COUNT
from kfusion.models.kan import KANLayer
from kfusion.models.speech.encoder import steps_in
from kfusion.presets import default
from kfusion.training.batches import Batch
from kfusion.training.features import FPS
from kfusion.training.module import TrainingModule
from speed import child
from speed.result import Result, Table
from speed.timing import Spread, in_turns, ratios

CLIPS = 16
PIECES_S, THREADS = (3.0, 1.0), (1, 2)
ROUNDS, QUICK_ROUNDS, WARM_UP = 9, 2, 2
LIMIT_S = 15.0
"""Steps that took longer than this in all are measured three times: two threads stall beside other work."""
FORMS: dict[str, Callable[..., Any]] = {"chunked": KANLayer.in_chunks, "plain": KANLayer.plain}
NOTES = """
- Preset `default`, steps of {clips} clips: forward, loss, backward, gradient clipping, AdamW; float32. Loading is left
  out: the features are cached.
- Clips a second of wall clock, median (lowest to highest) of the rounds, the two forms of the KAN in turns. The ratio
  is of the CPU time of pairs of steps.
"""


def measure(*, quick: bool) -> Result:
    """The part `training`: a fresh process for each number of threads."""
    pieces = PIECES_S[1:] if quick else PIECES_S
    found = {
        threads: child.call("speed.training:steps", threads, rounds=QUICK_ROUNDS if quick else ROUNDS, pieces_s=pieces)
        for threads in THREADS
    }
    return Result(
        part="training",
        cores="one core, then two, as each row says; as many threads",
        tables=[_table(found)],
        notes=NOTES.format(clips=CLIPS),
        measured={str(threads): one for threads, one in found.items()},
    )


def steps(*, rounds: int, pieces_s: list[float]) -> dict[str, Any]:
    """Seconds of every step, by the length of the clips and the form of the KAN."""
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    result = {}
    for seconds in pieces_s:
        works = {name: step(name, made_up(seconds)) for name in FORMS}
        found = in_turns(works, rounds, warm_up=WARM_UP, limit_s=LIMIT_S)
        result[f"{seconds:g}"] = {name: [run._asdict() for run in runs] for name, runs in found.items()}
    return result


def step(form: str, batch: Batch) -> Callable[[], None]:
    """A step of training with that form of the KAN's layers."""
    run = default()
    module = TrainingModule(run).train()
    for layer in module.modules():
        if isinstance(layer, KANLayer):
            layer.forward = FORMS[form].__get__(layer)
    config = run.optimiser
    optimiser = torch.optim.AdamW(module.parameters(), lr=1e-5, weight_decay=config.weight_decay, fused=True)

    def work() -> None:
        optimiser.zero_grad()
        torch.stack([*module.terms(module(batch), batch).values()]).sum().backward()
        torch.nn.utils.clip_grad_norm_(module.parameters(), config.gradient_clip or 1.0)
        optimiser.step()

    return work


def made_up(seconds: float) -> Batch:
    """Random clips of one length, as the loader gives them."""
    random = torch.Generator().manual_seed(0)
    frames = round(seconds * FPS)
    width = default().model.feature_dim
    return Batch(
        samples=0.1 * torch.randn(CLIPS, frames * SAMPLE_RATE_HZ // FPS, generator=random),
        features=torch.randn(CLIPS, steps_in(frames), width, generator=random),
        identity=torch.randn(CLIPS, POINT_COUNT, 2, generator=random),
        emotion=torch.zeros(CLIPS, 2, dtype=torch.long),
        frames=torch.full((CLIPS,), frames),
        target=torch.randn(CLIPS, frames, POINT_COUNT, 2, generator=random),
    )


def _table(found: dict[int, Any]) -> Table:
    rows = []
    for threads, by_length in found.items():
        for seconds, forms in by_length.items():
            cpu = {name: [run["cpu_s"] for run in runs] for name, runs in forms.items()}
            ratio = ratios(cpu["plain"], cpu["chunked"])
            for name, runs in forms.items():
                speed = Spread.of(CLIPS / run["wall_s"] for run in runs)
                cost = Spread.of(run["cpu_s"] for run in runs)
                label = f"{seconds} s, {threads} thread{'s'[: threads - 1]}, KAN {name}"
                rows.append([label, speed.text(1), f"{cost.median:.3f}", ratio.text(2) if name == "plain" else "1"])
    columns = ["clips", "clips a second", "CPU s a step", "CPU time, against chunked"]
    return Table(title=f"Training steps of {CLIPS} clips", columns=columns, rows=rows)

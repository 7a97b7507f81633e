"""Clips loaded a second beside clips trained a second, and memory, for corpora of growing size.

python benchmarks/loading.py benchmarks/loading.json [--shards 1 4 16 64 256] [--clips 2000]

The corpora are made up: clips of 3 s whose sound, features (768 wide, as Whisper's) and faces are noise, so many to a
shard as `kfusion prepare` writes. Larger corpora are the same shards linked under other names: what is read is as much
as of true ones, what is known of the clips too. Every size is measured in a process of its own.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch

from kfusion.config import override
from kfusion.data.store import SHARD_CLIPS, clip_table, write_shard
from kfusion.models.speech.encoder import SAMPLES_PER_STEP, SpeechEncoder, pad_to_steps
from kfusion.presets import default
from kfusion.training.batches import TalkingFaces, collate
from kfusion.training.losses import loss
from kfusion.training.module import TrainingModule
from kfusion.training.statistics import take_statistics
from kfusion.training.training_set import TrainingSet

FRAMES, BATCH, TRAINED_STEPS = 90, 16, 6
RUN = override(default(), {"model.speech_encoder": "noise", "data.variants": 1})


class NoiseEncoder(SpeechEncoder):
    """A random projection of every 20 ms: as many features as Whisper's, at no cost."""

    name, dim = "noise", 768

    def __init__(self) -> None:
        super().__init__()
        self.matrix = torch.randn(SAMPLES_PER_STEP, self.dim, generator=torch.Generator().manual_seed(0))

    def forward(self, samples: torch.Tensor, first_position: int = 0) -> torch.Tensor:
        return torch.tanh(pad_to_steps(samples).unflatten(-1, (-1, SAMPLES_PER_STEP)) @ self.matrix)


def write_corpus(root: Path) -> None:
    """One shard of training clips, and its features."""
    random = np.random.default_rng(0)
    face = random.uniform(0, 256, (68, 2)).astype(np.float32)
    tables = []
    for number in range(SHARD_CLIPS):
        row = {
            "clip_id": f"clip{number}",
            "corpus": "noise",
            "speaker": str(number % 40),
            "split": "train",
            "source": "-",
            "emotion": "happy",
            "intensity": 1,
            "fps": 30,
            "missing": 0,
            "crop": [0, 0, 256],
            "frames": FRAMES,
        }
        landmarks = (face + random.normal(0, 1, (FRAMES, 68, 2))).astype(np.float32)
        tables.append(clip_table(row, landmarks, random.normal(0, 0.1, FRAMES * 1600 // 3).astype(np.float32)))
    (root / "data").mkdir(parents=True)
    write_shard(root / "data" / "train-00000.parquet", tables)
    with patch("kfusion.training.features.load_speech_encoder", lambda name: NoiseEncoder()):
        faces_of(root)


def grow(root: Path, shards: int) -> None:
    """So many shards, all of them the first one."""
    for path in [*root.rglob("train-00000.*")]:
        for number in range(1, shards):
            other = path.with_name(path.name.replace("00000", f"{number:05d}"))
            if not other.exists():
                os.link(path, other)


def faces_of(root: Path) -> TalkingFaces:
    return TalkingFaces([TrainingSet(root)], "train", "noise", RUN.data, seed=0, training=True)


def measure(root: Path, clips: int) -> dict[str, float]:
    """One size: seconds to open it, clips loaded a second and the most memory that was held, in MB."""
    base_mb = memory_mb()
    begun = time.perf_counter()
    faces = faces_of(root)
    opened_s = time.perf_counter() - begun
    pieces = iter(faces.order.share(0))
    collate(faces.__getitems__(list(islice(pieces, BATCH))))
    begun, loaded, most_mb = time.perf_counter(), 0, 0.0
    while loaded < clips and (batch := list(islice(pieces, BATCH))):
        collate(faces.__getitems__(batch))
        loaded += len(batch)
        most_mb = max(most_mb, memory_mb())
    spent_s = time.perf_counter() - begun
    return {
        "clips": len(faces),
        "hours": round(len(faces) * FRAMES / 30 / 3600, 2),
        "open_s": round(opened_s, 2),
        "loaded_clips_a_second": round(loaded / spent_s, 1),
        "memory_mb": round(most_mb - base_mb, 1),
    }


def memory_mb() -> float:
    """Of this process, now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6


def trained(root: Path) -> float:
    """Clips that `default` trains a second on one core."""
    torch.set_num_threads(1)
    faces, module = faces_of(root), TrainingModule(RUN)
    take_statistics(module.network, faces)
    optimiser = torch.optim.AdamW(module.parameters())
    batch = collate(faces.__getitems__(list(islice(faces.order.share(0), BATCH))))
    times = []
    for _ in range(TRAINED_STEPS):
        begun = time.perf_counter()
        predicted = module(batch)
        terms = loss(predicted, batch.target, batch.mask, RUN.loss, batch.samples)
        torch.stack(list(terms.values())).sum().backward()
        optimiser.step()
        optimiser.zero_grad()
        times.append(time.perf_counter() - begun)
    return round(BATCH / float(np.median(times)), 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("--shards", type=int, nargs="+", default=[1, 4, 16, 64, 256])
    parser.add_argument("--clips", type=int, default=2000, help="loaded of each size")
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure(given.one, given.clips)))
        return
    root = Path(tempfile.mkdtemp(prefix="kfusion-"))
    try:
        write_corpus(root)
        rows = []
        for shards in given.shards:
            grow(root, shards)
            command = [sys.executable, __file__, str(given.output), "--one", str(root), "--clips", str(given.clips)]
            rows.append(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
            print(rows[-1], flush=True)
        found = {"trained_clips_a_second": trained(root), "frames_a_clip": FRAMES, "sizes": rows}
    finally:
        shutil.rmtree(root)
    print(f"trained: {found['trained_clips_a_second']} clips a second on one core")
    given.output.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()

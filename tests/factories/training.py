"""Small things that training tests are made of: a prepared data set, an encoder and a run."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from factories.inputs import face_points
from numpy.typing import NDArray
from torch import Tensor, nn

from kfusion.config import override
from kfusion.data.store import clip_table, write_shard
from kfusion.models.baselines.baseline import Baseline, squared_error
from kfusion.models.speech.encoder import SAMPLES_PER_STEP, SpeechEncoder, frames_in, pad_to_steps
from kfusion.presets import tiny
from kfusion.training.run_config import RunConfig

DIM = 12


class TinyEncoder(SpeechEncoder):
    """A random projection of every 20 ms."""

    name, dim = "tiny", DIM

    def __init__(self) -> None:
        super().__init__()
        self.matrix = torch.randn(SAMPLES_PER_STEP, DIM, generator=torch.Generator().manual_seed(0))

    def forward(self, samples: Tensor, first_position: int = 0) -> Tensor:
        """The features."""
        return torch.tanh(pad_to_steps(samples).unflatten(-1, (-1, SAMPLES_PER_STEP)) @ self.matrix)


class ToyBaseline(Baseline):
    """The mouth opens with the level of the sound, as far as one weight says."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(()))
        self.register_buffer("mean_motion", torch.zeros(68, 2))
        self.register_buffer("counts", torch.zeros(2))

    @property
    def pairs(self) -> float:
        """How many faces it was fitted to."""
        return float(self.get_buffer("counts")[0])

    @property
    def pieces_s(self) -> float:
        """How much sound it was fitted to."""
        return float(self.get_buffer("counts")[1])

    def fit(self, identity: Tensor, target: Tensor) -> None:
        """The mean displacement."""
        self.get_buffer("counts")[0] += len(identity)
        self.get_buffer("mean_motion").copy_((target - identity).mean(0))

    def fit_sound(self, samples: Tensor) -> None:
        """How much there is."""
        self.get_buffer("counts")[1] += samples.numel() / 16_000

    def forward(
        self, samples: Tensor, features: Tensor, identity: Tensor, emotion: Tensor, frames: Tensor | None = None
    ) -> Tensor:
        """The identity and the level of each frame's sound times the mean displacement."""
        time = frames_in(samples.shape[1])
        padded = nn.functional.pad(samples, (0, time * 534 - samples.shape[1]))
        level = padded.unflatten(1, (time, 534)).abs().mean(-1)
        return identity[:, None] + self.gain * level[..., None, None] * self.get_buffer("mean_motion")

    def loss(self, predicted: Tensor, target: Tensor, mask: Tensor) -> dict[str, Tensor]:
        """MSE."""
        return {"toy": squared_error(predicted, target, mask)}


def tiny_run(**changes: Any) -> RunConfig:
    """The tiny preset for `TinyEncoder`; `optimiser__epochs=3` sets `optimiser.epochs`."""
    named = {name.replace("__", "."): value for name, value in changes.items()}
    return override(tiny(), {"model.speech_encoder": "tiny", "model.feature_dim": DIM, **named})


def talking_face(frames: int, seed: int) -> NDArray[np.float32]:
    """A face that nods a little and opens its mouth now and then, (frames, 68, 2), crop pixels."""
    random = np.random.default_rng(seed)
    time_s = np.arange(frames) / 30
    points = np.repeat(face_points()[None], frames, axis=0)
    opening = 8 * (0.5 - 0.5 * np.cos(2 * np.pi * 3 * time_s + random.uniform(0, 6)))
    points[:, [56, 57, 58, 65, 66, 67], 1] += opening[:, None]
    return (points + np.sin(time_s + seed)[:, None, None] + random.normal(0, 0.1, points.shape)).astype(np.float32)


def write_clips(
    root: Path,
    split: str,
    speakers: str,
    frames: int = 12,
    emotion: str | None = None,
    intensity: int | None = None,
    number: int = 0,
) -> Path:
    """Shard `number` with one clip for each letter of `speakers`, its speaker; clips differ in length."""
    tables = []
    for place, speaker in enumerate(speakers):
        count, clip = frames + place, place + 100 * number
        row = {
            "clip_id": f"{split}{clip}",
            "corpus": "toy",
            "speaker": speaker,
            "split": split,
            "source": "toy.mp4",
            "emotion": emotion,
            "intensity": intensity,
            "fps": 30,
            "frames": count,
            "missing": 0,
            "crop": [0, 0, 256],
        }
        samples = 0.1 * np.random.default_rng(clip).standard_normal(count * 16_000 // 30)
        tables.append(clip_table(row, talking_face(count, clip), samples.astype(np.float32)))
    (root / "data").mkdir(parents=True, exist_ok=True)
    write_shard(root / "data" / f"{split}-{number:05d}.parquet", tables)
    return root


def write_data_set(root: Path) -> Path:
    """Five training clips of two speakers and two validation clips."""
    write_clips(root, "train", "aaabb", emotion="happy")
    return write_clips(root, "val", "cd")

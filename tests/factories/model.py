"""Small things that model tests are made of: a network, its inputs and a batch of clips."""

from dataclasses import dataclass, replace
from typing import Any

import torch
from factories.inputs import face_points
from torch import Tensor, nn

from kfusion.landmarks import unit_frame
from kfusion.models.kfusion import KFusion
from kfusion.models.kfusion_config import KFusionConfig
from kfusion.models.speech.encoder import frames_in, steps_in

DIM = 12
TINY = KFusionConfig(feature_dim=DIM, width=32, heads=4, lstm_width=16, bottleneck=16, kan_width=16, dropout=0.1)


def network(seed: int = 0, **changes: Any) -> KFusion:
    """A small random network in evaluation mode, with weights large enough that every branch shows in the output."""
    torch.manual_seed(seed)
    net = KFusion(replace(TINY, **changes))
    for name, weight in net.named_parameters():
        if weight.ndim > 1 and not name.startswith("emotion"):
            nn.init.normal_(weight, std=1.5 / weight[0].numel() ** 0.5)
    return net.eval()


def unit_identity(seed: int = 0) -> Tensor:
    """A face in its unit frame, (68, 2), different for every seed."""
    random = torch.Generator().manual_seed(seed)
    face = face_points() + 3 * torch.randn(68, 2, generator=random).numpy()
    return torch.from_numpy(unit_frame(face)(face))


@dataclass
class Clip:
    """The inputs of one clip, without a batch axis."""

    samples: Tensor
    features: Tensor
    identity: Tensor
    emotion: Tensor

    @property
    def frames(self) -> int:
        return frames_in(len(self.samples))

    def batch(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """A batch of this clip alone."""
        return self.samples[None], self.features[None], self.identity[None], self.emotion[None]


def clip(count: int, seed: int = 0, emotion: tuple[int, int] = (0, 0)) -> Clip:
    """Noise of `count` samples, random features and a face."""
    random = torch.Generator().manual_seed(seed)
    return Clip(
        samples=0.1 * torch.randn(count, generator=random),
        features=torch.randn(steps_in(frames_in(count)), DIM, generator=random),
        identity=unit_identity(seed),
        emotion=torch.tensor(emotion),
    )


def whole_frames(frames: int) -> int:
    """How many samples so many frames have."""
    return frames * 16_000 // 30


def padded(clips: list[Clip], extra_frames: int = 0, rubbish: float = 0.0) -> tuple[Tensor, ...]:
    """The arguments of `KFusion.forward` for clips of different lengths, features padded with `rubbish`."""
    time = max(one.frames for one in clips) + extra_frames
    samples, features = (
        torch.zeros(len(clips), whole_frames(time)),
        torch.full((len(clips), steps_in(time), DIM), rubbish),
    )
    for row, one in enumerate(clips):
        samples[row, : len(one.samples)] = one.samples
        features[row, : len(one.features)] = one.features
    identity, emotion = torch.stack([one.identity for one in clips]), torch.stack([one.emotion for one in clips])
    return samples, features, identity, emotion, torch.tensor([one.frames for one in clips])

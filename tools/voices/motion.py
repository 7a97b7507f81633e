"""From phones to the motion of the face: a small convolutional network, learnt on aligned GRID clips."""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from phones import FEATURES, SILENCE, TRACK_HZ, Segment, Track, track
from torch import Tensor, nn
from torch.nn import functional as F

from kfusion.data.store import StoredClip
from kfusion.landmarks import INNER_LIPS, MOUTH, POINT_COUNT, Points
from kfusion.training.faces import rest_face, unit_target

log = logging.getLogger(__name__)

FPS = 30
WIDTH = 96
DILATIONS = (1, 2, 4)
REACH = 2 + 2 * sum(DILATIONS)
"""How many steps of 10 ms before and after itself a step sees: 160 ms, the span of coarticulation."""
EPOCHS = 30
BATCH = 16
LEARNING_RATE = 2e-3
MOUTH_WEIGHT = 3.0
JITTER_STEPS = 1
"""How far a phone track is moved at random in training: the alignment is no better."""
_SCALE = 100.0
"""The network computes in hundredths of the inter-ocular distance."""


@dataclass(frozen=True, slots=True)
class Pair:
    """An aligned clip."""

    phones: Track
    """(steps, features), `steps_for(frames)` of them."""
    motion: Points
    """(frames, 68, 2): displacement from the clip's rest face, unit frame, head motion removed."""


def steps_for(frames: int) -> int:
    """How many steps of a track `frames` video frames need: frame t stands at t / 30 s between two steps."""
    return (frames - 1) * TRACK_HZ // FPS + 2


class MotionNet(nn.Module):
    """Phones at 100 Hz to displacements of the face at 30 fps.

    track -> conv 5 -> 3 x residual dilated conv 5 -> value at t / 30 s, linear between steps -> 68 x 2

    No convolution is padded: the track itself is prolonged by silence, so that what stands before or
    after a clip in a batch never changes it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv1d(len(FEATURES), WIDTH, 5)
        self.blocks = nn.ModuleList(nn.Conv1d(WIDTH, WIDTH, 5, dilation=dilation) for dilation in DILATIONS)
        self.dropout = nn.Dropout(0.2)
        self.last = nn.Linear(WIDTH, POINT_COUNT * 2)

    def forward(
        self, phones: Float[Tensor, "batch steps features"], frames: int
    ) -> Float[Tensor, "batch {frames} 68 2"]:
        """Displacement from the rest face, unit frame."""
        values = F.gelu(self.first(_in_silence(phones, frames).transpose(1, 2)))
        for block, dilation in zip(self.blocks, DILATIONS, strict=True):
            values = values[:, :, 2 * dilation : -2 * dilation] + F.gelu(block(self.dropout(values)))
        seen: Tensor = self.last(_at_frames(values, frames).transpose(1, 2)) / _SCALE
        return seen.reshape(len(phones), frames, POINT_COUNT, 2)


def _in_silence(phones: Tensor, frames: int) -> Tensor:
    """(B, REACH + steps_for(frames) + REACH, features): cut or prolonged, silence on both sides."""
    silence = torch.zeros(len(FEATURES), dtype=phones.dtype)
    silence[FEATURES.index(SILENCE)] = 1
    kept = phones[:, : steps_for(frames)]
    after = REACH + steps_for(frames) - kept.shape[1]
    return torch.cat([silence.expand(len(phones), REACH, -1), kept, silence.expand(len(phones), after, -1)], 1)


def _at_frames(values: Tensor, frames: int) -> Tensor:
    """Values (B, width, steps) at t / 30 s."""
    third = torch.arange(frames) * (TRACK_HZ // 10)
    before = third // (FPS // 10)
    share = (third % (FPS // 10)).to(values.dtype) / (FPS // 10)
    return values[:, :, before] * (1 - share) + values[:, :, before + 1] * share


def predict(network: MotionNet, segments: Iterable[Segment], frames: int) -> Points:
    """Displacement (frames, 68, 2) of the face that says `segments`, unit frame."""
    phones = torch.from_numpy(track(segments, steps_for(frames)))
    network.eval()
    with torch.no_grad():
        return np.asarray(network(phones[None], frames)[0].numpy(), np.float32)


def pairs_of(clips: Iterable[StoredClip], aligned: dict[str, list[Segment]]) -> list[Pair]:
    """What the network learns from; clips without an alignment are left out."""
    return [_pair(clip, aligned[clip.clip_id]) for clip in clips if clip.clip_id in aligned]


def _pair(clip: StoredClip, segments: list[Segment]) -> Pair:
    target = unit_target(clip.landmarks(), head_motion=False)
    return Pair(track(segments, steps_for(len(target))), (target - rest_face(target)).astype(np.float32))


def train(pairs: list[Pair], *, epochs: int = EPOCHS, seed: int = 0) -> MotionNet:
    """A network trained on `pairs`, the same from the same seed (on the same machine)."""
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    network = MotionNet()
    optimiser = torch.optim.AdamW(network.parameters(), LEARNING_RATE, weight_decay=0.02)
    batches = max(1, len(pairs) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LEARNING_RATE, total_steps=epochs * batches + 1)
    for epoch in range(epochs):
        network.train()
        for chosen in np.array_split(random.permutation(len(pairs)), batches):
            phones, motion, mask = _batch([_jittered(pairs[index], random) for index in chosen])
            total = _loss(network(phones, motion.shape[1]), motion, mask)
            optimiser.zero_grad()
            torch.autograd.backward(total)
            optimiser.step()
            schedule.step()
        log.info("epoch %d of %d: last loss %.3f", epoch + 1, epochs, total.item())
    return network.eval()


def _jittered(pair: Pair, random: np.random.Generator) -> Pair:
    by = int(random.integers(-JITTER_STEPS, JITTER_STEPS + 1))
    return Pair(np.roll(pair.phones, by, axis=0), pair.motion)


def _batch(pairs: list[Pair]) -> tuple[Tensor, Tensor, Tensor]:
    """Phones (B, S, features), motion (B, T, 68, 2) and mask (B, T), to the longest clip."""
    frames = max(len(pair.motion) for pair in pairs)
    phones = torch.zeros(len(pairs), steps_for(frames), len(FEATURES))
    phones[:, :, FEATURES.index(SILENCE)] = 1
    motion, mask = torch.zeros(len(pairs), frames, POINT_COUNT, 2), torch.zeros(len(pairs), frames)
    for row, pair in enumerate(pairs):
        phones[row, : len(pair.phones)] = torch.from_numpy(pair.phones)
        motion[row, : len(pair.motion)] = torch.from_numpy(pair.motion)
        mask[row, : len(pair.motion)] = 1
    return phones, motion, mask


def _loss(predicted: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Squared error of place (x 2) and velocity (x 8), mouth points weighted, and absolute error of the opening."""
    weight = torch.ones(POINT_COUNT, 1)
    weight[MOUTH] = MOUTH_WEIGHT
    weight = weight / weight.mean()
    error = (predicted - target) * _SCALE
    place = _mean((error.square() * weight).mean((-2, -1)), mask)
    velocity = _mean((error.diff(dim=1).square() * weight).mean((-2, -1)), mask[:, 1:])
    opening = _mean((_opening(predicted) - _opening(target)).abs() * _SCALE, mask)
    return 2 * place + 8 * velocity + opening


def _opening(motion: Tensor) -> Tensor:
    """How much farther apart the inner lips are than at rest, (B, T), along y."""
    upper, lower = INNER_LIPS
    return motion[:, :, lower, 1] - motion[:, :, upper, 1]


def _mean(values: Tensor, mask: Tensor) -> Tensor:
    return (values * mask).sum() / mask.sum()


def opening_correlation(network: MotionNet, pairs: list[Pair]) -> float:
    """Mean over clips of the correlation of the predicted with the true opening of the mouth."""
    return float(np.mean(list(_correlations(network, pairs))))


def _correlations(network: MotionNet, pairs: list[Pair]) -> Iterator[float]:
    network.eval()
    for pair in pairs:
        with torch.no_grad():
            predicted = network(torch.from_numpy(pair.phones)[None], len(pair.motion))
        target = torch.from_numpy(pair.motion)[None]
        yield float(np.corrcoef(_opening(predicted)[0].numpy(), _opening(target)[0].numpy())[0, 1])

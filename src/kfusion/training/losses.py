"""What a prediction costs, in hundredths of the inter-ocular distance: squared, but for the lip opening's term."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from kfusion.landmarks import MOUTH
from kfusion.models.layers import masked_mean

SCALE = 100.0
LIP_PAIRS = ((61, 67), (62, 66), (63, 65))
"""Facing points of the upper and the lower inner lip."""
_HOP, _MARGIN_HOPS = 160, 10
"""10 ms of sound; 0.1 s in tens of milliseconds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LossConfig:
    """The weights of the terms; the paper's loss is the position term alone."""

    mouth: float = 1.0
    """Weight of the mouth's points in the position term; the others weigh 1."""
    velocity: float = 0.0
    """Of the error of the motion from frame to frame."""
    opening: float = 0.0
    """Of the absolute error of the lip opening, heavier the nearer the target's lips are to closing. Absolute,
    because its best guess is the median: lips that probably close do close, where a mean would leave them ajar."""
    closure_px: float = 2.0
    """Openings well under this, in hundredths of the inter-ocular distance, count as closing."""
    silence: float = 0.0
    """Of the motion of the mouth where the sound is silent."""


def loss(
    predicted: Float[Tensor, "batch time 68 2"],
    target: Float[Tensor, "batch time 68 2"],
    mask: Bool[Tensor, "batch time"],
    config: LossConfig,
    samples: Float[Tensor, "batch samples"] | None = None,
    mean: Callable[[Tensor, Tensor], Tensor] = masked_mean,
) -> dict[str, Tensor]:
    """Every term of the loss, weighted, over the frames that are there; their sum is the loss.

    The silence term needs the sound, `samples` at 16 kHz. `mean` takes values and a mask.
    """
    error = (predicted.float() - target) * SCALE
    weights = torch.ones(error.shape[2], device=error.device)
    weights[MOUTH] = config.mouth
    terms = {"position": mean(error.square().sum(-1) @ (weights / weights.sum()), mask)}
    if config.velocity:
        motion = error[:, 1:] - error[:, :-1]
        terms["velocity"] = config.velocity * mean(motion.square().sum(-1) @ (weights / weights.sum()), mask[:, 1:])
    if config.opening:
        ours, theirs = (SCALE * lip_opening(points) for points in (predicted.float(), target))
        closing = 1 + 1 / (theirs.clamp(min=0) / config.closure_px + 0.25)
        terms["opening"] = config.opening * mean((closing * (ours - theirs).abs()).mean(-1), mask)
    if config.silence and samples is not None:
        motion = SCALE * (predicted.float()[:, 1:, MOUTH] - predicted.float()[:, :-1, MOUTH])
        quiet = silent_frames(samples, mask.shape[1])[:, 1:] & mask[:, 1:]
        terms["silence"] = config.silence * mean(motion.square().sum(-1).mean(-1), quiet)
    return terms


def silent_frames(samples: Float[Tensor, "batch samples"], frames: int) -> Bool[Tensor, "batch time"]:
    """True where the sound within 0.1 s stays 40 dB under the loudest 10 ms of its clip, or under -80 dBFS."""
    power = F.avg_pool1d(F.pad(samples, (0, _HOP))[:, None].square(), _HOP)[:, 0]
    floor = (power.amax(1, keepdim=True) * 1e-4).clamp(min=1e-8)
    nearby = F.max_pool1d(power[:, None], 2 * _MARGIN_HOPS + 1, stride=1, padding=_MARGIN_HOPS)[:, 0]
    hops = (torch.arange(frames, device=samples.device) * 10 // 3).clamp(max=nearby.shape[1] - 1)
    return nearby[:, hops] < floor


def lip_opening(points: Float[Tensor, "batch time 68 2"]) -> Float[Tensor, "batch time 3"]:
    """How far the lower inner lip is below the upper one, at three places."""
    upper, lower = (torch.tensor([pair[side] for pair in LIP_PAIRS]) for side in (0, 1))
    return points[:, :, lower, 1] - points[:, :, upper, 1]

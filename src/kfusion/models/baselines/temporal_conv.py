"""Our own plain row: dilated convolutions over the speech features, and nothing of the paper's ideas."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from kfusion.landmarks import POINT_COUNT
from kfusion.models.baselines.baseline import Baseline, SpokenClips, frame_mask
from kfusion.models.layers import Mask, TimeConv, hide, steps_to_frames
from kfusion.models.speech.encoder import steps_in

FEATURE_DIM = 768
WIDTH = 256
DILATIONS = (1, 2, 4)
"""Of the blocks: a frame hears 15 frames, half a second, to either side, so that pieces of 1 s teach all of it."""
KERNEL = 5
DROPOUT = 0.1
SPEECH_SCALE = 0.1
"""Whisper's features go together, so one step of Adam on all 768 weights of an output moves it far: smaller inputs
learn sooner. Chosen on validation clips of GRID s1."""
DISPLACEMENT = 0.05
"""Inter-ocular distances an output of 1 stands for: a typical motion of the lips."""
LEAST_SPREAD = 0.01
"""Inter-ocular distances: the eye corners hardly move in the unit frame."""


class TemporalConv(Baseline):
    """Speech features and an identity to the displacement from it.

        features ── standardise x .1 ── Conv(3) ── GELU ── 30 Hz ─┐
                                                                  + ── 3 blocks ── Linear ── GELU ── Linear ── x .05
        identity ── standardise ── Linear ────────────────────────┘

        block: x + Dropout ── Conv(5, dilated) ── GELU

    Follows no source: it stands for plain good practice on the same features, trained with the loss of `default`.
    """

    own_loss = False
    reads_features = True

    def __init__(self, feature_dim: int = FEATURE_DIM) -> None:
        super().__init__()
        self.register_buffer("feature_mean", torch.zeros(feature_dim))
        self.register_buffer("feature_std", torch.ones(feature_dim))
        self.register_buffer("identity_mean", torch.zeros(POINT_COUNT, 2))
        self.register_buffer("identity_std", torch.ones(POINT_COUNT, 2))
        self.speech_in = TimeConv(feature_dim, WIDTH, 3)
        self.identity_in = nn.Linear(2 * POINT_COUNT, WIDTH)
        self.blocks = nn.ModuleList(DilatedBlock(dilation) for dilation in DILATIONS)
        self.hidden = nn.Linear(WIDTH, WIDTH)
        self.out = nn.Linear(WIDTH, 2 * POINT_COUNT)

    def fit(self, identity: Float[Tensor, "examples 68 2"], target: Float[Tensor, "examples 68 2"]) -> None:
        """Take the mean and the spread of the identities."""
        self.get_buffer("identity_mean").copy_(identity.mean(0))
        self.get_buffer("identity_std").copy_(identity.std(0, correction=0) + LEAST_SPREAD)

    def displacement(self, clips: SpokenClips) -> Float[Tensor, "batch time 68 2"]:
        """See `Baseline`; of the sound it takes the length alone."""
        time, mask = clips.time, clips.mask
        step_mask = None if clips.frames is None else frame_mask((clips.frames * 5 + 2) // 3, steps_in(time))
        normal = SPEECH_SCALE * (clips.features - self.get_buffer("feature_mean")) / self.get_buffer("feature_std")
        face_shape = (clips.identity - self.get_buffer("identity_mean")) / self.get_buffer("identity_std")
        x = steps_to_frames(F.gelu(self.speech_in.over_time(normal, step_mask)), time)
        x = x + self.identity_in(face_shape.flatten(1))[:, None]
        for block in self.blocks:
            x = block(x, mask)
        moved = self.out(F.gelu(self.hidden(x)))
        points: Tensor = DISPLACEMENT * moved.unflatten(-1, (POINT_COUNT, 2))
        return points


class DilatedBlock(nn.Module):
    """A dilated convolution over time beside a residual connection."""

    def __init__(self, dilation: int) -> None:
        super().__init__()
        self.dropout = nn.Dropout(DROPOUT)
        self.conv = nn.Conv1d(WIDTH, WIDTH, KERNEL, dilation=dilation, padding=dilation * (KERNEL // 2))

    def forward(self, x: Float[Tensor, "batch time width"], mask: Mask | None) -> Float[Tensor, "batch time width"]:
        """The next hidden state; padding counts as beyond an end."""
        mixed = self.conv(self.dropout(hide(x, mask)).transpose(1, 2)).transpose(1, 2)
        result: Tensor = x + F.gelu(mixed)
        return result

"""What every rebuilt system shares: the interface of `KFusion`, and how it is fitted, scored and smoothed."""

from abc import abstractmethod
from typing import TYPE_CHECKING

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from kfusion.landmarks import Points
from kfusion.models.layers import Mask

if TYPE_CHECKING:
    from kfusion.models.baselines import BaselineConfig

HUNDREDTHS = 100.0
"""Losses are of landmarks in hundredths of the inter-ocular distance, as in training."""


class Baseline(nn.Module):
    """Speech and an identity to landmarks, free-running: no landmark but the identity's is ever an input.

    Before training `fit` and `fit_sound` are called once, on the training data alone.
    """

    config: "BaselineConfig"
    """Set by `build_baseline`."""
    own_loss = True
    """False: trained with the loss of `default` instead of `loss`."""
    reads_features = False
    """Whether it reads the speech encoder's features. If so it is constructed with their width and has the
    buffers `feature_mean` and `feature_std`."""
    reads_emotion = False
    """Whether the label changes its output."""

    @abstractmethod
    def forward(
        self,
        samples: Float[Tensor, "batch samples"],
        features: Float[Tensor, "batch steps feature_dim"],
        identity: Float[Tensor, "batch 68 2"],
        emotion: Int[Tensor, "batch 2"],
        frames: Int[Tensor, " batch"] | None = None,
    ) -> Float[Tensor, "batch time 68 2"]:
        """Landmarks at 30 fps in the unit frame, `frames_in(samples)` of them; arguments as `KFusion.forward`."""

    def fit(self, identity: Float[Tensor, "examples 68 2"], target: Float[Tensor, "examples 68 2"]) -> None:
        """Take what the source takes from its training landmarks, such as a PCA; unit frame, one frame a row."""

    def fit_sound(self, samples: Float[Tensor, "examples samples"]) -> None:
        """Take the statistics of the acoustic input from pieces of training sound, some seconds each, 16 kHz."""

    @abstractmethod
    def loss(
        self,
        predicted: Float[Tensor, "batch time 68 2"],
        target: Float[Tensor, "batch time 68 2"],
        mask: Bool[Tensor, "batch time"],
    ) -> dict[str, Tensor]:
        """The source's terms over the frames that are there, in hundredths of the inter-ocular distance."""

    def smooth(self, points: Points) -> Points:
        """The source's post-processing of a whole prediction (T, 68, 2); none here."""
        return points


def frame_mask(frames: Int[Tensor, " batch"] | None, time: int) -> Mask | None:
    """True on the frames that a clip of a padded batch has; None: all are whole."""
    return None if frames is None else torch.arange(time, device=frames.device) < frames[:, None]


def masked_mean(values: Float[Tensor, "batch time"], mask: Bool[Tensor, "batch time"]) -> Tensor:
    """The mean over the frames that are there."""
    return (values * mask).sum() / mask.sum().clamp(min=1)


def squared_error(
    predicted: Float[Tensor, "batch time points 2"],
    target: Float[Tensor, "batch time points 2"],
    mask: Bool[Tensor, "batch time"],
) -> Tensor:
    """MSE over coordinates, in squared hundredths of the inter-ocular distance."""
    error = HUNDREDTHS * (predicted.float() - target)
    return masked_mean(error.square().mean((-1, -2)), mask)

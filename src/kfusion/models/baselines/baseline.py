"""What every rebuilt system shares: the interface of `KFusion`, and how it is fitted, scored and smoothed."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from kfusion.landmarks import Points
from kfusion.models.acoustics import silent_after_end
from kfusion.models.layers import Mask, masked_mean
from kfusion.models.speech.encoder import frames_in

if TYPE_CHECKING:
    from kfusion.models.baselines import BaselineConfig

HUNDREDTHS = 100.0
"""Losses are of landmarks in hundredths of the inter-ocular distance, as in training."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class SpokenClips:
    """A batch of clips as a baseline is given it; see `KFusion.forward`."""

    samples: Float[Tensor, "batch samples"]
    features: Float[Tensor, "batch steps feature_dim"]
    identity: Float[Tensor, "batch 68 2"]
    emotion: Int[Tensor, "batch 2"]
    frames: Int[Tensor, " batch"] | None
    """Of each clip, where the batch is padded."""

    @property
    def time(self) -> int:
        """Frames that are predicted."""
        return frames_in(self.samples.shape[1])

    @property
    def sound(self) -> Float[Tensor, "batch samples"]:
        """With zeros after the end of each clip."""
        return silent_after_end(self.samples, self.frames)

    @property
    def mask(self) -> Mask | None:
        """True on the frames that a clip has; None: all are whole."""
        return frame_mask(self.frames, self.time)


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

    def forward(
        self,
        samples: Float[Tensor, "batch samples"],
        features: Float[Tensor, "batch steps feature_dim"],
        identity: Float[Tensor, "batch 68 2"],
        emotion: Int[Tensor, "batch 2"],
        frames: Int[Tensor, " batch"] | None = None,
    ) -> Float[Tensor, "batch time 68 2"]:
        """Landmarks at 30 fps in the unit frame, `frames_in(samples)` of them; arguments as `KFusion.forward`."""
        clips = SpokenClips(samples=samples, features=features, identity=identity, emotion=emotion, frames=frames)
        return identity[:, None] + self.displacement(clips)

    @abstractmethod
    def displacement(self, clips: SpokenClips) -> Float[Tensor, "batch time 68 2"]:
        """How far the face is moved from the identity in each frame, unit frame."""

    def fit(self, identity: Float[Tensor, "examples 68 2"], target: Float[Tensor, "examples 68 2"]) -> None:
        """Take what the source takes from its training landmarks, such as a PCA; unit frame, one frame a row."""

    def fit_sound(self, samples: Float[Tensor, "examples samples"]) -> None:
        """Take the statistics of the acoustic input from pieces of training sound, some seconds each, 16 kHz."""

    def loss(
        self,
        predicted: Float[Tensor, "batch time 68 2"],
        target: Float[Tensor, "batch time 68 2"],
        mask: Bool[Tensor, "batch time"],
    ) -> dict[str, Tensor]:
        """The source's terms over the frames that are there, in hundredths of the inter-ocular distance; here MSE."""
        return {"position": squared_error(predicted, target, mask)}

    def smooth(self, points: Points) -> Points:
        """The source's post-processing of a whole prediction (T, 68, 2); none here."""
        return points


def frame_mask(frames: Int[Tensor, " batch"] | None, time: int) -> Mask | None:
    """True on the frames that a clip of a padded batch has; None: all are whole."""
    return None if frames is None else torch.arange(time, device=frames.device) < frames[:, None]


def squared_error(
    predicted: Float[Tensor, "batch time points 2"],
    target: Float[Tensor, "batch time points 2"],
    mask: Bool[Tensor, "batch time"],
) -> Tensor:
    """MSE over coordinates, in squared hundredths of the inter-ocular distance."""
    error = HUNDREDTHS * (predicted.float() - target)
    return masked_mean(error.square().mean((-1, -2)), mask)

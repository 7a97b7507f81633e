"""The interface of every speech encoder, and the clock that sound, steps and frames share."""

from abc import abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor, nn

SAMPLES_PER_STEP = 320
"""A step is 20 ms: 50 steps a second."""


def frames_in(samples: int) -> int:
    """Landmark frames at 30 fps in so many samples, the last partial one included (symbolic sizes too)."""
    return (samples * 30 + 15_999) // 16_000


def steps_in(frames: int) -> int:
    """Speech steps at 50 Hz that cover so many frames at 30 fps."""
    return (frames * 5 + 2) // 3


def pad_to_steps(samples: Float[Tensor, "batch samples"]) -> Float[Tensor, "batch padded"]:
    """Samples with zeros after the end, up to whole steps that cover the last frame."""
    length = samples.shape[-1]
    wanted = steps_in(frames_in(length)) * SAMPLES_PER_STEP
    # Cutting after a generous padding needs no comparison, so that it exports for any length.
    return nn.functional.pad(samples, (0, 3 * SAMPLES_PER_STEP))[..., :wanted]


class SpeechEncoder(nn.Module):
    """Samples (batch, N) at 16 kHz to features (batch, steps, dim): step i is centred on i * 20 ms.

    There are `steps_in(frames_in(N))` steps, or up to a block more. All clips of a batch are whole: encoders normalise
    and attend over the whole length, so padding would change what they hear.
    """

    name: str
    """What `load_speech_encoder` takes to load it again."""
    dim: int
    """Width of the features."""
    first_positions: int = 120
    """From how many places sound may start; features are trained from all of them. 120: up to 2.4 s, so that long
    pieces are nothing new."""

    @abstractmethod
    def forward(
        self, samples: Float[Tensor, "batch samples"], first_position: int = 0
    ) -> Float[Tensor, "batch steps dim"]:
        """The features of `samples`; encoders with absolute positions count them from `first_position`."""

    @torch.inference_mode()
    def encode(self, samples: Float[Tensor, "batch samples"], first_position: int = 0) -> Tensor:
        """The features, without gradients."""
        features: Tensor = self(samples, first_position)
        return features

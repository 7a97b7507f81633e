"""The interface of every speech encoder, and the clock that sound, steps and frames share."""

from abc import abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor, nn

SAMPLES_PER_STEP = 320
"""A step is 20 ms: 50 steps a second."""
_STEPS_PER_S = 50


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
    most_steps: int | None = None
    """How many steps, those before the first position counted, can be heard at once; None: any number."""
    piece_s: float = 6.0
    """Sound of more steps is heard in pieces of this length, as bundles are fed."""
    shared_s: float = 1.0
    """What a piece and the next have in common."""

    @abstractmethod
    def forward(
        self, samples: Float[Tensor, "batch samples"], first_position: int = 0
    ) -> Float[Tensor, "batch steps dim"]:
        """The features of `samples`; encoders with absolute positions count them from `first_position`."""

    @torch.inference_mode()
    def encode(self, samples: Float[Tensor, "batch samples"], first_position: int = 0) -> Tensor:
        """The features, without gradients; of sound that is too long to be heard at once, from pieces that overlap."""
        steps = steps_in(frames_in(samples.shape[-1]))
        if self.most_steps is None or first_position + steps <= self.most_steps:
            features: Tensor = self(samples, first_position)
            return features
        piece, shared = (round(duration_s * _STEPS_PER_S) for duration_s in (self.piece_s, self.shared_s))
        starts = range(0, max(1, steps - shared), piece - shared)
        cuts = (samples[..., start * SAMPLES_PER_STEP :][..., : piece * SAMPLES_PER_STEP] for start in starts)
        return _joined([self(cut, first_position) for cut in cuts], shared)


def _joined(pieces: list[Tensor], shared: int) -> Tensor:
    """Pieces (batch, steps, dim), each of which fades into the next over the middle half of what they share."""
    newer = torch.linspace(-0.5, 1.5, shared).clamp(0, 1)[:, None]
    parts = pieces[:1]
    for piece in pieces[1:]:
        last = parts.pop()
        both = last[:, -shared:] * (1 - newer) + piece[:, :shared] * newer
        parts += [last[:, :-shared], both, piece[:, shared:]]
    return torch.cat(parts, dim=1)

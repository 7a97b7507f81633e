"""Hand-made acoustic features at any instants: log-mel, MFCC and their deltas, standardised.

Sample n stands at n / 16000 s and frame t at t / 30 s. Zeros stand before the start and after the end
of the sound, and what a feature sees there is their spectrum: nothing depends on how far a batch is padded.
"""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from kfusion.audio import SAMPLE_RATE_HZ
from kfusion.models.speech.mel import BINS, HOP, WINDOW, MelPower, mel_filters

FRAME_RATE_HZ = 30
_FLOOR = 1e-7
"""Power of a mel bin that counts as silence; speech has about 1e-3."""
_LEAST_STD = 1e-2


def frame_centres(first: int, last: int) -> Int[Tensor, " frames"]:
    """The samples nearest to the instants of the frames `first` to `last`, without the last."""
    return (torch.arange(first, last) * 3200 + 3) // 6


def hop_centres(first: int, last: int, hop: int = HOP) -> Int[Tensor, " hops"]:
    """The samples of the instants `first * hop` to `last * hop`, without the last."""
    return torch.arange(first, last) * hop


def nearest_hops(frames: int, hop: int = HOP) -> Int[Tensor, " frames"]:
    """For each frame the number of the nearest hop."""
    return (torch.arange(frames) * 3200 + 3 * hop) // (6 * hop)


def silent_after_end(
    samples: Float[Tensor, "batch samples"], frames: Int[Tensor, " batch"] | None
) -> Float[Tensor, "batch samples"]:
    """The sound with zeros after the last frame of each clip, whatever a batch has there."""
    if frames is None:
        return samples
    ends = frames * SAMPLE_RATE_HZ // FRAME_RATE_HZ
    return samples * (torch.arange(samples.shape[1], device=samples.device) < ends[:, None])


class Acoustics(nn.Module):
    """Log-mel power in 25 ms windows; the mean and spread of each value in the training sound become 0 and 1.

    Args:
        bins: mel filters.
        width: values an instant; what `raw` gives.
    """

    def __init__(self, bins: int = BINS, width: int = BINS) -> None:
        super().__init__()
        self.mel = MelPower()
        self.mel.register_buffer("filters", torch.tensor(mel_filters(bins), dtype=torch.float32), persistent=False)
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("std", torch.ones(width))

    @torch.no_grad()
    def forward(
        self, samples: Float[Tensor, "batch samples"], centres: Int[Tensor, " instants"]
    ) -> Float[Tensor, "batch instants width"]:
        """The standardised features around ascending samples, which may lie beyond the ends; no gradient."""
        with torch.autocast(samples.device.type, enabled=False):
            raw = self.raw(samples.float(), centres.to(samples.device))
            return (raw - self.get_buffer("mean")) / self.get_buffer("std")

    @torch.no_grad()
    def fit(self, samples: Float[Tensor, "examples samples"]) -> None:
        """Take mean and spread from these pieces."""
        raw = self.raw(samples.float(), self.instants(samples.shape[1]).to(samples.device)).flatten(0, 1)
        self.get_buffer("mean").copy_(raw.mean(0))
        self.get_buffer("std").copy_(raw.std(0, correction=0).clamp(min=_LEAST_STD))

    def instants(self, samples: int) -> Int[Tensor, " instants"]:
        """The centres that `fit` looks at: every 10 ms."""
        return hop_centres(0, 1 + samples // HOP)

    def raw(
        self, samples: Float[Tensor, "batch samples"], centres: Int[Tensor, " instants"]
    ) -> Float[Tensor, "batch instants width"]:
        """The features before they are standardised."""
        return log_power(self.power(samples, centres))

    def power(
        self, samples: Float[Tensor, "batch samples"], centres: Int[Tensor, " instants"]
    ) -> Float[Tensor, "batch instants bins"]:
        """Mel power of the 25 ms around each centre; zeros stand beyond the ends."""
        lead = WINDOW // 2 - min(0, int(centres[0]))
        tail = max(0, int(centres[-1]) + WINDOW // 2 - samples.shape[1])
        places = (centres + lead - WINDOW // 2)[:, None] + torch.arange(WINDOW, device=centres.device)
        windows = F.pad(samples, (lead, tail))[:, places]
        real, imaginary = (windows @ self.mel.get_buffer("waves")[:, 0].T).chunk(2, dim=-1)
        return (real.square() + imaginary.square()) @ self.mel.get_buffer("filters").T


class Mfcc(Acoustics):
    """Mel-frequency cepstral coefficients `first` to `first + count - 1`: the orthonormal DCT-II of the log-mel."""

    def __init__(self, first: int, count: int, bins: int, *, width: int | None = None) -> None:
        """`width` is `count` but for a class that adds to the coefficients."""
        super().__init__(bins, width or count)
        order = torch.arange(first, first + count, dtype=torch.float64)[:, None]
        cosines = torch.cos(math.pi * order * (torch.arange(bins) + 0.5) / bins) * math.sqrt(2 / bins)
        cosines[order[:, 0] == 0] *= math.sqrt(0.5)
        self.register_buffer("cosines", cosines.float(), persistent=False)

    def raw(
        self, samples: Float[Tensor, "batch samples"], centres: Int[Tensor, " instants"]
    ) -> Float[Tensor, "batch instants width"]:
        """The coefficients before they are standardised."""
        return self.cepstrum(samples, centres)

    def cepstrum(
        self, samples: Float[Tensor, "batch samples"], centres: Int[Tensor, " instants"]
    ) -> Float[Tensor, "batch instants count"]:
        """The coefficients around each centre."""
        return log_power(self.power(samples, centres)) @ self.get_buffer("cosines").T


def with_neighbours(centres: Int[Tensor, " frames"], edge: int) -> Int[Tensor, " more"]:
    """The centres of neighbouring frames, and of `edge` frames before and after them."""
    first = round(int(centres[0]) * FRAME_RATE_HZ / SAMPLE_RATE_HZ)
    return frame_centres(first - edge, first + len(centres) + edge).to(centres.device)


def log_power(power: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Decadic logarithm, at least -7."""
    return (power + _FLOOR).log10()


def deltas(x: Float[Tensor, "batch instants width"]) -> Float[Tensor, "batch fewer width"]:
    """The slope an instant of the line through the two values before and after each; the outer two have none."""
    return (2 * (x[:, 4:] - x[:, :-4]) + (x[:, 3:-1] - x[:, 1:-3])) / 10

"""Log-mel spectrograms as convolutions, so that they export to ONNX and run anywhere."""

import math

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from kfusion.audio import SAMPLE_RATE_HZ

WINDOW = 400
"""25 ms"""
HOP = 160
"""10 ms"""
BINS = 80
_BREAK_HZ, _BREAK_MEL, _MEL_HZ, _LOG_STEP = 1000.0, 15.0, 200.0 / 3.0, math.log(6.4) / 27.0


def mel_filters(bins: int = BINS) -> Float[np.ndarray, "bins frequencies"]:
    """Triangular filters on Slaney's mel scale, each of unit area (the filters Whisper was trained with)."""
    high = _BREAK_MEL + math.log(SAMPLE_RATE_HZ / 2 / _BREAK_HZ) / _LOG_STEP
    mels = np.linspace(0.0, high, bins + 2)
    edges = np.where(
        mels < _BREAK_MEL, mels * _MEL_HZ, _BREAK_HZ * np.exp((np.maximum(mels, _BREAK_MEL) - _BREAK_MEL) * _LOG_STEP)
    )
    frequencies = np.linspace(0.0, SAMPLE_RATE_HZ / 2, WINDOW // 2 + 1)
    rising = (frequencies - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - frequencies) / np.diff(edges)[1:, None]
    return np.maximum(0.0, np.minimum(rising, falling)) * (2.0 / (edges[2:] - edges[:-2]))[:, None]


class MelPower(nn.Module):
    """The mel power spectrum of every 10 ms, frame i centred on sample 160 i of `samples` padded by 200."""

    def __init__(self) -> None:
        super().__init__()
        time = np.arange(WINDOW)
        window = 0.5 - 0.5 * np.cos(2 * np.pi * time / WINDOW)
        angle = 2 * np.pi * np.outer(np.arange(WINDOW // 2 + 1), time) / WINDOW
        waves = np.concatenate([np.cos(angle), np.sin(angle)]) * window
        self.register_buffer("waves", torch.tensor(waves[:, None], dtype=torch.float32), persistent=False)
        self.register_buffer("filters", torch.tensor(mel_filters(), dtype=torch.float32), persistent=False)

    def forward(self, padded: Float[Tensor, "batch padded"]) -> Float[Tensor, "batch bins frames"]:
        """Power, in full precision; `padded` has 200 samples before the first centre and 200 after the last."""
        if torch.is_autocast_enabled(padded.device.type):  # asked first: an exporter cannot see past the context
            with torch.autocast(padded.device.type, enabled=False):
                return self.forward(padded.float())
        real, imaginary = F.conv1d(padded[:, None], self.get_buffer("waves"), stride=HOP).chunk(2, dim=1)
        return self.get_buffer("filters") @ (real.square() + imaginary.square())

"""Other voices, rooms, microphones and levels for a batch of sounds, on the device where they are."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from kfusion.audio import SAMPLE_RATE_HZ

TAPS = 8
"""On each side of a sample in between."""
_BANDS, _EQUALISER_DB = 10, 4.0
_LOW_PASS_HZ, _HIGH_PASS_HZ = (3000.0, 7500.0), (60.0, 350.0)
_ROOM_SAMPLES = 6400
_REVERBERATION_S, _DIRECT_DB = (0.1, 0.5), (0.0, 15.0)
_DB_A_TEN = 20.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Perturbation:
    """How often and how strongly sounds are changed."""

    clean: float = 0.15
    """Share that is changed in level alone."""
    noise: float = 0.7
    snr_db: tuple[float, float] = (5.0, 40.0)
    babble: float = 0.15
    babble_db: tuple[float, float] = (6.0, 25.0)
    reverberation: float = 0.3
    low_pass: float = 0.2
    gain_db: tuple[float, float] = (-24.0, 6.0)

    def __call__(self, sounds: Float[Tensor, "batch samples"], random: torch.Generator) -> Tensor:
        """The sounds as others would have recorded them."""
        draw = _Draw(random, len(sounds), sounds.device)
        heard = _filtered(sounds, self._response(sounds.shape[1] + _ROOM_SAMPLES, draw))
        level = _level(heard)
        noise = _coloured(draw.normal(sounds.shape[1]), draw.uniform(0.0, 2.0))
        heard = heard + noise * level * _amplitude(-draw.uniform(*self.snr_db)) * draw.share(self.noise)
        voices = sum((sounds.roll(places, 0) for places in (1, 2, 3)), torch.zeros_like(sounds))
        babble = voices / _level(voices).clamp(min=1e-6)
        heard = heard + babble * level * _amplitude(-draw.uniform(*self.babble_db)) * draw.share(self.babble)
        heard = torch.where(draw.share(self.clean) > 0, sounds, heard)
        changed: Tensor = (heard * _amplitude(draw.uniform(*self.gain_db))).clamp(-1, 1)
        return changed

    def _response(self, count: int, draw: "_Draw") -> Float[Tensor, "batch frequencies"]:
        """Equaliser, band limits and a room in one."""
        frequencies = torch.fft.rfftfreq(count, 1 / SAMPLE_RATE_HZ, device=draw.device)
        curve = F.interpolate(_EQUALISER_DB * draw.normal(_BANDS)[:, None], len(frequencies), mode="linear")[:, 0]
        top = torch.where(draw.share(self.low_pass) > 0, draw.uniform(*_LOW_PASS_HZ), SAMPLE_RATE_HZ)
        steep = 1 / (1 + (frequencies / top) ** 12)
        bottom = draw.uniform(*_HIGH_PASS_HZ) * draw.share(self.low_pass)
        response: Tensor = _amplitude(curve) * steep * frequencies / (frequencies + bottom + 1)
        return response * self._room(count, draw)

    def _room(self, count: int, draw: "_Draw") -> Float[Tensor, "batch frequencies"]:
        """The spectrum of the direct sound and a decaying noise after it."""
        time = torch.arange(_ROOM_SAMPLES, device=draw.device) / SAMPLE_RATE_HZ
        tail = draw.normal(_ROOM_SAMPLES) * torch.exp(-time * math.log(1000) / draw.uniform(*_REVERBERATION_S))
        tail = tail * (time > 0.002)
        tail = tail / tail.norm(dim=1, keepdim=True) * _amplitude(-draw.uniform(*_DIRECT_DB))
        tail = tail * draw.share(self.reverberation)
        tail[:, 0] = 1
        spectrum: Tensor = torch.fft.rfft(tail, count)
        return spectrum


class _Draw:
    """Random numbers for every sound of a batch, (batch, 1) but for `normal`."""

    def __init__(self, random: torch.Generator, batch: int, device: torch.device) -> None:
        self.random, self.batch, self.device = random, batch, device

    def uniform(self, low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(self.batch, 1, generator=self.random, device=self.device)

    def normal(self, count: int) -> Tensor:
        return torch.randn(self.batch, count, generator=self.random, device=self.device)

    def share(self, probability: float) -> Tensor:
        """1 for that share, else 0."""
        return (self.uniform(0, 1) < probability).float()


def at_rate(
    sounds: Float[Tensor, "batch samples"], rates: Float[Tensor, " batch"], count: int
) -> Float[Tensor, "batch count"]:
    """`count` samples of sounds played `rates` times as fast, pitch and formants with it.

    Args:
        sounds: with `TAPS` samples before sample 0, and enough after the last.
        rates: near 1.
        count: samples wanted.
    """
    place = torch.arange(count, device=sounds.device) * rates[:, None].double()
    before = place.floor().long()
    share = (place - before).float()
    width = (0.95 / rates.clamp(min=1.0))[:, None]
    total = torch.zeros_like(share)
    for tap in range(1 - TAPS, TAPS + 1):
        distance = tap - share
        window = 0.5 + 0.5 * torch.cos(math.pi * distance / TAPS)
        kernel = width * torch.sinc(width * distance) * window
        total = total + kernel * sounds.gather(1, (before + tap + TAPS).clamp(max=sounds.shape[1] - 1))
    return total


def _filtered(sounds: Tensor, response: Tensor) -> Tensor:
    count = sounds.shape[1] + _ROOM_SAMPLES
    filtered: Tensor = torch.fft.irfft(torch.fft.rfft(sounds, count) * response, count)
    return filtered[:, : sounds.shape[1]]


def _coloured(noise: Tensor, power: Tensor) -> Tensor:
    """Noise of unit power whose spectrum falls by a power of the frequency."""
    spectrum = torch.fft.rfft(noise)
    frequency = torch.arange(1, spectrum.shape[1] + 1, device=noise.device).float()
    coloured: Tensor = torch.fft.irfft(spectrum * frequency ** (-power / 2), noise.shape[1])
    return coloured / _level(coloured)


def _level(sounds: Tensor) -> Tensor:
    return sounds.square().mean(1, keepdim=True).sqrt()


def _amplitude(db: Tensor) -> Tensor:
    result: Tensor = 10 ** (db / _DB_A_TEN)
    return result

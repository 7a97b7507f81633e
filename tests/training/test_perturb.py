"""Sounds as others would have recorded them."""

import math

import pytest
import torch
from torch import Tensor

from kfusion.training.perturb import TAPS, Perturbation, at_rate

RATE_HZ = 16_000


def tones(hz: float, count: int = 16_000, batch: int = 4) -> Tensor:
    time = torch.arange(-TAPS, count - TAPS) / RATE_HZ
    return (0.5 * torch.sin(2 * math.pi * hz * time)).repeat(batch, 1)


@pytest.mark.parametrize("rate", [0.8, 1.0, 1.25])
def test_a_sound_at_a_rate_is_as_much_higher_and_starts_where_it_started(rate: float) -> None:
    played = at_rate(tones(440), torch.full((4,), rate), 12_000)
    wanted = 0.5 * torch.sin(2 * math.pi * 440 * rate * torch.arange(12_000) / RATE_HZ)
    torch.testing.assert_close(played[0], wanted, atol=2e-2, rtol=0)


def test_what_a_faster_sound_cannot_hold_is_gone() -> None:
    played = at_rate(tones(7500), torch.full((4,), 1.25), 12_000)
    assert played.std() < 0.05 * tones(7500).std()


def test_a_clean_sound_changes_in_level_alone() -> None:
    sounds = tones(300) + tones(1000)
    heard = Perturbation(clean=1.0, gain_db=(-12.0, -12.0))(sounds, torch.Generator().manual_seed(0))
    torch.testing.assert_close(heard, sounds * 10 ** (-12 / 20))


def test_noise_is_as_loud_as_was_asked() -> None:
    sounds = 0.1 * tones(300, batch=32)
    quiet = {"clean": 0.0, "babble": 0.0, "reverberation": 0.0, "low_pass": 0.0, "gain_db": (0.0, 0.0)}
    plain = Perturbation(noise=0.0, **quiet)(sounds, torch.Generator().manual_seed(0))  # type: ignore[arg-type]
    noisy = Perturbation(noise=1.0, snr_db=(10.0, 10.0), **quiet)(  # type: ignore[arg-type]
        sounds, torch.Generator().manual_seed(0)
    )
    snr_db = 10 * torch.log10(plain.square().mean(1) / (noisy - plain).square().mean(1))
    assert (snr_db - 10).abs().max() < 1


def test_changed_sounds_stay_on_their_clock() -> None:
    clicks = torch.zeros(16, 16_000)
    clicks[:, 8000] = 0.5
    heard = Perturbation(clean=0.0, noise=0.0, babble=0.0)(clicks, torch.Generator().manual_seed(1))
    assert ((heard.abs().argmax(1) - 8000).abs() <= 16).all()


def test_the_same_seed_gives_the_same_sounds() -> None:
    first, second = (Perturbation()(tones(300), torch.Generator().manual_seed(3)) for _ in range(2))
    torch.testing.assert_close(first, second, atol=0, rtol=0)
    assert torch.isfinite(first).all()
    assert first.abs().max() <= 1

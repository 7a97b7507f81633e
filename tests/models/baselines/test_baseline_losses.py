"""The losses of the sources by hand arithmetic: every point is off by (3, 4) hundredths, a distance of 5."""

from math import sqrt

import numpy as np
import pytest
import torch
from torch import Tensor

from kfusion.landmarks import INNER_LIPS
from kfusion.models.baselines import BASELINES
from kfusion.models.baselines.baseline import Baseline
from kfusion.models.baselines.makeittalk import MakeItTalk, neighbours

GAP = 0.1
LIP_WEIGHT = 1 / (4 * GAP + 0.1)
EXPECTED = {
    "atvgnet": {"coefficients": 12.5},
    "makeittalk": {"position": 3.5 * (48 + 20 * LIP_WEIGHT) / 68, "laplacian": 0.0},
    "evp": {"coefficients": 12.5, "landmarks": 125.0},
    "eskimez-2018": {"position": 12.5},
    "eskimez-2021": {"position": 3.5},
    "mead-baseline": {"coefficients": sqrt(10 * 25)},
    "speech-sync-net": {"position": 1.25, "distance": 5.0},
    "song-2020": {"coefficients": 12.5, "mouth": 12.5},
    "sinha-2022": {"position": 12.5},
    "temporal-conv": {"position": 12.5},
}
"""Untrained components are single coordinates: x and y of the first three, eight, ten and sixteen points."""


def faces() -> tuple[Tensor, Tensor, Tensor]:
    """Predicted, target and mask; frames that are not there are far off."""
    target = torch.randn(2, 5, 68, 2, generator=torch.Generator().manual_seed(0))
    upper, lower = INNER_LIPS
    target[:, :, lower, 1] = target[:, :, upper, 1] + GAP
    predicted = target + torch.tensor([0.03, 0.04])
    mask = torch.tensor([[True] * 5, [True] * 2 + [False] * 3])
    predicted[1, 2:] += 7
    return predicted, target, mask


def values(network: Baseline, *arguments: Tensor) -> dict[str, float]:
    return {name: float(term) for name, term in network.loss(*arguments).items()}


@pytest.mark.parametrize("name", BASELINES)
def test_the_loss_is_the_sources(name: str) -> None:
    assert values(BASELINES[name](), *faces()) == pytest.approx(EXPECTED[name], abs=1e-4)


@pytest.mark.parametrize("name", BASELINES)
def test_a_perfect_prediction_costs_nothing_and_has_a_finite_gradient(name: str) -> None:
    _, target, mask = faces()
    predicted = target.clone().requires_grad_()
    total = torch.stack(list(BASELINES[name]().loss(predicted, target, mask).values())).sum()
    total.backward()
    assert total.detach() == 0
    assert predicted.grad is not None
    assert predicted.grad.isfinite().all()


@pytest.mark.parametrize(("name", "first_outside"), [("atvgnet", 3), ("mead-baseline", 58)])
def test_what_the_components_cannot_show_does_not_count(name: str, first_outside: int) -> None:
    network = BASELINES[name]()
    _, target, mask = faces()
    predicted = target.clone()
    predicted[:, :, first_outside:] += 0.05
    assert values(network, predicted, target, mask) == {"coefficients": 0}
    predicted[:, :, first_outside - 1] += 0.05
    assert values(network, predicted, target, mask)["coefficients"] > 1


@pytest.mark.parametrize(("point", "bend"), [(5, 2.0), (0, 1.5), (1, 2.5), (30, 2.0), (36, 2.0), (59, 2.0)])
def test_a_point_off_its_line_costs_as_its_neighbours_say(point: int, bend: float) -> None:
    """A hundredth in x: 1 at the point and a half at each that has it for a neighbour, 1 where it is both."""
    _, target, mask = faces()
    predicted = target.clone()
    predicted[:, :, point, 0] += 0.01
    assert values(MakeItTalk(), predicted, target, mask)["laplacian"] == pytest.approx(bend / 136, rel=1e-3)


def test_neighbours_stay_on_their_line() -> None:
    before, after = neighbours().tolist()
    assert (before[0], after[0], before[16], after[16]) == (1, 1, 15, 15)
    assert (before[27], after[30], after[35]) == (28, 31, 34)
    assert (before[48], after[59], before[60], after[67]) == (59, 48, 67, 60)
    assert (before[50], after[50]) == (49, 51)


def test_lips_that_touch_weigh_ten_times() -> None:
    _, target, mask = faces()
    upper, lower = INNER_LIPS
    target[:, :, lower, 1] = target[:, :, upper, 1]
    predicted = target + 0.01
    assert values(MakeItTalk(), predicted, target, mask)["position"] == pytest.approx((48 + 20 * 10) / 68, rel=1e-4)


def test_smoothing_keeps_a_cubic_and_calms_noise() -> None:
    time = np.arange(30, dtype=np.float32)[:, None, None] / 10
    cubic = np.broadcast_to(time**3 - 2 * time, (30, 68, 2)).astype(np.float32)
    network = MakeItTalk()
    np.testing.assert_allclose(network.smooth(cubic), cubic, atol=1e-4)
    noise = np.random.default_rng(0).normal(size=(30, 68, 2)).astype(np.float32)
    smoothed = network.smooth(noise)
    assert smoothed.shape == noise.shape
    assert smoothed.dtype == np.float32
    assert smoothed.std() < 0.85 * noise.std()
    assert np.array_equal(network.smooth(noise[:4]), noise[:4])

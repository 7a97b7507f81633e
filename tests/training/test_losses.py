import pytest
import torch
from torch import Tensor

from kfusion.training.losses import LossConfig, lip_opening, loss, silent_frames

UPPER, LOWER = [61, 62, 63], [67, 66, 65]


def faces(frames: int = 3, opening: float = 0.0) -> Tensor:
    """One clip whose points are all at the origin, but for the lower inner lip."""
    points = torch.zeros(1, frames, 68, 2)
    points[:, :, LOWER, 1] = opening
    return points


def all_there(points: Tensor) -> Tensor:
    return torch.ones(points.shape[:2], dtype=torch.bool)


def test_a_shift_by_3_and_4_hundredths_costs_25() -> None:
    target = faces()
    terms = loss(target + torch.tensor([0.03, 0.04]), target, all_there(target), LossConfig())
    assert list(terms) == ["position"]
    assert terms["position"].item() == pytest.approx(25)


def test_the_mouth_weighs_as_much_as_it_is_told_to() -> None:
    target = faces()
    predicted = target.clone()
    predicted[:, :, 48:, 0] = 0.03
    plain, heavy = (loss(predicted, target, all_there(target), LossConfig(mouth=mouth)) for mouth in (1.0, 2.0))
    assert plain["position"].item() == pytest.approx(9 * 20 / 68)
    assert heavy["position"].item() == pytest.approx(9 * 40 / 88)


def test_a_constant_shift_costs_no_velocity_and_a_jump_does() -> None:
    target = faces(frames=3)
    shifted, jumping = target + 0.05, target.clone()
    jumping[:, 1, :, 0] += 0.02
    config = LossConfig(velocity=3.0)
    assert loss(shifted, target, all_there(target), config)["velocity"].item() == pytest.approx(0, abs=1e-6)
    # The error is 0, 2, 0: its two differences are 2 and -2, so 4 each, and three times that.
    assert loss(jumping, target, all_there(target), config)["velocity"].item() == pytest.approx(12)


def test_an_opening_error_costs_more_at_a_closure() -> None:
    config = LossConfig(opening=2.0, closure_px=2.0)
    for opening, closing in ((0.0, 1 + 1 / 0.25), (0.035, 1 + 1 / (3.5 / 2 + 0.25))):
        target, predicted = faces(opening=opening), faces(opening=opening + 0.03)
        cost = loss(predicted, target, all_there(target), config)["opening"].item()
        assert cost == pytest.approx(2 * closing * 3, rel=1e-4)


def test_the_opening_is_how_far_the_lower_inner_lip_is_below_the_upper() -> None:
    points = faces(opening=0.5)
    points[:, :, UPPER, 1] = 0.1
    assert torch.allclose(lip_opening(points), torch.full((1, 3, 3), 0.4))


def test_padding_costs_nothing() -> None:
    config = LossConfig(velocity=1.0, opening=1.0)
    predicted, target = torch.rand(2, 5, 68, 2), torch.rand(2, 5, 68, 2)
    mask = torch.arange(5) < torch.tensor([[5], [3]])
    before = loss(predicted, target, mask, config)
    predicted[1, 3:] = 77
    after = loss(predicted, target, mask, config)
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_frames_count_the_same_whatever_clip_they_are_of() -> None:
    predicted, target = torch.rand(2, 4, 68, 2), torch.rand(2, 4, 68, 2)
    mask = torch.arange(4) < torch.tensor([[4], [2]])
    joint = loss(predicted, target, mask, LossConfig())["position"]
    apart = [
        loss(predicted[k : k + 1, :n], target[k : k + 1, :n], mask[k : k + 1, :n], LossConfig())
        for k, n in enumerate((4, 2))
    ]
    assert joint.item() == pytest.approx((4 * apart[0]["position"].item() + 2 * apart[1]["position"].item()) / 6)


def test_silence_is_where_the_sound_is_quiet_on_both_sides() -> None:
    samples = torch.zeros(1, 16_000)
    samples[:, 4800:8000] = 0.5 * torch.sin(torch.arange(3200) * 0.3)
    silent = silent_frames(samples, 30)[0]
    assert silent[:6].all()  # to 0.17 s; the sound starts at 0.3 s
    assert not silent[9:15].any()
    assert silent[19:].all()


def test_a_mouth_that_moves_in_silence_costs_and_one_that_moves_in_speech_does_not() -> None:
    target, config = faces(frames=30), LossConfig(silence=2.0)
    moving = target.clone()
    moving[:, ::2, 48:, 0] = 0.01
    noise = torch.randn(1, 16_000, generator=torch.Generator().manual_seed(0))
    quiet = loss(moving, target, all_there(target), config, torch.zeros(1, 16_000))["silence"].item()
    loud = loss(moving, target, all_there(target), config, noise)["silence"].item()
    assert quiet == pytest.approx(2 * 1)
    assert loud == 0

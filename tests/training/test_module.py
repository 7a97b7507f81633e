import math

import pytest
import torch
from factories.training import tiny_run

from kfusion.training.batches import Batch
from kfusion.training.losses import loss
from kfusion.training.module import TrainingModule, clip_scores, learning_rate, step_seed
from kfusion.training.run_config import OptimiserConfig


def batch_of(frames: list[int], dim: int = 12) -> Batch:
    generator = torch.Generator().manual_seed(0)
    longest = max(frames)
    steps = -(-longest * 5 // 3)
    return Batch(
        samples=0.1 * torch.randn(len(frames), longest * 16_000 // 30, generator=generator),
        features=torch.randn(len(frames), steps, dim, generator=generator),
        identity=torch.randn(len(frames), 68, 2, generator=generator),
        emotion=torch.tensor([[5, 2]] * len(frames)),
        frames=torch.tensor(frames),
        target=torch.randn(len(frames), longest, 68, 2, generator=generator),
        counted=torch.ones(len(frames), dtype=torch.bool),
    )


def test_every_parameter_gets_a_gradient_in_one_step() -> None:
    run = tiny_run()
    module, batch = TrainingModule(run), batch_of([12, 7])
    torch.stack(list(loss(module(batch), batch.target, batch.mask, run.loss).values())).sum().backward()
    for name, weight in module.network.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.abs().max() > 0, name


def test_the_first_weights_follow_from_the_seed() -> None:
    one, same, other = (TrainingModule(tiny_run(optimiser__seed=seed)).state_dict() for seed in (3, 3, 4))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert any(not torch.equal(one[name], other[name]) for name in one)


def test_scores_agree_with_hand_arithmetic() -> None:
    batch = batch_of([6, 4])._replace(identity=torch.zeros(2, 68, 2), target=torch.zeros(2, 6, 68, 2))
    batch.target[:, :, 66, 1] = torch.arange(6.0)
    predicted = batch.target * 2 + torch.tensor([0.03, 0.04])
    predicted[1, 4:] = 1e6
    mld, hold, opening = clip_scores(predicted, batch).unbind(1)
    assert hold.tolist() == pytest.approx([100 * 15 / 6 / 20, 100 * 6 / 4 / 20])
    moved = [sum(math.hypot(0.03, 0.04 + t) for t in range(n)) / n for n in (6, 4)]
    assert mld.tolist() == pytest.approx([(19 * 5 + 100 * value) / 20 for value in moved], rel=1e-4)
    assert opening.tolist() == pytest.approx([1, 1])


def test_the_correlation_of_a_mouth_that_does_not_move_is_not_a_number() -> None:
    batch = batch_of([6])
    assert clip_scores(batch.identity[:, None].expand_as(batch.target), batch)[0, 2].isnan()


def test_the_correlation_is_that_of_numpy() -> None:
    batch, predicted = batch_of([9]), torch.randn(1, 9, 68, 2)
    openings = [points[0, :, 66, 1] - points[0, :, 62, 1] for points in (predicted, batch.target)]
    assert clip_scores(predicted, batch)[0, 2].item() == pytest.approx(
        torch.corrcoef(torch.stack(openings))[0, 1].item()
    )


def test_the_learning_rate_warms_up_and_falls_to_its_lowest() -> None:
    config = OptimiserConfig(learning_rate=1.0, min_learning_rate=0.1, warmup_steps=4, epochs=10)
    assert [learning_rate(config, step, 10) for step in (0, 1)] == pytest.approx([0.25, 0.5], rel=1e-3)
    assert learning_rate(config, 50, 10) == pytest.approx(0.55)
    assert learning_rate(config, 100, 10) == pytest.approx(0.1)


def test_the_learning_rate_of_the_paper_changes_once_an_epoch() -> None:
    config = OptimiserConfig(learning_rate=3e-4, min_learning_rate=1e-6, warmup_steps=0, epochs=200, anneal="epoch")
    assert learning_rate(config, 0, 7) == learning_rate(config, 6, 7) == 3e-4
    assert learning_rate(config, 7, 7) == pytest.approx(1e-6 + (3e-4 - 1e-6) * (1 + math.cos(math.pi / 200)) / 2)
    assert learning_rate(config, 1400, 7) == pytest.approx(1e-6)


@pytest.mark.parametrize("anneal", ["step", "epoch"])
def test_the_annealing_spans_the_steps_that_there_are(anneal: str) -> None:
    run = {"learning_rate": 1.0, "min_learning_rate": 0.1, "warmup_steps": 0, "epochs": 3, "max_steps": 70}
    config = OptimiserConfig(**run, anneal=anneal)  # type: ignore[arg-type]
    assert learning_rate(config, 35, 7) == pytest.approx(0.55)
    assert learning_rate(config, 70, 7) == pytest.approx(0.1)
    assert learning_rate(config, 69, 7) > 0.1


def test_every_step_of_every_process_has_its_own_seed() -> None:
    seeds = {
        step_seed(seed, epoch, batch, rank)
        for seed in (0, 1)
        for epoch in (0, 1)
        for batch in (0, 1)
        for rank in (0, 1)
    }
    assert len(seeds) == 16

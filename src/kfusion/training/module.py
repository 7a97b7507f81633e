"""One step of training and of validation, for Lightning."""

import math
from dataclasses import asdict
from functools import cached_property
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from lightning.pytorch import LightningModule
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor
from torch.optim import Adam, AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from kfusion.landmarks import INNER_LIPS, MOUTH
from kfusion.models.baselines.baseline import Baseline
from kfusion.models.layers import masked_mean
from kfusion.models.networks import build_network
from kfusion.training.batches import Batch
from kfusion.training.datamodule import TalkingData
from kfusion.training.losses import LIP_PAIRS, lip_opening, loss
from kfusion.training.run_config import OptimiserConfig, RunConfig
from kfusion.training.statistics import take_statistics

MLD, HOLD_MLD, OPENING = "val/M-LD", "val/hold M-LD", "val/mouth-opening correlation"
"""M-LD is in % of the inter-ocular distance; `hold` is the identity held still."""
SCORES = (MLD, HOLD_MLD, OPENING)
LOSS = "train/loss"


class TrainingModule(LightningModule):
    """A network and how it is trained.

    Args:
        run: what is trained.
        compiled: let PyTorch compile the training step's network; scores are taken without.
    """

    def __init__(self, run: RunConfig, *, compiled: bool = False) -> None:
        super().__init__()
        self.run, self.compiled = run, compiled
        torch.manual_seed(run.optimiser.seed)
        self.network = build_network(run.model)
        self.clip_scores: list[Tensor] = []

    def setup(self, stage: str) -> None:
        """Give the network the statistics of what it will see, the same ones in every process."""
        take_statistics(self.network, self._data.training_faces)

    def forward(self, batch: Batch) -> Float[Tensor, "batch time 68 2"]:
        """Landmarks of every clip."""
        network = self._fast if self.compiled and self.training else self.network
        predicted: Tensor = network(batch.samples, batch.features, batch.identity, batch.emotion, batch.frames)
        return predicted

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Dropout follows from the place in the run alone, so that a resumed run draws the same."""
        torch.manual_seed(step_seed(self.run.optimiser.seed, self.current_epoch, batch_idx, self.global_rank))

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The loss, each of its terms logged."""
        predicted = self(batch)
        with torch.autocast(self.device.type, enabled=False):
            terms = self.terms(predicted, batch)
            total = torch.stack(list(terms.values())).sum()
        logged = {LOSS: total.detach(), **{f"train/{name}": term.detach() for name, term in terms.items()}}
        clips = self._data.clips_in_step(batch_idx, self.trainer.world_size)
        self.log_dict(logged, on_step=False, on_epoch=True, batch_size=clips, sync_dist=True)
        return total

    def terms(self, predicted: Float[Tensor, "batch time 68 2"], batch: Batch) -> dict[str, Tensor]:
        """The terms of the loss: ours as the run weighs them, or those of a baseline's source.

        The mean of those of all processes is the mean over all their frames.
        """
        if isinstance(self.network, Baseline) and self.network.own_loss:
            own = self.network.loss(predicted.float(), batch.target, batch.mask)
            if self.trainer.world_size == 1:
                return own
            share = self._mean(torch.ones_like(batch.mask, dtype=torch.float32), batch.mask)
            return {name: share * term for name, term in own.items()}
        return loss(predicted, batch.target, batch.mask, self.run.loss, batch.samples, self._mean)

    def _mean(self, values: Tensor, mask: Tensor) -> Tensor:
        """The mean over the frames that are there, each process's part of it as large as its part of the frames."""
        processes = self.trainer.world_size
        if processes == 1:
            return masked_mean(values, mask)
        frames = self.trainer.strategy.reduce(mask.sum(), reduce_op="sum")
        return processes * (values * mask).sum() / frames.clamp(min=1)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """The scores of every clip, in full precision."""
        with torch.autocast(self.device.type, enabled=False):
            self.clip_scores.append(clip_scores(self(batch), batch)[batch.counted])

    def on_validation_epoch_end(self) -> None:
        """The mean over the clips of all processes."""
        scores = torch.cat(self.clip_scores)
        self.clip_scores.clear()
        counted = ~scores.isnan()
        counted[:, : SCORES.index(OPENING)] = True  # a distance that is not a number is a network that diverged
        sums = torch.stack([torch.where(counted, scores, 0).sum(0), counted.sum(0)])
        total, count = self.trainer.strategy.reduce(sums, reduce_op="sum")
        self.log_dict(dict(zip(SCORES, total / count, strict=True)), sync_dist=True)

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """Adam or AdamW with warm-up and cosine annealing."""
        config = self.run.optimiser
        kind = Adam if config.name == "adam" else AdamW
        optimiser = kind(
            self.parameters(),
            lr=config.learning_rate,
            betas=(config.beta1, 0.999),
            weight_decay=config.weight_decay,
            fused=True,
        )
        steps = self._data.steps_per_epoch(self.trainer.world_size)
        scheduler = LambdaLR(optimiser, lambda step: learning_rate(config, step, steps) / config.learning_rate)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def configure_gradient_clipping(
        self,
        optimizer: Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Limit the gradient ourselves: Lightning refuses to with a fused optimiser, which is right in bf16."""
        if self.run.optimiser.gradient_clip is not None:
            torch.nn.utils.clip_grad_norm_(self.parameters(), self.run.optimiser.gradient_clip)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add what a resumed run must share with this one."""
        checkpoint["kfusion"] = {"run": asdict(self.run), **self._data.origin()}

    def on_train_epoch_start(self) -> None:
        """Show the learning rate beside the losses."""
        rate = self.trainer.optimizers[0].param_groups[0]["lr"]
        self.log("learning rate", rate, sync_dist=True)

    @cached_property
    def _fast(self) -> Any:
        """The same network compiled, kept out of the modules so that nothing is saved twice."""
        return torch.compile(self.network.forward)

    @property
    def _data(self) -> TalkingData:
        data: TalkingData = self.trainer.datamodule  # type: ignore[attr-defined]
        return data


def clip_scores(predicted: Float[Tensor, "batch time 68 2"], batch: Batch) -> Float[Tensor, "batch scores"]:
    """M-LD and M-LD of the held identity in % of the inter-ocular distance, and the mouth-opening correlation.

    The correlation is NaN where the mouth of the clip or of the prediction does not move.
    """
    mask = batch.mask
    held = batch.identity[:, None].expand_as(batch.target)
    columns = [
        100 * _mouth_distance(predicted, batch.target, mask),
        100 * _mouth_distance(held, batch.target, mask),
        _correlation(_opening(predicted), _opening(batch.target), mask),
    ]
    return torch.stack(columns, dim=-1)


def _mouth_distance(ours: Tensor, theirs: Tensor, mask: Tensor) -> Float[Tensor, " batch"]:
    distance: Tensor = torch.linalg.vector_norm((ours - theirs)[:, :, MOUTH], dim=-1).mean(-1)
    mean: Tensor = (distance * mask).sum(1) / mask.sum(1)
    return mean


def _opening(points: Tensor) -> Float[Tensor, "batch time"]:
    """How far the lower inner lip is below the upper one in the middle, in the unit frame, where the eyes are level."""
    return lip_opening(points)[..., LIP_PAIRS.index(INNER_LIPS)]


def _correlation(ours: Tensor, theirs: Tensor, mask: Tensor) -> Float[Tensor, " batch"]:
    count = mask.sum(1, keepdim=True)
    ours, theirs = ((x - (x * mask).sum(1, keepdim=True) / count) * mask for x in (ours, theirs))
    powers = ours.square().sum(1) * theirs.square().sum(1)
    correlation = (ours * theirs).sum(1) / powers.sqrt()
    return torch.where(powers > 1e-16, correlation, torch.nan)


def learning_rate(config: OptimiserConfig, step: int, steps_per_epoch: int) -> float:
    """At a step counted from 0: a linear warm-up times a cosine from the highest rate to the lowest."""
    total = config.max_steps or steps_per_epoch * config.epochs
    lowered_at = step // steps_per_epoch * steps_per_epoch if config.anneal == "epoch" else step
    done = lowered_at / total
    cosine = (1 + math.cos(math.pi * min(1.0, done))) / 2
    annealed = config.min_learning_rate + (config.learning_rate - config.min_learning_rate) * cosine
    return annealed * min(1.0, (step + 1) / max(1, config.warmup_steps))


def step_seed(seed: int, epoch: int, batch: int, rank: int) -> int:
    """A seed for one step of one process."""
    return int(np.random.SeedSequence([seed, epoch, batch, rank]).generate_state(1, np.uint64)[0])

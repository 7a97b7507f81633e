"""The clips of a run for Lightning: what epoch, process and position see follows from the seed alone."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader, Sampler

from kfusion.emotion import EMOTIONS
from kfusion.errors import InputError
from kfusion.training.batches import Batch, TalkingFaces, collate
from kfusion.training.epoch_order import EpochOrder, ShownPiece
from kfusion.training.run_config import RunConfig
from kfusion.training.training_set import TRAIN, VAL, TrainingSet, described

_BATCHES_AHEAD = 4
"""For each process that loads."""


class TalkingData(LightningDataModule):
    """The training and validation clips of the data sets; what is missing of their features is computed first.

    The data sets must lie where every machine of the run sees them.

    Args:
        sets: the prepared data sets.
        run: what is trained.
        workers: processes that load clips; 0: the training process itself.
        share: the number of this process, and how many compute features.

    Raises:
        InputError: a split is empty, or the features are not as wide as the network expects.
    """

    def __init__(
        self, sets: Sequence[TrainingSet], run: RunConfig, *, workers: int = 0, share: tuple[int, int] = (0, 1)
    ) -> None:
        super().__init__()
        self.sets, self.run, self.workers = sets, run, workers
        self.position: tuple[int, int] = (0, 0)
        """The epoch the run is in, and how many of its batches are done."""
        self.training_faces, self.validation_faces = (
            TalkingFaces(
                sets,
                split,
                run.model.speech_encoder,
                run.data,
                seed=run.optimiser.seed,
                training=split == TRAIN,
                share=share,
            )
            for split in (TRAIN, VAL)
        )
        widths = {summary.width for summary in self.training_faces.summaries.values() if summary.width}
        for width in widths - {run.model.feature_dim}:
            name, expected = run.model.speech_encoder, run.model.feature_dim
            raise InputError(f"features of '{name}' are {width} wide, not {expected}: pass --model.feature-dim {width}")

    def train_dataloader(self) -> DataLoader[Batch]:
        """Shuffled anew every epoch; after a resume only what is left of the epoch."""
        return self._loader(self.training_faces, shuffle=True)

    def val_dataloader(self) -> DataLoader[Batch]:
        """Always the same batches."""
        return self._loader(self.validation_faces, shuffle=False)

    def steps_per_epoch(self, processes: int) -> int:
        """How many batches each process sees."""
        return -(-len(self.training_faces) // (processes * self.run.optimiser.batch_size))

    def clips_in_step(self, step: int, processes: int) -> int:
        """How many clips all processes together see in a step of an epoch."""
        full = processes * self.run.optimiser.batch_size
        return min(full, len(self.training_faces) - step * full)

    def epochs(self, processes: int) -> int:
        """How many epochs the run has; with `max_steps` the last one may end early."""
        epochs, steps = self.run.optimiser.epochs, self.run.optimiser.max_steps
        return epochs if steps is None else -(-steps // self.steps_per_epoch(processes))

    def state_dict(self) -> dict[str, Any]:
        """Where the run stands."""
        return {"position": list(self.position)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from there."""
        epoch, batches = state_dict["position"]
        self.position = (int(epoch), int(batches))

    def described(self) -> list[dict[str, Any]]:
        """What identifies the clips that the run sees of each data set."""
        return [
            described(self.training_faces.summaries[part], self.validation_faces.summaries[part], part.weight)
            for part in self.sets
        ]

    def emotions(self) -> tuple[str, ...]:
        """Those that training clips are labelled with, in the usual order."""
        found = set[str]().union(*(summary.emotions for summary in self.training_faces.summaries.values()))
        return tuple(emotion for emotion in EMOTIONS if emotion in found)

    def origin(self) -> dict[str, Any]:
        """What a resumed run must share with this one besides the configuration."""
        assert self.trainer is not None
        return {"training_data": self.described(), "processes": self.trainer.world_size}

    def _loader(self, faces: TalkingFaces, *, shuffle: bool) -> DataLoader[Batch]:
        assert self.trainer is not None
        sampler = EpochSampler(
            faces.order,
            batch_size=self.run.optimiser.batch_size,
            rank=self.trainer.global_rank,
            processes=self.trainer.world_size,
            done=self.position if shuffle else (0, 0),
        )
        return DataLoader(
            faces,
            batch_size=self.run.optimiser.batch_size,
            sampler=sampler,
            collate_fn=collate,
            num_workers=self.workers,
            persistent_workers=self.workers > 0,
            prefetch_factor=_BATCHES_AHEAD if self.workers else None,
            pin_memory=self.trainer.strategy.root_device.type == "cuda",
            generator=torch.Generator(),
        )


class EpochSampler(Sampler[ShownPiece]):
    """The share of one process in the clips of an epoch.

    Args:
        order: of all clips.
        batch_size: clips in a batch of this process.
        rank: of this process.
        processes: how many share the clips.
        done: an epoch and how many of its batches are not to be seen again.
    """

    def __init__(
        self, order: EpochOrder, *, batch_size: int, rank: int = 0, processes: int = 1, done: tuple[int, int] = (0, 0)
    ) -> None:
        self.order, self.batch_size = order, batch_size
        self.rank, self.processes, self.done = rank, processes, done
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Lightning calls this before every epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        """Clips of a whole epoch."""
        return -(-self.order.count // self.processes)

    def __iter__(self) -> Iterator[ShownPiece]:
        """What is left of the epoch."""
        share = self.order.share(self.epoch, rank=self.rank, processes=self.processes)
        return itertools.islice(share, self.done[1] * self.batch_size if self.epoch == self.done[0] else 0, None)

"""The clips of a run for Lightning: what epoch, process and position see follows from the seed alone."""

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader, Dataset, Sampler

from kfusion.data.store import ClipStore
from kfusion.emotion import EMOTIONS
from kfusion.errors import InputError
from kfusion.training.batches import Batch, TalkingFaces, collate
from kfusion.training.features import load_variants
from kfusion.training.run_config import RunConfig

TRAIN, VAL = "train", "val"
_ORDER = 0x0DE5
"""Keeps the random numbers of the order apart from those of the clips."""

Key = tuple[int, int]
"""Epoch and index of a clip."""


class TalkingData(LightningDataModule):
    """The training and validation clips of the data sets; the first process alone computes missing features.

    The data sets must lie where every machine of the run sees them.

    Args:
        stores: the prepared data sets.
        run: what is trained.
        workers: processes that load clips; 0: the training process itself.
    """

    def __init__(self, stores: list[ClipStore], run: RunConfig, *, workers: int = 0) -> None:
        super().__init__()
        self.prepare_data_per_node = False
        self.stores, self.run, self.workers = stores, run, workers
        self.position: tuple[int, int] = (0, 0)
        """The epoch the run is in, and how many of its batches are done."""

    def prepare_data(self) -> None:
        """Compute the speech features that are not there yet."""
        for store in self.stores:
            for split in (TRAIN, VAL):
                if clips := store.split(split):
                    count = self.run.data.variants_of(clips) if split == TRAIN else 1
                    load_variants(store, split, self.run.model.speech_encoder, count)

    def setup(self, stage: str) -> None:
        """Open the clips.

        Raises:
            InputError: the features are not as wide as the network expects.
        """
        self.training_faces = self._faces(TRAIN, training=True)
        self.validation_faces = self._faces(VAL, training=False)
        width, expected = self.training_faces.variants[0].features.shape[1], self.run.model.feature_dim
        if width != expected:
            name = self.run.model.speech_encoder
            raise InputError(f"features of '{name}' are {width} wide, not {expected}: pass --model.feature-dim {width}")

    def train_dataloader(self) -> DataLoader[Batch]:
        """Shuffled anew every epoch; after a resume only what is left of the epoch."""
        return self._loader(self.training_faces, shuffle=True)

    def val_dataloader(self) -> DataLoader[Batch]:
        """Always the same batches."""
        return self._loader(self.validation_faces, shuffle=False)

    def steps_per_epoch(self, processes: int) -> int:
        """How many batches each process sees."""
        pieces = sum(self.run.data.pieces_of(clip.frames) for store in self.stores for clip in store.split(TRAIN))
        return -(-pieces // (processes * self.run.optimiser.batch_size))

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

    def origin(self) -> dict[str, Any]:
        """What a resumed run must share with this one besides the configuration."""
        assert self.trainer is not None
        return {"training_data": [describe(store) for store in self.stores], "processes": self.trainer.world_size}

    def _faces(self, split: str, *, training: bool) -> TalkingFaces:
        run = self.run
        encoder, seed = run.model.speech_encoder, run.optimiser.seed
        return TalkingFaces(self.stores, split, encoder, run.data, seed=seed, training=training)

    def _loader(self, faces: TalkingFaces, *, shuffle: bool) -> DataLoader[Batch]:
        assert self.trainer is not None
        sampler = EpochSampler(
            len(faces),
            seed=self.run.optimiser.seed if shuffle else None,
            batch_size=self.run.optimiser.batch_size,
            rank=self.trainer.global_rank,
            processes=self.trainer.world_size,
            done=self.position if shuffle else (0, 0),
        )
        return DataLoader(
            _ByEpoch(faces),
            batch_size=self.run.optimiser.batch_size,
            sampler=sampler,
            collate_fn=collate,
            num_workers=self.workers,
            persistent_workers=self.workers > 0,
            pin_memory=self.trainer.strategy.root_device.type == "cuda",
            generator=torch.Generator(),
        )


class EpochSampler(Sampler[Key]):
    """The share of one process in the clips of an epoch, as keys.

    The last clips are made up to a multiple of the number of processes with the first of the order.

    Args:
        count: of clips.
        seed: of the order, which also depends on the epoch; None: as they come.
        batch_size: clips in a batch of this process.
        rank: of this process.
        processes: how many share the clips.
        done: an epoch and how many of its batches are not to be seen again.
    """

    def __init__(
        self, count: int, *, seed: int | None, batch_size: int, rank: int = 0, processes: int = 1, done: Key = (0, 0)
    ) -> None:
        self.count, self.seed, self.batch_size = count, seed, batch_size
        self.rank, self.processes, self.done = rank, processes, done
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Lightning calls this before every epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        """Clips of a whole epoch."""
        return -(-self.count // self.processes)

    def __iter__(self) -> Iterator[Key]:
        """What is left of the epoch."""
        order = np.arange(self.count)
        if self.seed is not None:
            order = np.random.default_rng([self.seed, self.epoch, _ORDER]).permutation(self.count)
        mine = np.resize(order, len(self) * self.processes)[self.rank :: self.processes]
        first = self.done[1] * self.batch_size if self.epoch == self.done[0] else 0
        return iter([(self.epoch, int(index)) for index in mine[first:]])


class _ByEpoch(Dataset[Batch]):
    """Clips by key, so that a loading process that lives for many epochs knows which one it is in."""

    def __init__(self, faces: TalkingFaces) -> None:
        self.faces = faces

    def __len__(self) -> int:
        return len(self.faces)

    def __getitem__(self, key: Key) -> Batch:
        self.faces.epoch, index = key
        return self.faces[index]


def training_emotions(stores: list[ClipStore]) -> tuple[str, ...]:
    """The emotions that training clips are labelled with, in the usual order."""
    found = {clip.emotion for store in stores for clip in store.split(TRAIN)}
    return tuple(emotion for emotion in EMOTIONS if emotion in found)


def describe(store: ClipStore) -> dict[str, Any]:
    """What identifies the clips that a run sees of a data set, wherever it lies."""
    train, val = store.split(TRAIN), store.split(VAL)
    ids = sorted(f"{clip.split}/{clip.corpus}/{clip.clip_id}{clip.moved}" for clip in (*train, *val))
    return {
        "corpora": sorted({clip.corpus for clip in train}),
        "train_clips": len(train),
        "val_clips": len(val),
        "train_speakers": len({(clip.corpus, clip.speaker) for clip in train}),
        "sha256": hashlib.sha256("\n".join(ids).encode()).hexdigest(),
    }

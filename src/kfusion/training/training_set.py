"""A prepared data set as training sees it: by its address and its weight, shard by shard."""

import hashlib
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kfusion.data.store import ClipStore, StoredClip
from kfusion.errors import InputError
from kfusion.training.features import ClipSpan, FeatureKind, ShardVersion, compute
from kfusion.training.store_folder import StoreFolder

TRAIN, VAL = "train", "val"
MOST_WEIGHT = 1000
_SHARD = re.compile(r"([a-z]+)-\d+\.parquet")
_WEIGHTED = re.compile(r"(.+)\*([^*/]*)", re.DOTALL)
_LOOK_AGAIN_S = 1.0


class TrainingSet:
    """One `--data`: `DIR`, `s3://BUCKET/SET`, or either of them followed by `*WEIGHT`.

    Args:
        address: a path or what fsspec understands.
        weight: how often an epoch shows every training clip; 0.5: half of them, drawn anew.

    Raises:
        InputError: there is no prepared data set, or the weight cannot be used.
    """

    def __init__(self, address: str | Path, weight: float = 1.0) -> None:
        self.folder, self.weight = StoreFolder(address), weight
        if not 0 < weight <= MOST_WEIGHT:
            raise InputError(f"{address}: weight {weight:g}: use more than 0, up to {MOST_WEIGHT}")
        names = sorted(name for name in self.folder.sizes("data") if _SHARD.fullmatch(name))
        if not names:
            raise InputError(f"{self}: not a prepared data set: make it with `kfusion prepare CORPUS SRC -o DIR`")
        self._shards = names

    @classmethod
    def parse(cls, words: str | Path) -> "TrainingSet":
        """What `--data` says."""
        match = _WEIGHTED.fullmatch(str(words))
        if match is None or Path(words).exists():
            return cls(words)
        try:
            weight = float(match[2])
        except ValueError as error:
            raise InputError(f"{words}: '{match[2]}' is no weight: use a number, as in DIR*0.5") from error
        return cls(match[1], weight)

    def __str__(self) -> str:
        return str(self.folder)

    def shards(self, split: str) -> list[str]:
        """The file names of a split's shards, in order."""
        return [name for name in self._shards if name.startswith(f"{split}-")]

    def compute_missing(self, kind: FeatureKind, split: str, versions: int, share: tuple[int, int] = (0, 1)) -> None:
        """Compute what is not there yet: this process's share of it. The others' is waited for.

        Args:
            kind: of what.
            split: of which clips.
            versions: how many of each.
            share: the number of this process, and how many there are.
        """
        wanted = [(shard, version) for version in range(versions) for shard in self.shards(split)]
        compute(self.folder, self._missing(kind, wanted[share[0] :: share[1]]), kind)
        while share[1] > 1 and self._missing(kind, wanted):
            time.sleep(_LOOK_AGAIN_S)

    def _missing(self, kind: FeatureKind, wanted: list[tuple[str, int]]) -> list[tuple[str, int]]:
        there = self.folder.sizes(kind.folder) if wanted else {}
        return [job for job in wanted if kind.name(*job, ".json").rpartition("/")[2] not in there]

    def load(self, kind: FeatureKind, shards: Sequence[str], versions: int) -> list[list[ShardVersion]]:
        """The first `versions` of some shards, all asked for at once."""
        names = [kind.name(shard, version, "") for shard in shards for version in range(versions)]
        content = self.folder.read([f"{name}.json" for name in names])
        parsed = [ShardVersion.parse(f"{name}.blocks", text) for name, text in zip(names, content, strict=True)]
        return [parsed[first : first + versions] for first in range(0, len(parsed), versions)]

    def summary(self, kind: FeatureKind, split: str, pieces_of: Callable[[int], int]) -> "SplitSummary":
        """What a split holds, read shard by shard.

        Args:
            kind: of the features, which are there.
            split: of the data set.
            pieces_of: how many pieces of a clip of so many frames an epoch shows.
        """
        summary = SplitSummary()
        for shard in self.shards(split):
            ((version, *_),) = self.load(kind, [shard], 1)
            summary.width = version.width
            summary.pieces.append(sum(pieces_of(clip.frames) for clip in version.clips))
            for clip in version.clips:
                summary.add(clip, split)
        return summary


@dataclass(slots=True)
class SplitSummary:
    """What is known of a split without holding its clips."""

    clips: int = 0
    frames: int = 0
    width: int = 0
    """Of the speech features."""
    corpora: set[str] = field(default_factory=set)
    voices: set[str] = field(default_factory=set)
    emotions: set[str] = field(default_factory=set)
    pieces: list[int] = field(default_factory=list)
    """Of every shard."""
    digest: int = 0
    """The sum of the digests of all clips, so that it does not matter in which order or shard they stand."""

    def add(self, clip: ClipSpan | StoredClip, split: str) -> None:
        """Count a clip."""
        self.clips += 1
        self.frames += clip.frames
        self.corpora.add(clip.corpus)
        self.voices.add(f"{clip.corpus}/{clip.speaker}")
        self.emotions |= {clip.emotion} - {None}  # type: ignore[arg-type]
        name = f"{split}/{clip.corpus}/{clip.clip_id}{clip.moved}"
        self.digest += int.from_bytes(hashlib.sha256(name.encode(errors="backslashreplace")).digest())


def describe(store: ClipStore) -> dict[str, Any]:
    """What identifies the clips of a prepared data set that is held in memory."""
    summaries = {split: SplitSummary() for split in (TRAIN, VAL)}
    for split, summary in summaries.items():
        for clip in store.split(split):
            summary.add(clip, split)
    return described(summaries[TRAIN], summaries[VAL])


def described(train: SplitSummary, val: SplitSummary, weight: float = 1.0) -> dict[str, Any]:
    """What identifies the clips that a run sees of a data set, wherever it lies."""
    return {
        "corpora": sorted(train.corpora),
        "train_clips": train.clips,
        "val_clips": val.clips,
        "train_speakers": len(train.voices),
        "sha256": f"{(train.digest + val.digest) % 2**256:064x}",
        **({} if weight == 1 else {"weight": weight}),
    }

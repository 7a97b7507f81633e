"""The clips of the shards that are shuffled together, and their bytes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kfusion.landmarks import POINT_COUNT, Points
from kfusion.models.past import BLOCK_FRAMES, BLOCK_STEPS
from kfusion.training.features import ClipSpan, FeatureKind, ShardVersion, block_type
from kfusion.training.store_folder import ByteRange, StoreFolder
from kfusion.training.training_set import TrainingSet

FACE_BYTES = POINT_COUNT * 2 * 4


@dataclass(frozen=True, slots=True)
class SetShard:
    """A shard of a data set, with as many versions of it as there are."""

    set: TrainingSet
    name: str
    versions: int


class ByteSpan(NamedTuple):
    """A stretch of a file of a data set."""

    folder: StoreFolder
    stretch: ByteRange


class WindowClip(NamedTuple):
    """A clip in all its versions."""

    folder: StoreFolder
    width: int
    versions: list[tuple[str, ClipSpan]]
    """Of each the file of blocks and the place in it; the first is as it was recorded."""

    @property
    def recorded(self) -> ClipSpan:
        """The clip as it was recorded."""
        return self.versions[0][1]

    def blocks(self, version: int, first: int, count: int) -> ByteSpan:
        """Where some of its blocks stand."""
        name, span = self.versions[version]
        size = block_type(self.width).itemsize
        start = (span.first_block + first) * size
        return ByteSpan(self.folder, (name, start, start + count * size))

    def face(self, frame: int) -> ByteSpan:
        """Where a frame's face (68, 2) stands, as it was recorded."""
        name, span = self.versions[0]
        block, place = divmod(frame, BLOCK_FRAMES)
        start = (span.first_block + block) * block_type(self.width).itemsize + place * FACE_BYTES
        return ByteSpan(self.folder, (name, start, start + FACE_BYTES))

    def feature(self, version: int, step: int) -> ByteSpan:
        """Where the features (width,) of a step stand."""
        name, span = self.versions[version]
        block, place = divmod(step, BLOCK_STEPS)
        before = block_type(self.width)["target"].itemsize
        start = (span.first_block + block) * block_type(self.width).itemsize + before + place * 2 * self.width
        return ByteSpan(self.folder, (name, start, start + 2 * self.width))

    def parse(self, content: bytes) -> NDArray[Any]:
        """The blocks that some bytes are."""
        return np.frombuffer(content, block_type(self.width))


class ShardWindow:
    """What is known of the clips of some shards; none of their bytes.

    Args:
        shards: by their number in the run.
        kind: of the features.
        pieces_of: how many pieces of a clip of so many frames an epoch shows.
    """

    def __init__(self, shards: dict[int, SetShard], kind: FeatureKind, pieces_of: Callable[[int], int]) -> None:
        self.clips: list[WindowClip] = []
        self.by_voice: dict[str, list[int]] = {}
        self._shards: dict[int, tuple[int, NDArray[np.int64]]] = {}
        for number, loaded in _load(shards, kind):
            folder, first = shards[number].set.folder, len(self.clips)
            for spans in zip(*(version.clips for version in loaded), strict=True):
                files = [(version.name, span) for version, span in zip(loaded, spans, strict=True)]
                self.by_voice.setdefault(spans[0].voice, []).append(len(self.clips))
                self.clips.append(WindowClip(folder, loaded[0].width, files))
            pieces = [pieces_of(clip.recorded.frames) for clip in self.clips[first:]]
            self._shards[number] = (first, np.cumsum(pieces))

    def number(self, shard: int, piece: int) -> int:
        """The number of the clip that a piece of a shard belongs to."""
        first, ends = self._shards[shard]
        return first + int(np.searchsorted(ends, piece, side="right"))


def _load(shards: dict[int, SetShard], kind: FeatureKind) -> list[tuple[int, list[ShardVersion]]]:
    """The versions of every shard; those of one data set are asked for at once."""
    found: list[tuple[int, list[ShardVersion]]] = []
    for training_set in dict.fromkeys(shard.set for shard in shards.values()):
        numbers = [number for number, shard in shards.items() if shard.set is training_set]
        names, versions = [shards[number].name for number in numbers], shards[numbers[0]].versions
        found += zip(numbers, training_set.load(kind, names, versions), strict=True)
    return sorted(found, key=lambda pair: pair[0])


def read(wanted: Sequence[ByteSpan]) -> list[bytes]:
    """The bytes, all that are of one data set asked for at once."""
    found: list[bytes] = [b""] * len(wanted)
    for folder in dict.fromkeys(place.folder for place in wanted):
        numbers = [number for number, place in enumerate(wanted) if place.folder is folder]
        content = folder.read_stretches([wanted[number].stretch for number in numbers])
        for number, part in zip(numbers, content, strict=True):
            found[number] = part
    return found


def as_face(content: bytes) -> Points:
    """The face (68, 2) of some bytes."""
    return np.frombuffer(content, "<f4").reshape(POINT_COUNT, 2)

"""Which clips an epoch shows, and in which order: a function of the seed and the epoch alone.

The shards are shuffled, and taken so many at a time; what such a window holds is shuffled as one. So no process has to
know more than a window, a large corpus is read shard by shard, and one of few shards is shuffled as a whole. The order
is one for all processes: they take turns in it, so that those of two at half the batch see the batches of one.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_ORDER = 0x0DE5
"""Keeps the random numbers of the order apart from those of the clips."""
_SHARDS, _SOME = 1, 2


class ShownPiece(NamedTuple):
    """A place in an epoch."""

    epoch: int
    place: int
    """Among all pieces that an epoch shows, in the order of the shards."""
    counted: bool = True
    """False where it only makes the shares of all processes equally long."""


@dataclass(frozen=True, kw_only=True)
class EpochOrder:
    """The order of every epoch.

    Args:
        pieces: how many each shard has.
        weights: how often an epoch shows them, for each shard.
        seed: of the order; None: as they come.
        window_shards: so many shards are shuffled together.
    """

    pieces: Sequence[int]
    weights: Sequence[float]
    seed: int | None
    window_shards: int

    @cached_property
    def firsts(self) -> NDArray[np.int64]:
        """Of each shard the index of the first piece that is shown, and at the end how many are shown in all.

        Rounded to whole pieces so that their sum is right, and the same in every epoch.
        """
        shown = np.cumsum(np.asarray(self.pieces) * np.asarray(self.weights, float))
        return np.concatenate([[0], np.round(shown).astype(np.int64)])

    @property
    def count(self) -> int:
        """Of pieces in an epoch."""
        return int(self.firsts[-1])

    def windows(self, epoch: int) -> list[list[int]]:
        """The shards of every window, each in rising order."""
        order, size = np.arange(len(self.pieces)), self.window_shards
        if self.seed is not None and len(order) > size:
            order = np.random.default_rng([self.seed, epoch, _ORDER, _SHARDS]).permutation(len(order))
        return [sorted(map(int, order[first : first + size])) for first in range(0, len(order), size)]

    def shard_of(self, index: int) -> int:
        """The shard that an index falls into."""
        return int(np.searchsorted(self.firsts, index, side="right")) - 1

    def piece(self, index: int, epoch: int) -> tuple[int, int]:
        """The shard and the piece of it that an index shows."""
        shard = self.shard_of(index)
        place, count = index - int(self.firsts[shard]), self.pieces[shard]
        rounds = (int(self.firsts[shard + 1]) - int(self.firsts[shard])) // count
        if place < rounds * count:
            return shard, place % count
        return shard, int(self._drawn(shard, epoch)[place - rounds * count])

    def _drawn(self, shard: int, epoch: int) -> NDArray[np.int64]:
        """The order in which a weight that is not whole takes pieces of a shard."""
        return np.random.default_rng([self.seed or 0, epoch, shard, _ORDER, _SOME]).permutation(self.pieces[shard])

    def share(self, epoch: int, *, rank: int = 0, processes: int = 1) -> Iterator[ShownPiece]:
        """What one of several processes sees; the last ones are made up to equally many with the first."""
        missing = -self.count % processes
        everything = itertools.chain(
            self._all(epoch), (piece._replace(counted=False) for piece in itertools.islice(self._again(epoch), missing))
        )
        return itertools.islice(everything, rank, None, processes)

    def _again(self, epoch: int) -> Iterator[ShownPiece]:
        """The first pieces over and over."""
        while True:
            yield from self._all(epoch)

    def _all(self, epoch: int) -> Iterator[ShownPiece]:
        for window, shards in enumerate(self.windows(epoch)):
            indices = np.concatenate([np.arange(self.firsts[s], self.firsts[s + 1]) for s in shards])
            if self.seed is not None:
                own = [window] if window else []
                indices = indices[np.random.default_rng([self.seed, epoch, _ORDER, *own]).permutation(len(indices))]
            for index in indices:
                yield ShownPiece(epoch, int(index))

from collections import Counter
from collections.abc import Sequence
from itertools import chain, zip_longest

import numpy as np
import pytest

from kfusion.training.epoch_order import EpochOrder, ShownPiece


def order(
    pieces: Sequence[int] = (4, 6), weights: Sequence[float] | None = None, *, seed: int | None = 0, window: int = 8
) -> EpochOrder:
    return EpochOrder(pieces=pieces, weights=weights or [1.0] * len(pieces), seed=seed, window_shards=window)


def places(of: EpochOrder, epoch: int = 0, rank: int = 0, processes: int = 1) -> list[int]:
    return [piece.place for piece in of.share(epoch, rank=rank, processes=processes)]


def test_every_epoch_shows_every_piece_once_in_an_order_of_its_own() -> None:
    first, second = places(order()), places(order(), 1)
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second
    assert first == places(order()) != places(order(seed=1))


def test_few_shards_are_shuffled_as_one_as_they_always_were() -> None:
    expected = np.random.default_rng([3, 5, 0x0DE5]).permutation(10)
    assert places(order(seed=3), 5) == expected.tolist()


def test_many_shards_are_shuffled_and_mixed_a_window_at_a_time() -> None:
    of = order([10] * 12, window=3)
    seen = places(of, 1)
    assert sorted(seen) == list(range(120))
    windows = [seen[first : first + 30] for first in range(0, 120, 30)]
    shards = [{of.shard_of(place) for place in window} for window in windows]
    assert [len(found) for found in shards] == [3] * 4
    assert sorted(chain(*shards)) == list(range(12))
    assert shards != [
        {of.shard_of(place) for place in places(of, 2)[first : first + 30]} for first in range(0, 120, 30)
    ]
    assert all(window != sorted(window) for window in windows)


@pytest.mark.parametrize("window", [1, 8])
@pytest.mark.parametrize("processes", [2, 3, 4])
def test_processes_take_turns_in_the_order_of_one(processes: int, window: int) -> None:
    of = order([4, 6, 5], window=window)
    shares = [list(of.share(2, rank=rank, processes=processes)) for rank in range(processes)]
    assert len({len(share) for share in shares}) == 1
    together = [piece for turn in zip_longest(*shares) for piece in turn if piece]
    assert [piece.place for piece in together if piece.counted] == places(of, 2)
    assert sum(not piece.counted for piece in together) == -15 % processes


def test_there_may_be_fewer_pieces_than_processes() -> None:
    shares = [list(order([1]).share(0, rank=rank, processes=4)) for rank in range(4)]
    assert shares == [[ShownPiece(0, 0, rank == 0)] for rank in range(4)]


def shown(of: EpochOrder, epoch: int) -> Counter[tuple[int, int]]:
    return Counter(of.piece(place, epoch) for place in places(of, epoch))


def test_a_whole_weight_shows_every_piece_so_often() -> None:
    of = order([4, 6], [2, 1])
    assert of.count == 14
    assert shown(of, 0) == {(0, piece): 2 for piece in range(4)} | {(1, piece): 1 for piece in range(6)}


def test_half_a_weight_shows_half_of_the_pieces_and_others_in_other_epochs() -> None:
    of = order([5] * 6, [0.5] * 6)
    assert of.count == 15
    epochs = [shown(of, epoch) for epoch in range(12)]
    assert all(set(found.values()) == {1} and len(found) == 15 for found in epochs)
    assert epochs[0] == shown(of, 0) != epochs[1]
    assert len(set(chain(*epochs))) == 30


def test_a_weight_of_one_and_a_half_shows_everything_and_half_of_it_again() -> None:
    counts = Counter(shown(order([10], [1.5]), 0).values())
    assert counts == {2: 5, 1: 5}


def test_without_a_seed_pieces_come_as_they_are() -> None:
    assert places(order([3, 3, 3], seed=None, window=2), 7) == list(range(9))

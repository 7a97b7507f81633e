from pathlib import Path

from factories.training import tiny_run, write_clips, write_data_set

from kfusion.data.store import ClipStore
from kfusion.training.datamodule import EpochSampler, TalkingData
from kfusion.training.epoch_order import EpochOrder, ShownPiece
from kfusion.training.training_set import TrainingSet, describe


def keys(
    *, epoch: int, seed: int | None = 0, rank: int = 0, processes: int = 1, done: tuple[int, int] = (0, 0)
) -> list[ShownPiece]:
    order = EpochOrder(pieces=[4, 6], weights=[1, 1], seed=seed, window_shards=8)
    sampler = EpochSampler(order, batch_size=3, rank=rank, processes=processes, done=done)
    sampler.set_epoch(epoch)
    return list(sampler)


def test_a_resumed_epoch_shows_what_is_left_and_the_next_one_everything() -> None:
    assert keys(epoch=2, done=(2, 2)) == keys(epoch=2)[6:]
    assert len(keys(epoch=3, done=(2, 2))) == 10


def test_validation_clips_come_as_they_are() -> None:
    assert keys(epoch=4, seed=None) == [ShownPiece(4, index) for index in range(10)]


def test_a_data_set_is_known_by_its_clips_and_not_by_its_place(data_set: Path, tmp_path: Path) -> None:
    def described(root: Path) -> list[dict[str, object]]:
        return TalkingData([TrainingSet(root)], tiny_run()).described()

    assert described(write_data_set(tmp_path / "copy")) == described(data_set) == [describe(ClipStore(data_set))]
    other = write_clips(write_data_set(tmp_path / "other"), "train", "aaabbb")
    assert described(other)[0]["sha256"] != described(data_set)[0]["sha256"]
    ((twice,), (once,)) = (TalkingData([TrainingSet(data_set, w)], tiny_run()).described() for w in (2.0, 1.0))
    assert twice == {**once, "weight": 2.0}


def test_the_emotions_are_those_of_the_training_clips(data_set: Path, tmp_path: Path) -> None:
    def emotions(*roots: Path) -> tuple[str, ...]:
        return TalkingData([TrainingSet(root) for root in roots], tiny_run()).emotions()

    assert emotions(data_set, write_clips(tmp_path / "sad", "train", "a", emotion="angry")) == ("angry", "happy")
    plain = write_clips(write_clips(tmp_path / "plain", "train", "a"), "val", "b")
    assert emotions(plain) == ()

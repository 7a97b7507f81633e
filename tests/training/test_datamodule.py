from pathlib import Path

import numpy as np
import torch
from factories.training import tiny_run, write_clips, write_data_set

from kfusion.data.store import ClipStore
from kfusion.training.batches import TalkingFaces
from kfusion.training.datamodule import EpochSampler, describe, training_emotions
from kfusion.training.statistics import feature_statistics


def keys(
    *, epoch: int, seed: int | None = 0, rank: int = 0, processes: int = 1, done: tuple[int, int] = (0, 0)
) -> list[tuple[int, int]]:
    sampler = EpochSampler(10, seed=seed, batch_size=3, rank=rank, processes=processes, done=done)
    sampler.set_epoch(epoch)
    return list(sampler)


def test_every_epoch_shows_every_clip_once_in_an_order_of_its_own() -> None:
    first, second = keys(epoch=0), keys(epoch=1)
    assert sorted(index for _, index in first) == list(range(10))
    assert {epoch for epoch, _ in second} == {1}
    assert [index for _, index in first] != [index for _, index in second]
    assert first == keys(epoch=0) != keys(epoch=0, seed=1)


def test_validation_clips_come_as_they_are() -> None:
    assert keys(epoch=4, seed=None) == [(4, index) for index in range(10)]


def test_a_resumed_epoch_shows_what_is_left_and_the_next_one_everything() -> None:
    assert keys(epoch=2, done=(2, 2)) == keys(epoch=2)[6:]
    assert len(keys(epoch=3, done=(2, 2))) == 10


def test_processes_share_the_clips_evenly() -> None:
    shares = [keys(epoch=0, rank=rank, processes=4) for rank in range(4)]
    assert {len(share) for share in shares} == {3}
    assert {index for share in shares for _, index in share} == set(range(10))


def test_statistics_are_those_of_the_features_without_muted_shots(tmp_path: Path) -> None:
    run = tiny_run(data__variants=7)
    faces = TalkingFaces([ClipStore(write_data_set(tmp_path))], "train", "tiny", run.data, seed=0, training=True)
    mean, std = feature_statistics(faces)
    spoken = np.concatenate([variant.features for variant in faces.items[0][1][:6]]).astype(np.float32)
    assert torch.allclose(mean, torch.from_numpy(spoken.mean(0)), atol=1e-5)
    assert torch.allclose(std, torch.from_numpy(spoken.std(0)) + 1e-3, atol=1e-5)


def test_a_data_set_is_known_by_its_clips_and_not_by_its_place(data_set: Path, tmp_path: Path) -> None:
    assert describe(ClipStore(write_data_set(tmp_path / "copy"))) == describe(ClipStore(data_set))
    other = write_clips(write_data_set(tmp_path / "other"), "train", "aaabbb")
    assert describe(ClipStore(other))["sha256"] != describe(ClipStore(data_set))["sha256"]


def test_the_emotions_are_those_of_the_training_clips(data_set: Path, tmp_path: Path) -> None:
    sad = ClipStore(write_clips(tmp_path, "train", "a", emotion="angry"))
    assert training_emotions([ClipStore(data_set), sad]) == ("angry", "happy")
    assert training_emotions([ClipStore(write_clips(tmp_path / "plain", "train", "a"))]) == ()

from pathlib import Path

import numpy as np
import pytest
from evaluation_factories import prepared

from kfusion.evaluation.sanity import derangement, fit_length, mean_displacement, spread


@pytest.mark.parametrize("count", [2, 3, 7, 50])
def test_every_clip_hears_another_one_and_each_is_heard_once(count: int) -> None:
    donors = derangement([f"s{index % 3}/clip{index}" for index in range(count)])
    assert sorted(donors) == list(range(count))
    assert all(donor != index for index, donor in enumerate(donors))


def test_the_derangement_follows_from_the_names_alone() -> None:
    names = [f"clip{index}" for index in range(9)]
    heard = {name: names[donor] for name, donor in zip(names, derangement(names), strict=True)}
    backward = names[::-1]
    assert heard == {name: backward[donor] for name, donor in zip(backward, derangement(backward), strict=True)}


def test_foreign_sound_is_cut_or_followed_by_silence() -> None:
    samples = np.ones(4, np.float32)
    assert fit_length(samples, 2).tolist() == [1, 1]
    assert fit_length(samples, 6).tolist() == [1, 1, 1, 1, 0, 0]


def test_the_mean_motion_opens_a_closed_mouth_and_leaves_the_eyes(tmp_path: Path) -> None:
    found = mean_displacement([prepared(tmp_path, {"train": {"a": 3, "b": 1}})], "other-clip")
    assert found is not None
    assert found.shape == (68, 2)
    assert found[66, 1] > 0.1
    assert np.abs(found[[36, 45]]).max() < 0.01


def test_without_a_training_split_there_is_no_mean_motion(tmp_path: Path) -> None:
    assert mean_displacement([prepared(tmp_path, {"test": {"a": 2}})], "other-clip") is None


def test_a_limit_takes_clips_from_everywhere(tmp_path: Path) -> None:
    clips = prepared(tmp_path, {"test": {"a": 5, "b": 5}}, frames=15).split("test")
    assert [clip.speaker for clip in spread(clips, 2)] == ["a", "b"]
    assert spread(clips, 99) == clips

from pathlib import Path

import numpy as np
import pytest
from factories.evaluation import prepared

from kfusion.data.store import ClipStore
from kfusion.errors import InputError
from kfusion.evaluation.cases import Selection, fit_length, spread


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ClipStore:
    return prepared(tmp_path_factory.mktemp("data"), {"test": {"b": 3, "c": 2, "lone/d": 1}})


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        ({"split": "val"}, "split 'val' is empty: use --split test"),
        ({"speakers": ("b", "zz")}, "no speaker 'zz'.*use b, c, lone/d"),
        ({"limit": 0}, "limit 0"),
        ({"identity": "mine"}, "unknown identity rule 'mine'"),
    ],
)
def test_a_selection_that_cannot_be_made_is_refused(store: ClipStore, selection: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Selection(**selection).clips([store])


def test_the_same_data_set_twice_is_refused(store: ClipStore) -> None:
    with pytest.raises(InputError, match="stands twice"):
        Selection().clips([store, store])


def test_a_name_before_a_slash_selects_all_speakers_behind_it(store: ClipStore) -> None:
    assert [clip.speaker for clip in Selection(speakers=("lone",)).clips([store])] == ["lone/d"]


def test_foreign_sound_is_cut_or_followed_by_silence() -> None:
    samples = np.ones(4, np.float32)
    assert fit_length(samples, 2).tolist() == [1, 1]
    assert fit_length(samples, 6).tolist() == [1, 1, 1, 1, 0, 0]


def test_a_limit_takes_clips_from_everywhere(tmp_path: Path) -> None:
    clips = prepared(tmp_path, {"test": {"a": 5, "b": 5}}, frames=15).split("test")
    assert [clip.speaker for clip in spread(clips, 2)] == ["a", "b"]
    assert spread(clips, 99) == clips

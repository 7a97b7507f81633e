import logging
from pathlib import Path

import pytest
from factories.benchmark import write_root

from kfusion.benchmark.protocol_data import digest, open_data
from kfusion.benchmark.protocols import PROTOCOLS
from kfusion.data.store import ClipStore
from kfusion.errors import InputError


def test_missing_training_data_says_which_where_and_how(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        open_data(PROTOCOLS["mead-speakers"], tmp_path)
    for words in ("mead-speakers", str(tmp_path / "mead-speakers"), "kfusion prepare mead MEAD --protocol speakers -o"):
        assert words in str(caught.value)


def test_a_missing_test_set_is_left_out_with_a_notice(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_root(tmp_path, ["grid"])
    with caplog.at_level(logging.WARNING):
        data = open_data(PROTOCOLS["grid"], tmp_path)
    assert [opened.test.name for opened in data.tests] == ["s1-validation", "unseen-speakers"]
    assert "test set 'lrwar' is left out" in caplog.text
    assert f"kfusion prepare lrwar LRWAR -o {tmp_path / 'lrwar'}" in caplog.text


def test_the_digest_of_clips_follows_their_landmarks_and_not_their_order(data_root: Path) -> None:
    clips = ClipStore(data_root / "grid").clips
    assert digest(clips) == digest(clips[::-1])
    assert digest(clips) != digest(clips[1:])

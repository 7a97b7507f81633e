import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from factories.media import make_clip, stored_arrays, write_part

from kfusion.data.preparation import prepare
from kfusion.data.store import SCHEMA, ClipStore, decode_wav, encode_wav
from kfusion.errors import InputError

NAMES = ["anna/1", "anna/2", "ben/1"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    clips = [make_clip(name, split="test" if name.startswith("ben") else "train", emotion="sad") for name in NAMES]
    for clip in clips:
        write_part(clip, tmp_path)
    prepare(clips, tmp_path, workers=1)
    return tmp_path


def test_what_was_stored_comes_back(root: Path) -> None:
    store = ClipStore(root)
    assert list(store.by_id) == ["ben/1", "anna/1", "anna/2"]
    for name, clip in store.by_id.items():
        points, samples = stored_arrays(name)
        np.testing.assert_array_equal(clip.landmarks(), points)
        np.testing.assert_allclose(clip.samples(), samples, atol=1 / 32767)
        assert (clip.frames, clip.emotion, clip.intensity, clip.speaker) == (6, "sad", None, name.split("/")[0])
        assert clip.landmarks().dtype == clip.samples().dtype == np.float32


def test_splits_are_asked_for_by_name(root: Path) -> None:
    store = ClipStore(root)
    assert [clip.clip_id for clip in store.split("train")] == ["anna/1", "anna/2"]
    assert len(store.split("train", "test")) == 3
    assert store.split("val") == []
    with pytest.raises(InputError, match="unknown split 'dev'"):
        store.split("dev")


def test_sound_is_stored_to_16_bit_and_clipped() -> None:
    samples = np.array([0, 0.5, -0.25, 1.5, -2], np.float32)
    np.testing.assert_allclose(decode_wav(encode_wav(samples)), [0, 0.5, -0.25, 1, -1], atol=1 / 32767)


def test_a_folder_without_a_data_set_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a prepared data set"):
        ClipStore(tmp_path)
    with pytest.raises(InputError, match="not a prepared data set"):
        ClipStore(tmp_path / "missing")


@pytest.mark.parametrize("content", [b"", b"PAR1", b"no parquet at all" * 50])
def test_a_file_that_is_no_shard_is_an_error(root: Path, content: bytes) -> None:
    (root / "data" / "train-00000.parquet").write_bytes(content)
    with pytest.raises(InputError, match=r"train-00000\.parquet: damaged"):
        ClipStore(root)


def test_a_truncated_shard_is_an_error(root: Path) -> None:
    shard = root / "data" / "train-00000.parquet"
    shard.write_bytes(shard.read_bytes()[:-100])
    with pytest.raises(InputError, match="damaged"):
        ClipStore(root)


def test_a_flipped_byte_in_a_clip_is_an_error_never_wrong_data(root: Path) -> None:
    store = ClipStore(root)
    shard = root / "data" / "train-00000.parquet"
    whole = shard.read_bytes()
    points, samples = stored_arrays("anna/1")
    caught = 0
    for place in range(50, len(whole) // 2, 997):
        content = bytearray(whole)
        content[place] ^= 0xFF
        shard.write_bytes(content)
        os.utime(shard, ns=(place, place))
        try:
            np.testing.assert_array_equal(store.by_id["anna/1"].landmarks(), points)
            np.testing.assert_allclose(store.by_id["anna/1"].samples(), samples, atol=1 / 32767)
        except InputError:
            caught += 1
    assert caught > 0


def test_a_shard_that_vanished_is_an_error(root: Path) -> None:
    clip = ClipStore(root).split("train")[0]
    clip.shard.unlink()
    with pytest.raises(InputError, match="prepare the data set again"):
        clip.landmarks()


def test_a_shard_of_another_version_is_an_error(root: Path) -> None:
    shard = root / "data" / "train-00000.parquet"
    table = pq.read_table(shard).replace_schema_metadata({"kfusion_format": "99"})
    pq.write_table(table, shard, row_group_size=1)
    with pytest.raises(InputError, match="data format 99, this version reads 1"):
        ClipStore(root)


def test_a_shard_without_a_row_group_for_each_clip_is_an_error(root: Path) -> None:
    shard = root / "data" / "train-00000.parquet"
    pq.write_table(pq.read_table(shard), shard)
    with pytest.raises(InputError, match="2 clips in 1 row groups"):
        ClipStore(root)


def test_a_half_written_shard_is_not_read(root: Path) -> None:
    (root / "data" / ".train-00001.99.part.parquet").write_bytes(b"half")
    assert len(ClipStore(root).clips) == 3


def test_the_schema_names_the_format() -> None:
    assert SCHEMA.metadata == {b"kfusion_format": b"1"}
    assert pa.types.is_struct(SCHEMA.field("audio").type)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_hugging_face_datasets_opens_it(
    root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    cache = tmp_path_factory.mktemp("cache")
    for name in ("HF_HOME", "HF_DATASETS_CACHE"):
        monkeypatch.setenv(name, str(cache))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    loaded = datasets.load_dataset("parquet", data_dir=str(root), cache_dir=str(cache))
    assert {split: len(rows) for split, rows in loaded.items()} == {"train": 2, "test": 1}
    row = loaded["test"][0]
    points, _ = stored_arrays("ben/1")
    np.testing.assert_array_equal(np.array(row["landmarks"], np.float32), points)
    assert len(decode_wav(row["audio"]["bytes"])) == 6 * 16_000 // 30
    card = datasets.load_dataset(str(root), cache_dir=str(cache))
    assert set(card) == {"train", "test"}

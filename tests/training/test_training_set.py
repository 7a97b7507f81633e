import os
import socket
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import fsspec
import pytest
import torch
from factories.object_store import s3_server
from factories.training import tiny_run, write_clips, write_data_set

from kfusion.config import override
from kfusion.errors import InputError, OutputError
from kfusion.training import features
from kfusion.training.batches import TalkingFaces
from kfusion.training.features import FeatureKind
from kfusion.training.loop import train
from kfusion.training.run_config import Machines
from kfusion.training.training_set import TrainingSet

ON_CPU = Machines(accelerator="cpu", workers=0)
TINY = FeatureKind(encoder="tiny")


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An S3 server of its own, with one prepared data set."""
    with s3_server():
        filesystem = fsspec.filesystem("s3", skip_instance_cache=True)
        filesystem.mkdir("corpora")
        local = write_data_set(tmp_path_factory.mktemp("local"))
        filesystem.put(f"{local}/data/", "corpora/toy/data/", recursive=True)
        yield "s3://corpora/toy"


@pytest.mark.filterwarnings("ignore::DeprecationWarning:botocore", "ignore::ResourceWarning")
@pytest.mark.parametrize("workers", [0, 1])
def test_a_run_on_an_object_store_is_that_on_a_disk(workers: int, bucket: str, data_set: Path, tmp_path: Path) -> None:
    run = tiny_run(optimiser__epochs=2)
    train(run, [data_set], tmp_path / "disk", machines=ON_CPU)
    train(run, [bucket], tmp_path / "store", machines=Machines(accelerator="cpu", workers=workers))
    ours, theirs = ((tmp_path / name / "last/model.safetensors").read_bytes() for name in ("disk", "store"))
    assert ours == theirs


@pytest.mark.filterwarnings("ignore::DeprecationWarning:botocore", "ignore::ResourceWarning")
def test_features_in_a_store_are_computed_once_and_read_in_short_stretches(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = TrainingSet(bucket)
    stored.compute_missing(TINY, "train", 2)
    monkeypatch.setattr(features, "load_speech_encoder", lambda name: pytest.fail("computed again"))
    stored.compute_missing(TINY, "train", 2)
    ((version, _),) = stored.load(TINY, stored.shards("train"), 2)
    whole = stored.folder.read([version.name])[0]
    stretches = [(version.name, 100, 164), (version.name, 0, 8)]
    assert stored.folder.read_stretches(stretches) == [whole[100:164], whole[:8]]


def closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.mark.filterwarnings("ignore::DeprecationWarning:botocore", "ignore::ResourceWarning")
def test_a_store_that_is_not_there_is_one_clear_line(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="not a prepared data set"):
        TrainingSet("s3://corpora/nothing")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{closed_port()}")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    with pytest.raises(InputError, match=r"s3://elsewhere/toy/data: cannot be read .*check the address, the network"):
        TrainingSet("s3://elsewhere/toy")


def test_an_address_that_nothing_understands_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"tape://reel/1: cannot be opened .*kfusion\[store\]"):
        TrainingSet("tape://reel/1")


@pytest.mark.parametrize(("words", "weight"), [("{}", 1), ("{}*2", 2), ("{}*0.5", 0.5)])
def test_a_data_set_may_have_a_weight(words: str, weight: float, data_set: Path) -> None:
    training_set = TrainingSet.parse(words.format(data_set))
    assert (str(training_set), training_set.weight) == (str(data_set), weight)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("{}*two", "'two' is no weight"),
        ("{}*0", "weight 0: use more"),
        ("{}*-1", "weight -1"),
        ("{}*nan", "weight nan"),
    ],
)
def test_a_weight_that_cannot_be_used_is_refused(words: str, reason: str, data_set: Path) -> None:
    with pytest.raises(InputError, match=reason):
        TrainingSet.parse(words.format(data_set))


def test_a_folder_may_have_a_star_in_its_name(tmp_path: Path) -> None:
    assert TrainingSet.parse(write_data_set(tmp_path / "a*2")).weight == 1


def test_a_weight_changes_how_often_clips_are_shown(data_set: Path, tmp_path: Path) -> None:
    other = write_clips(tmp_path, "train", "z")
    config = tiny_run().data
    mixed = TalkingFaces([TrainingSet(data_set), TrainingSet(other, 3)], "train", "tiny", config, seed=0, training=True)
    voices = [mixed.clip(0, place)[0].clips[mixed.clip(0, place)[1]].recorded.speaker for place in range(len(mixed))]
    assert {voice: voices.count(voice) for voice in "abz"} == {"a": 3, "b": 2, "z": 3}
    shown = [mixed[place].target for place in range(5, 8)]
    assert not torch.equal(shown[0], shown[1]), "each time with other choices"


def test_processes_share_what_is_to_be_computed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        write_clips(tmp_path, "train", "ab", number=number)
    training_set, found = TrainingSet(tmp_path), []
    monkeypatch.setattr("time.sleep", lambda _: pytest.fail("waits for the others"))
    for rank in range(3):
        with pytest.raises(BaseException, match="waits") if rank < 2 else nullcontext():
            training_set.compute_missing(TINY, "train", 1, (rank, 3))
        found.append(len(list((tmp_path / "features" / "tiny").glob("*.json"))))
    assert found == [2, 3, 4]


def test_a_set_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    training_set = TrainingSet(write_data_set(tmp_path))
    (tmp_path / "features").write_text("in the way")
    with pytest.raises(OutputError, match="cannot write"):
        training_set.compute_missing(TINY, "train", 1)


@pytest.mark.parametrize("content", [b"", b"{}", b'{"width": 12, "clips": [1]}'])
def test_a_damaged_index_says_what_to_delete(content: bytes, tmp_path: Path) -> None:
    training_set = TrainingSet(write_data_set(tmp_path))
    training_set.compute_missing(TINY, "train", 1)
    (tmp_path / "features/tiny/train-00000.00.json").write_bytes(content)
    with pytest.raises(InputError, match="delete the folder features"):
        training_set.load(TINY, training_set.shards("train"), 1)


def test_blocks_that_end_early_say_what_to_delete(tmp_path: Path) -> None:
    training_set = TrainingSet(write_data_set(tmp_path))
    faces = TalkingFaces([training_set], "train", "tiny", tiny_run().data, seed=0, training=True)
    os.truncate(tmp_path / "features/tiny/train-00000.00.blocks", 10)
    os.truncate(tmp_path / "features/tiny/train-00000.01.blocks", 10)
    with pytest.raises(InputError, match="ends early: delete the folder"):
        faces[0]


def test_only_a_window_of_a_large_corpus_is_known_at_a_time(tmp_path: Path) -> None:
    for number in range(8):
        write_clips(tmp_path, "train", "abc", number=number)
    config = override(tiny_run(), {"data.shuffled_shards": 2, "data.variants": 1}).data
    faces = TalkingFaces([TrainingSet(tmp_path)], "train", "tiny", config, seed=0, training=True)
    for piece in faces.order.share(0):
        faces[piece]
        assert sum(len(window.clips) for window in faces._windows.values()) <= 12

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from factories.inputs import face_points, tone, write_bundle

import kfusion
from kfusion import Generator, assets
from kfusion.errors import CheckpointError, MissingExtraError, MissingWeightsError


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kfusion.load(threads=1).save_pretrained(tmp_path_factory.mktemp("hub") / "faces")


def with_hub(monkeypatch: pytest.MonkeyPatch, snapshot_download: object) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", SimpleNamespace(snapshot_download=snapshot_download))


def test_the_packaged_model_is_the_same_after_a_folder_of_the_hub(saved: Path) -> None:
    first, second = kfusion.load(threads=1), Generator.from_pretrained(saved, threads=1)
    sound = tone(1.5)
    assert np.array_equal(first.generate(sound, face_points()).points, second.generate(sound, face_points()).points)
    streams = [model.stream(face_points()) for model in (first, second)]
    assert np.array_equal(*(stream.push(sound).points for stream in streams))
    assert streams[0].model == streams[1].model == "kfusion-live-3"


def test_the_folder_says_what_is_in_it(saved: Path) -> None:
    assert sorted(path.name for path in saved.iterdir()) == ["README.md", "config.json", "model.onnx", "stream.onnx"]
    config = json.loads((saved / "config.json").read_text())
    assert config["library_name"] == "kfusion"
    assert config["recordings"]["model_id"] in (saved / "README.md").read_text()
    sums = dict(
        reversed(line.split()) for line in (assets.DEFAULT_MODEL.parent / "SHA256SUMS").read_text().splitlines()
    )
    assert config["sha256"] == {"model.onnx": sums["default.onnx"], "stream.onnx": sums["live.onnx"]}


def test_a_checkpoint_goes_with_the_network_that_was_exported_from_it(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    write_bundle(run / "model.onnx")
    (run / "model.safetensors").write_bytes(b"weights")
    (run / "config.json").write_text('{"format": 3}')
    folder = Generator.from_pretrained(run).save_pretrained(tmp_path / "hub")
    assert (folder / "model.safetensors").read_bytes() == b"weights"
    assert (folder / "config.json").read_text() == '{"format": 3}'
    assert Generator.from_pretrained(folder).card == Generator.from_pretrained(run).card


def test_a_card_that_somebody_wrote_stays(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    model = kfusion.load(write_bundle(tmp_path / "b.onnx"))
    model.save_pretrained(tmp_path)
    assert (tmp_path / "README.md").read_text() == "mine"


@pytest.mark.parametrize("damage", ["cut", "swapped", "missing", "config"])
def test_a_damaged_folder_is_refused(saved: Path, tmp_path: Path, damage: str) -> None:
    folder = Generator.from_pretrained(saved).save_pretrained(tmp_path / "copy")
    target = folder / ("config.json" if damage == "config" else "stream.onnx")
    content = target.read_bytes()
    target.unlink()
    if damage == "cut":
        target.write_bytes(content[:-1])
    if damage == "swapped":
        target.write_bytes(assets.VISEME_MODEL.read_bytes())
    if damage == "config":
        target.write_text("{")
    with pytest.raises((CheckpointError, MissingWeightsError), match="copy or download it again"):
        Generator.from_pretrained(folder)


def test_a_name_of_the_hub_is_downloaded_at_its_revision(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {}

    def snapshot_download(name: str, *, revision: str, allow_patterns: list[str]) -> str:
        asked.update(name=name, revision=revision, files=allow_patterns)
        return str(saved)

    with_hub(monkeypatch, snapshot_download)
    model = Generator.from_pretrained("somebody/faces", revision="v1")
    assert (asked["name"], asked["revision"]) == ("somebody/faces", "v1")
    assert {"model.onnx", "stream.onnx", "config.json", "model.safetensors"} <= set(asked["files"])
    assert len(model.generate(tone(0.5), face_points()))


def test_what_the_hub_does_not_give_is_an_error_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    def snapshot_download(*_: object, **__: object) -> str:
        raise OSError("offline\nwith a second line")

    with_hub(monkeypatch, snapshot_download)
    with pytest.raises(MissingWeightsError, match=r"somebody/faces: .*offline with a second line.*pass a folder"):
        Generator.from_pretrained("somebody/faces")


def test_without_its_extra_the_hub_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingExtraError, match=r"kfusion\[hub\]"):
        Generator.from_pretrained("somebody/faces")


@pytest.mark.parametrize("source", ["nowhere", "/no/such/folder", "a/b/c", ""])
def test_what_is_neither_a_folder_nor_a_name_is_refused(source: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MissingWeightsError):
        Generator.from_pretrained(source)


def test_a_folder_has_no_revision(saved: Path) -> None:
    with pytest.raises(MissingWeightsError, match="leave revision out"):
        Generator.from_pretrained(saved, revision="main")


def test_a_checkpoint_that_was_not_exported_says_how(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"format": 3}')
    with pytest.raises(MissingWeightsError, match="kfusion export"):
        Generator.from_pretrained(tmp_path)

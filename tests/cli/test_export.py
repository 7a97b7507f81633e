"""`kfusion export`: which writer gets what."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from factories.inputs import tone, write_bundle
from factories.model import network

import kfusion
from kfusion.cli.main import main
from kfusion.errors import CheckpointError


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, object]]]:
    """The calls of the writers, in place of checkpoints and of torch's slow export."""
    calls: list[tuple[str, dict[str, object]]] = []
    network_of = {"live": network(live=True), "plain": network()}
    monkeypatch.setattr("kfusion.training.checkpoint.load_model", lambda folder: network_of[folder.name])
    monkeypatch.setattr("kfusion.training.checkpoint.read_info", lambda _: SimpleNamespace(emotions=("happy",)))
    for module, name in (("bundle_export", "export_bundle"), ("stream_export", "export_stream_bundle")):
        monkeypatch.setattr(
            f"kfusion.training.{module}.{name}",
            lambda _, path, name=name, **settings: calls.append((name, {"path": path, **settings})),
        )
    for name in network_of:
        (tmp_path / name).mkdir()
    return calls


def test_a_checkpoint_becomes_a_float32_bundle_unless_told(tmp_path: Path, written, capsys) -> None:
    target = tmp_path / "mine.onnx"
    assert main(["export", str(tmp_path / "plain"), "-o", str(target)]) == 0
    settings = {"model_id": "mine", "emotions": ["happy"], "precision": "float32"}
    assert written == [("export_bundle", {"path": target, **settings})]
    assert capsys.readouterr().out == f"{target}\n"


def test_the_precision_and_the_name_are_passed_on(tmp_path: Path, written) -> None:
    line = ["export", str(tmp_path / "plain"), "-o", str(tmp_path / "x.onnx"), "--precision", "int8"]
    assert main([*line, "--model-id", "mine-8"]) == 0
    assert (written[0][1]["precision"], written[0][1]["model_id"]) == ("int8", "mine-8")


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_a_network_for_streams_becomes_a_stream_bundle(tmp_path: Path, written, precision: str) -> None:
    target = tmp_path / "stream.onnx"
    assert main(["export", str(tmp_path / "live"), "-o", str(target), "--precision", precision]) == 0
    settings = {"model_id": "stream", "emotions": ["happy"], "precision": precision}
    assert written == [("export_stream_bundle", {"path": target, **settings})]


def test_a_bundle_becomes_an_int8_one(tmp_path: Path) -> None:
    source, target = write_bundle(tmp_path / "model.onnx"), tmp_path / "small.onnx"
    assert main(["export", str(source), "-o", str(target), "--precision", "int8"]) == 0
    model = kfusion.load(target, threads=1)
    assert (model.card.model_id, model.card.precision) == ("small", "int8")
    assert len(model.generate(tone(0.5))) == 15


def test_a_bundle_that_is_to_stay_float32_is_refused(tmp_path: Path, capsys) -> None:
    source, target = write_bundle(tmp_path / "model.onnx"), tmp_path / "same.onnx"
    assert main(["export", str(source), "-o", str(target)]) == 2
    assert "model.onnx: is a bundle already: pass a checkpoint folder, or --precision int8" in capsys.readouterr().err
    assert not target.exists()


def test_names_that_onnxruntime_cannot_open_are_refused(tmp_path: Path, capfd) -> None:
    odd, source = tmp_path / os.fsdecode(b"\xff.onnx"), write_bundle(tmp_path / "model.onnx")
    assert main(["export", str(source), "-o", str(odd), "--precision", "int8"]) == 2
    assert r"\xff.onnx: onnxruntime opens no file whose name is not UTF-8" in capfd.readouterr().err
    assert not odd.exists()
    with pytest.raises(CheckpointError, match="not UTF-8: rename it"):
        kfusion.load(source.rename(odd))

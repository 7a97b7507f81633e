import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from factories.training import tiny_run
from safetensors.torch import load_file, save_file

from kfusion.errors import CheckpointError, OutputError
from kfusion.files import recover_folder
from kfusion.models.kfusion import KFusion
from kfusion.training.checkpoint import CheckpointInfo, load_model, read_info, save_checkpoint

INFO = CheckpointInfo(
    run=tiny_run(),
    emotions=("happy", "sad"),
    training_data=({"corpora": ["toy"], "train_clips": 5},),
    scores={"val/M-LD": 3.5},
    epochs=4,
)


@pytest.fixture
def model() -> KFusion:
    return KFusion(INFO.run.model)


@pytest.fixture
def folder(tmp_path: Path, model: KFusion) -> Path:
    save_checkpoint(tmp_path / "run" / "best", model, INFO)
    return tmp_path / "run" / "best"


def edit(folder: Path, change: Any) -> None:
    content = json.loads((folder / "config.json").read_text())
    change(content)
    (folder / "config.json").write_text(json.dumps(content))


def check_refused(folder: Path, match: str) -> None:
    with pytest.raises(CheckpointError, match=match) as caught:
        load_model(folder)
    assert "\n" not in str(caught.value)


def test_a_checkpoint_comes_back_as_it_was_saved(folder: Path, model: KFusion) -> None:
    loaded = load_model(str(folder))
    assert read_info(folder) == INFO
    assert loaded.config == model.config
    assert not loaded.training
    assert all(torch.equal(weight, loaded.state_dict()[name]) for name, weight in model.state_dict().items())
    assert sorted(path.name for path in folder.parent.iterdir()) == ["best"]


def test_the_configuration_file_follows_the_contract(folder: Path) -> None:
    content = json.loads((folder / "config.json").read_text())
    assert content["format"] == 3
    assert content["model"]["width"] == 16
    assert content["emotions"] == ["happy", "sad"]
    assert "kfusion_version" in content


def test_a_newer_checkpoint_takes_the_place_of_the_older(folder: Path, model: KFusion) -> None:
    save_checkpoint(folder, model, replace(INFO, epochs=5))
    assert read_info(folder).epochs == 5


def test_a_failed_write_leaves_the_older_checkpoint(
    folder: Path, model: KFusion, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object, **settings: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OutputError, match="No space left"):
        save_checkpoint(folder, model, replace(INFO, epochs=5))
    assert read_info(folder) == INFO
    assert [path.name for path in folder.parent.iterdir()] == ["best"]


def test_a_checkpoint_whose_replacement_was_cut_short_is_put_back(folder: Path) -> None:
    folder.rename(folder.with_name(f".{folder.name}.earlier"))
    recover_folder(folder)
    assert read_info(folder) == INFO


def test_a_checkpoint_from_before_a_setting_came_says_what_runs_did_then(folder: Path) -> None:
    edit(folder, lambda content: content["data"].pop("unknown_intensity"))
    assert read_info(folder).run.data.unknown_intensity == 0
    assert load_model(folder) is not None


def test_a_missing_checkpoint_is_a_clear_error(tmp_path: Path) -> None:
    check_refused(tmp_path, r"no config\.json here: pass a checkpoint folder")


def test_a_missing_weights_file_is_a_clear_error(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    check_refused(folder, "missing: copy or train")


@pytest.mark.parametrize("length", [0, 4, 100, -1])
def test_truncated_weights_are_a_clear_error(folder: Path, length: int) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:length])
    check_refused(folder, "damaged")


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "\udcff"])
def test_a_damaged_configuration_is_a_clear_error(folder: Path, text: str) -> None:
    (folder / "config.json").write_bytes(text.encode(errors="surrogateescape"))
    check_refused(folder, r"config\.json")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda content: content.update(format=1), "checkpoint format 1, kfusion .* reads 3"),
        (lambda content: content.pop("format"), "checkpoint format none"),
        (lambda content: content.update(colour="blue"), "setting 'colour' is unknown"),
        (lambda content: content.pop("emotions"), "setting 'emotions' is missing"),
        (lambda content: content.update(emotions="happy"), "setting 'emotions' is 'happy', expected a list"),
        (lambda content: content.pop("loss"), "setting 'loss' is missing"),
        (lambda content: content["model"].pop("width"), r"setting 'model\.width' is missing"),
        (lambda content: content["model"].update(depth=3), r"unknown setting 'model\.depth'"),
        (lambda content: content["model"].update(width="wide"), r"setting 'model\.width' is 'wide', expected int"),
        (lambda content: content["model"].update(width=17), "width 17 is not a multiple of heads 2"),
        (lambda content: content["model"].update(signal="light"), r"setting 'model\.signal' is 'light'"),
        (lambda content: content["model"].update(lstm_width=9), "has shape"),
        (lambda content: content["model"].update(encoder_layers=2), "is missing"),
        (lambda content: content["model"].update(encoder_layers=0), "is unknown"),
    ],
)
def test_a_configuration_that_does_not_fit_is_refused(folder: Path, change: Any, match: str) -> None:
    edit(folder, change)
    check_refused(folder, match)


def test_weights_of_another_kind_are_refused(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    first = min(weights)
    save_file(
        weights | {first: weights[first].repeat(2, *[1] * (weights[first].ndim - 1))}, folder / "model.safetensors"
    )
    check_refused(folder, f"weight '{first}' has shape")


def test_a_checkpoint_may_be_moved(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "elsewhere")
    assert load_model(tmp_path / "elsewhere").config == INFO.run.model

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from factories.training import DIM, TinyEncoder, write_data_set

from kfusion.cli.main import main
from kfusion.models.baselines import BaselineConfig
from kfusion.models.speech import load_speech_encoder
from kfusion.training.checkpoint import read_info

TINY = ["--speech-encoder", "tiny", "--model.feature-dim", str(DIM), "--accelerator", "cpu", "--threads", "1"]


@pytest.fixture(scope="module", autouse=True)
def _tiny_encoder() -> Iterator[None]:
    threads = torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kfusion.training.features.load_speech_encoder", lambda name: TinyEncoder())
        yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def data_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data_set(tmp_path_factory.mktemp("data"))


def test_train_says_the_best_score_and_where_the_checkpoint_is(
    data_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["train", "tiny", "--data", str(data_set), "-o", str(tmp_path / "run"), *TINY]
    assert main([*command, "--epochs", "1", "--loss.velocity", "0", "--no-data.change-faces"]) == 0
    output = capsys.readouterr()
    (line,) = output.out.splitlines()
    assert line.startswith("best validation M-LD ")
    assert line.endswith(f"after epoch 1: {tmp_path / 'run' / 'best'}")
    assert "epoch 1/1: loss" in output.err
    run = read_info(tmp_path / "run" / "best").run
    assert (run.optimiser.epochs, run.loss.velocity, run.data.change_faces) == (1, 0, False)


@pytest.mark.parametrize("preset", ["atvgnet", "temporal-conv"])
def test_a_baseline_trains_by_its_name(
    preset: str, data_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["train", preset, "--data", str(data_set), "-o", str(tmp_path / "run"), *TINY]
    assert main([*command, "--max-steps", "1", "--data.variants", "1", "--batch-size", "2"]) == 0
    assert "best validation M-LD " in capsys.readouterr().out
    run = read_info(tmp_path / "run" / "best").run
    assert run.model == BaselineConfig(network=preset, speech_encoder="tiny", feature_dim=DIM)
    assert run.optimiser.max_steps == 1


def test_the_same_command_again_says_that_the_run_is_finished(
    data_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["train", "tiny", "--data", str(data_set), "-o", str(tmp_path / "run"), *TINY, "--epochs", "1"]
    assert main(command) == 0
    first = capsys.readouterr().out
    assert main(command) == 0
    again = capsys.readouterr()
    assert "finished already" in again.err
    assert again.out == first


def test_a_stopped_run_goes_on_with_the_same_command(
    data_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["train", "tiny", "--data", str(data_set), "-o", str(tmp_path / "run"), *TINY]
    assert main([*command, "--max-hours", "0"]) == 0
    stopped = capsys.readouterr()
    assert "run the same command again" in stopped.err
    assert "no checkpoint yet" in stopped.out
    assert main(command) == 0
    assert "best validation M-LD" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["huge", "--data", "DATA"], "unknown preset 'huge': use paper, default, live, tiny, temporal-conv, atvgnet"),
        (["tiny"], "the following arguments are required: --data"),
        (["tiny", "--data", "nothing-here"], "kfusion prepare"),
        (["tiny", "--data", "DATA", "--epochs", "many"], "invalid int value: 'many'"),
        (["tiny", "--data", "DATA", "--epochs", "0"], "epochs 0: use 1 or more"),
        (["tiny", "--data", "DATA", "--max-steps", "0"], "max_steps 0: use 1 or more"),
        (["tiny", "--data", "DATA", "--no-model.lstm", "--no-model.global-domain"], "nothing is left for the mouth"),
        (["atvgnet", "--data", "DATA", "--model.width", "8"], "unknown setting 'model.width': use data.cached_hours"),
        (["atvgnet", "--data", "DATA", "--model.width", "8"], "model.feature_dim, model.network, model.speech_encoder"),
        (["tiny", "--data", "DATA", "--devices", "0"], "devices 0: use 1 or more"),
        (["tiny", "--data", "DATA", "--threads", "0"], "0: use 1 to 1024"),
        (["tiny", "--data", "DATA", "--model.width", "17"], "width 17 is not a multiple of heads 2"),
        (["tiny", "--data", "DATA", "--data.identity-from", "mirror"], "invalid choice: 'mirror' (choose from"),
        (["tiny", "--data", "DATA", "--model.depth", "17"], "unrecognized arguments: --model.depth"),
    ],
)
def test_what_cannot_be_used_is_one_clear_line(
    words: list[str], message: str, data_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [str(data_set) if word == "DATA" else word for word in words]
    assert main(["train", *words, "-o", str(tmp_path / "run")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("kfusion: error: ")
    assert message in line
    assert not (tmp_path / "run").exists()


def test_the_help_explains_the_settings(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["train", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    for words in ("--epochs", "--loss.velocity", "Of the error of the motion from frame to frame", "--num-nodes"):
        assert words in text


def test_missing_speech_weights_leave_no_empty_run_behind(
    data_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("kfusion.training.features.load_speech_encoder", load_speech_encoder)
    words = ["--data", str(data_set), "-o", str(tmp_path / "run"), "--speech-encoder", "wav2vec2:nowhere/nothing"]
    assert main(["train", "tiny", *words]) == 2
    assert "pass wav2vec2:DIR" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()

from pathlib import Path

import numpy as np
import pytest
import torch
from factories.evaluation import Listener, speech
from factories.inputs import face_points, write_bundle
from factories.training import ToyBaseline

from kfusion.errors import CheckpointError, MissingWeightsError
from kfusion.evaluation.predictors import load_predictor
from kfusion.landmarks import unit_frame
from kfusion.models.baselines import BASELINES, BaselineConfig
from kfusion.models.kfusion import KFusion
from kfusion.models.kfusion_config import KFusionConfig
from kfusion.models.networks import Network, build_network
from kfusion.training.batches import DataConfig
from kfusion.training.checkpoint import CheckpointInfo, save_checkpoint
from kfusion.training.run_config import RunConfig

UNIT = unit_frame(face_points())(face_points())


def test_a_bundle_is_evaluated_through_the_runtime_that_users_run(tmp_path: Path) -> None:
    predictor = load_predictor(write_bundle(tmp_path / "model.onnx"))
    samples = speech(1, 89)
    points = predictor.predict(samples, UNIT, None, None)
    assert predictor.model_id == "tiny-loudness"
    assert points.shape == (89, 68, 2)
    assert points == pytest.approx(Listener().predict(samples, UNIT, None, None), abs=1e-3)


def test_a_folder_with_a_bundle_is_found(tmp_path: Path) -> None:
    write_bundle(tmp_path / "model.onnx")
    assert load_predictor(tmp_path).model_id == "tiny-loudness"


def test_silence_is_predicted_too(tmp_path: Path) -> None:
    predictor = load_predictor(write_bundle(tmp_path / "model.onnx"))
    assert predictor.predict(np.zeros(16_000, np.float32), UNIT, None, None) == pytest.approx(
        np.broadcast_to(UNIT, (30, 68, 2)), abs=1e-5
    )


def test_a_label_that_the_model_does_not_know_is_not_passed_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    samples = speech(1, 30)
    plain = load_predictor(write_bundle(tmp_path / "plain.onnx"))
    knowing = load_predictor(write_bundle(tmp_path / "knowing.onnx", emotions="happy"))
    assert np.array_equal(plain.predict(samples, UNIT, "happy", 2), plain.predict(samples, UNIT, None, None))
    assert not np.array_equal(knowing.predict(samples, UNIT, "happy", 2), knowing.predict(samples, UNIT, None, None))
    assert not caplog.records


def test_a_model_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingWeightsError, match="no such model"):
        load_predictor(tmp_path / "nothing.onnx")


def test_a_checkpoint_folder_is_evaluated_before_it_is_exported(tmp_path: Path) -> None:
    small = KFusionConfig(signal="mel", width=16, heads=2, lstm_width=8, bottleneck=8, kan_width=8)
    info = CheckpointInfo(run=RunConfig(model=small), emotions=("happy",), training_data=())
    save_checkpoint(tmp_path / "run" / "best", KFusion(small), info)
    predictor = load_predictor(tmp_path / "run" / "best")
    samples = speech(1, 40)
    points = predictor.predict(samples, UNIT, None, None)
    assert predictor.model_id == "run-best"
    assert points.shape == (40, 68, 2)
    assert points.dtype == np.float32
    assert np.array_equal(predictor.predict(samples, UNIT, "sad", 1), points)
    assert predictor.emotions == ("happy",)


def test_a_network_whose_every_label_was_hidden_in_training_is_told_none(tmp_path: Path) -> None:
    small = KFusionConfig(signal="mel", width=16, heads=2, lstm_width=8, bottleneck=8, kan_width=8)
    run = RunConfig(model=small, data=DataConfig(unknown_emotion=1.0))
    save_checkpoint(tmp_path / "best", KFusion(small), CheckpointInfo(run=run, emotions=("happy",), training_data=()))
    predictor = load_predictor(tmp_path / "best")
    points = [predictor.predict(speech(1, 40), UNIT, emotion, None) for emotion in ("happy", None)]
    assert predictor.emotions == ()
    assert np.array_equal(*points)


def test_a_network_that_reads_no_features_is_evaluated_without_the_speech_encoder_and_smoothed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(BASELINES, "toy", ToyBaseline)
    monkeypatch.setattr("kfusion.models.speech.load_speech_encoder", lambda name: pytest.fail("loaded"))
    monkeypatch.setattr(ToyBaseline, "smooth", lambda self, points: points + 1)
    network, samples = ToyBaseline(), speech(1, 40)
    network.get_buffer("mean_motion").normal_()
    info = CheckpointInfo(run=RunConfig(model=BaselineConfig(network="toy")), emotions=(), training_data=())
    save_checkpoint(tmp_path / "run" / "best", network, info)
    points = load_predictor(tmp_path / "run" / "best").predict(samples, UNIT, None, None)
    sound, face = torch.tensor(samples)[None], torch.tensor(UNIT)[None]
    expected = network(sound, torch.zeros(1, 67, 768), face, torch.tensor([[0, 0]]))[0] + 1
    assert points == pytest.approx(expected.detach().numpy(), abs=1e-6)


def test_a_baseline_that_reads_features_gets_them(tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = BaselineConfig(network="temporal-conv")
    info = CheckpointInfo(run=RunConfig(model=config), emotions=(), training_data=())
    save_checkpoint(tmp_path / "best", shaken(build_network(config)), info)
    predictor = load_predictor(tmp_path / "best")
    one, other = (predictor.predict(speech(seed, 30), UNIT, None, None) for seed in (1, 2))
    assert one.shape == (30, 68, 2)
    assert not np.array_equal(one, other)


def shaken(network: Network) -> Network:
    """As after training: no weight is zero."""
    for weight in network.parameters():
        torch.nn.init.normal_(weight, std=0.1)
    return network


def test_a_damaged_checkpoint_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(CheckpointError, match="format none"):
        load_predictor(tmp_path)

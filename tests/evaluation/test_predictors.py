from pathlib import Path

import numpy as np
import pytest
from evaluation_factories import Listener, speech
from factories import face_points, write_bundle

from kfusion.errors import CheckpointError, MissingWeightsError
from kfusion.evaluation.predictors import load_predictor
from kfusion.landmarks import unit_frame
from kfusion.models.kfusion import KFusion, KFusionConfig
from kfusion.training.checkpoint import CheckpointInfo, save_checkpoint
from kfusion.training.config import RunConfig

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


def test_a_damaged_checkpoint_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(CheckpointError, match="format none"):
        load_predictor(tmp_path)

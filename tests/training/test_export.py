"""The bundle computes what the network computes, at any length."""

import numpy as np
import onnxruntime
import pytest
import torch

from kfusion.errors import CheckpointError
from kfusion.inference.generator import load
from kfusion.models.kfusion import KFusion
from kfusion.models.speech import load_speech_encoder
from kfusion.presets import tiny
from kfusion.training.export import SpeechToLandmarks, export_bundle


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return KFusion(tiny().model).eval()


@pytest.fixture(scope="module")
def bundle(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("export") / "bundle.onnx"
    export_bundle(network, path, model_id="tiny", emotions=["happy", "sad"])
    return path


@pytest.mark.parametrize("count", [1600, 8000, 12_345, 96_000, 160_001])
def test_a_bundle_agrees_with_torch_at_lengths_the_export_never_saw(network, bundle, count):
    samples = 0.1 * torch.randn(1, count, generator=torch.Generator().manual_seed(count))
    identity, emotion = torch.randn(1, 68, 2), torch.tensor([[3, 2]])
    expected = SpeechToLandmarks(load_speech_encoder(), network)(samples, identity, emotion).numpy()
    session = onnxruntime.InferenceSession(str(bundle), providers=["CPUExecutionProvider"])
    inputs = {"samples": samples.numpy(), "identity": identity.numpy(), "emotion": emotion.numpy()}
    (found,) = session.run(None, inputs)
    assert found.shape == expected.shape == (1, -(-count * 30 // 16_000), 68, 2)
    np.testing.assert_allclose(found, expected, atol=2e-3)


def test_the_runtime_loads_a_bundle_and_obeys_the_emotion_it_was_trained_with(bundle, caplog):
    model = load(bundle)
    samples = 0.1 * np.random.default_rng(0).standard_normal(16_000).astype(np.float32)
    plain, happy = model.generate(samples), model.generate(samples, emotion="happy", intensity=3)
    assert plain.model == "tiny"
    assert plain.points.shape == happy.points.shape == (30, 68, 2)
    assert not caplog.records


def test_a_bundle_holds_no_path_of_the_machine_that_made_it(bundle):
    assert b"site-packages" not in bundle.read_bytes()
    assert b"/src/kfusion" not in bundle.read_bytes()


def test_weights_are_stored_as_half_and_the_file_is_small(network, bundle):
    weights = sum(weight.numel() for weight in SpeechToLandmarks(load_speech_encoder(), network).state_dict().values())
    assert bundle.stat().st_size < 2.3 * weights + 1_000_000


def test_a_checkpoint_is_no_bundle(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"not a network")
    with pytest.raises(CheckpointError):
        load(tmp_path / "model.onnx")

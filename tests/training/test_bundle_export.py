"""The bundle computes what the network computes, at any length."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from kfusion.errors import CheckpointError, InputError
from kfusion.inference.generator import load
from kfusion.models.kfusion import KFusion
from kfusion.models.speech import load_speech_encoder
from kfusion.presets import tiny
from kfusion.training import bundle_export
from kfusion.training.bundle_export import SpeechToLandmarks, check_difference, export_bundle, quantise_bundle


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return KFusion(tiny().model).eval()


@pytest.fixture(scope="module")
def bundles(network, tmp_path_factory):
    """A bundle of each precision, from one graph: torch takes its time to export."""
    folder, make, made = tmp_path_factory.mktemp("export"), bundle_export._whole_to_onnx, []

    def once(whole):
        if not made:
            made.append(make(whole).SerializeToString())
        return onnx.load_from_string(made[0])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bundle_export, "_whole_to_onnx", once)
        for name in bundle_export.PRECISIONS:
            emotions = ["happy", "sad"]
            export_bundle(network, folder / f"{name}.onnx", model_id="tiny", emotions=emotions, precision=name)
    return {name: folder / f"{name}.onnx" for name in bundle_export.PRECISIONS}


@pytest.fixture(scope="module")
def bundle(bundles):
    return bundles["float32"]


@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 2e-3), ("int8", 1e-2)])
@pytest.mark.parametrize("count", [1600, 8000, 12_345, 96_000, 160_001])
def test_a_bundle_agrees_with_torch_at_lengths_the_export_never_saw(network, bundles, count, precision, tolerance):
    samples = 0.1 * torch.randn(1, count, generator=torch.Generator().manual_seed(count))
    identity, emotion = torch.randn(1, 68, 2), torch.tensor([[3, 2]])
    expected = SpeechToLandmarks(load_speech_encoder(), network)(samples, identity, emotion).numpy()
    session = onnxruntime.InferenceSession(str(bundles[precision]), providers=["CPUExecutionProvider"])
    inputs = {"samples": samples.numpy(), "identity": identity.numpy(), "emotion": emotion.numpy()}
    (found,) = session.run(None, inputs)
    assert found.shape == expected.shape == (1, -(-count * 30 // 16_000), 68, 2)
    np.testing.assert_allclose(found, expected, atol=tolerance)


@pytest.mark.parametrize(("precision", "allowed"), [("float32", 0.001), ("int8", 0.008)])
def test_a_bundle_that_is_off_by_a_part_of_what_networks_are_is_refused(precision, allowed):
    theirs = np.zeros((1, 3, 68, 2), np.float32)
    check_difference(theirs + np.array([allowed, 0], np.float32), theirs, precision, "here")
    for wrong in (0.012, np.nan):
        ours = theirs.copy()
        ours[:, 1, :, 1] += wrong  # one frame alone
        with pytest.raises(InputError, match=rf"differs from the network by {wrong} here"):
            check_difference(ours, theirs, precision, "here")


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


def test_an_int8_bundle_says_so_and_is_smaller(bundles):
    assert [load(path).card.precision for path in bundles.values()] == ["float32", "int8"]
    assert bundles["int8"].stat().st_size < 0.7 * bundles["float32"].stat().st_size


def test_a_bundle_that_is_made_from_a_bundle_computes_the_same(bundles, tmp_path):
    quantise_bundle(bundles["float32"], tmp_path / "quantised.onnx", model_id="smaller")
    samples = 0.1 * np.random.default_rng(0).standard_normal(40_000).astype(np.float32)
    expected, found = load(bundles["int8"]).generate(samples), load(tmp_path / "quantised.onnx").generate(samples)
    assert found.model == "smaller"
    np.testing.assert_allclose(found.points, expected.points, atol=0.5)  # its weights were float16 before


def test_only_a_float32_bundle_is_quantised(bundles, tmp_path):
    with pytest.raises(CheckpointError, match="not a float32 bundle"):
        quantise_bundle(bundles["int8"], tmp_path / "again.onnx")
    (tmp_path / "model.onnx").write_bytes(b"not a network")
    with pytest.raises(CheckpointError, match="cannot be read as ONNX"):
        quantise_bundle(tmp_path / "model.onnx", tmp_path / "again.onnx")
    with pytest.raises(InputError, match="no such bundle"):
        quantise_bundle(tmp_path / "none.onnx", tmp_path / "again.onnx")
    assert not (tmp_path / "again.onnx").exists()


def test_an_unknown_precision_is_refused(network, tmp_path):
    with pytest.raises(InputError, match="unknown precision 'int4': use float32 or int8"):
        export_bundle(network, tmp_path / "bundle.onnx", model_id="tiny", emotions=[], precision="int4")


def test_a_checkpoint_is_no_bundle(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"not a network")
    with pytest.raises(CheckpointError):
        load(tmp_path / "model.onnx")

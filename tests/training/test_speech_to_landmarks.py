"""Speech to landmarks as one ONNX graph of any length."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from factories.model import DIM, clip, network
from factories.training import ToyBaseline
from torch import Tensor, nn

from kfusion.errors import InputError
from kfusion.models.baselines.temporal_conv import TemporalConv
from kfusion.models.kfusion import KFusion
from kfusion.models.networks import Network
from kfusion.models.speech.encoder import SAMPLES_PER_STEP, SpeechEncoder, frames_in, pad_to_steps
from kfusion.models.speech.whisper import WhisperEncoder
from kfusion.training.bundle_export import SpeechToLandmarks, _whole_to_onnx, export_bundle
from kfusion.training.quantise import quantise


class Projection(SpeechEncoder):
    """A random projection of every 20 ms: it exports much faster than Whisper."""

    name, dim = "projection", DIM

    def __init__(self) -> None:
        super().__init__()
        self.matrix = nn.Parameter(torch.randn(SAMPLES_PER_STEP, DIM))

    def forward(self, samples: Tensor, first_position: int = 0) -> Tensor:
        steps = pad_to_steps(samples).unflatten(-1, (-1, SAMPLES_PER_STEP))
        return torch.tanh(steps @ self.matrix)


def trained(**changes: object) -> KFusion:
    """A network with something to say about every label."""
    net = network(**changes)
    for weight in net.emotion.parameters():
        nn.init.normal_(weight, 1.0, 0.4)
    return net


def session(model: onnx.ModelProto) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def check_agreement(encoder: SpeechEncoder, net: Network, lengths: tuple[int, ...]) -> onnx.ModelProto:
    """Export, then compare with torch at `lengths`."""
    model = _whole_to_onnx(SpeechToLandmarks(encoder, net))
    onnx.checker.check_model(model, full_check=True)
    assert model.graph.output[0].type.tensor_type.shape.dim[1].dim_param  # any length, not the example's
    check_outputs(model, encoder, net, lengths, tolerance=float32_rounding(model))
    return model


def float32_rounding(model: onnx.ModelProto) -> float:
    """How far apart, relative to their size, two CPUs may compute a graph that is the same.

    An operation rounds by eps, a sum of n terms in another order by sqrt(n) eps (errors of random signs), and each
    operation on the longest way through the graph adds its own: 7e-4 to 1.3e-3, where faces move by 0.05 to 2.3.
    """
    steps_to: dict[str, int] = {}
    for node in model.graph.node:  # each after those that it hears
        steps = 1 + max((steps_to.get(name, 0) for name in node.input), default=0)
        steps_to.update(dict.fromkeys(node.output, steps))
    longest_sum = max(size for weight in model.graph.initializer for size in weight.dims)
    return float(np.finfo(np.float32).eps) * max(steps_to.values()) * longest_sum**0.5


def check_outputs(
    model: onnx.ModelProto, encoder: SpeechEncoder, net: Network, lengths: tuple[int, ...], *, tolerance: float
) -> None:
    """Compare the graph with torch at `lengths`; the tolerance is relative to the largest value."""
    exported = session(model)
    for count in lengths:
        samples, _, identity, emotion = clip(count, count, (count % 9, count % 4)).batch()
        (ours,) = exported.run(
            None, {"samples": samples.numpy(), "identity": identity.numpy(), "emotion": emotion.numpy()}
        )
        with torch.no_grad():
            expected = net(samples, encoder(samples), identity, emotion).numpy()
        assert ours.shape == expected.shape == (1, frames_in(count), 68, 2)
        assert np.abs(ours - expected).max() <= tolerance * np.abs(expected).max()


@pytest.mark.slow
def test_whisper_and_a_network_export_for_any_length() -> None:
    encoder = WhisperEncoder.packaged()
    check_agreement(encoder, trained(feature_dim=encoder.dim), (1600, 12_345, 70_001, 480_000))


@pytest.mark.slow
def test_a_second_network_exports_for_any_length_too_and_in_int8_within_a_fiftieth_of_the_eyes_distance() -> None:
    """PyTorch's own export of an LSTM fixes the length from the second time in a process on."""
    encoder, lengths = Projection(), (1600, 12_345, 32_480, 160_000)
    net = trained(signal="mel", residual_identity=True, width=128, lstm_width=64, bottleneck=64, kan_width=64)
    model = check_agreement(encoder, net, lengths)
    assert quantise(model.graph) > 20
    onnx.checker.check_model(model, full_check=True)
    check_outputs(model, encoder, net, lengths, tolerance=0.02)


@pytest.mark.slow
@pytest.mark.parametrize(
    "change", [{"lstm": False, "head": "mlp"}, {"global_domain": False, "fusion": "concat"}], ids=str
)
def test_every_ablation_exports(change: dict[str, object]) -> None:
    check_agreement(Projection(), trained(**change), (1600, 12_345))


@pytest.mark.slow
def test_the_temporal_convolutions_export() -> None:
    torch.manual_seed(0)
    net = TemporalConv(feature_dim=DIM).eval()
    for weight in net.parameters():
        nn.init.normal_(weight, std=0.1)
    check_agreement(Projection(), net, (1600, 12_345, 160_000))


def test_a_network_that_reads_no_features_is_not_exported(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="ToyBaseline does not go with the packaged runtime"):
        export_bundle(ToyBaseline(), tmp_path / "bundle.onnx", model_id="toy", emotions=[])
    assert not list(tmp_path.iterdir())

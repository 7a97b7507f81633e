"""A trained network and its speech encoder to one ONNX bundle, which runs without PyTorch."""

import copy
import logging
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from jaxtyping import Float, Int
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from kfusion.audio import SAMPLE_RATE_HZ
from kfusion.errors import InputError
from kfusion.files import atomic_path
from kfusion.models.networks import Network, reads_features
from kfusion.models.speech import load_speech_encoder
from kfusion.models.speech.encoder import SpeechEncoder

FORMAT = "1"
OPSET = 20
WINDOW_S = 6
CONTEXT_S = 1
MAX_SAMPLES = 30 * SAMPLE_RATE_HZ
"""The most a bundle takes at once: Whisper's 1500 positions."""
INPUTS = ("samples", "identity", "emotion")
_HALF_FROM_SIZE = 1024
_KEPT_WHOLE = ("waves", "filters")
"""The log-mel front end stays float32: it has to resolve 80 dB."""
_CHECKED_SAMPLES = (1600, 16_000, 70_001)
_TOLERANCE = 2e-3


class SpeechToLandmarks(nn.Module):
    """Samples, an identity and an emotion to landmarks: what a bundle computes."""

    def __init__(self, encoder: SpeechEncoder, network: Network) -> None:
        super().__init__()
        self.encoder = encoder
        self.network = network
        self.eval().requires_grad_(False)

    def forward(
        self,
        samples: Float[Tensor, "1 samples"],
        identity: Float[Tensor, "1 68 2"],
        emotion: Int[Tensor, "1 2"],
    ) -> Float[Tensor, "1 time 68 2"]:
        """Landmarks in the identity's unit frame."""
        landmarks: Tensor = self.network(samples, self.encoder(samples), identity, emotion)
        return landmarks


class OnnxLSTM(nn.Module):
    """An `nn.LSTM` of one layer as one ONNX operator: torch's own export fixes the length from the second time on."""

    def __init__(self, lstm: nn.LSTM) -> None:
        super().__init__()
        self.hidden_size = lstm.hidden_size
        self.register_buffer("weight", _onnx_gates(lstm, "weight_ih_l0")[None])
        self.register_buffer("recurrence", _onnx_gates(lstm, "weight_hh_l0")[None])
        self.register_buffer(
            "bias", torch.cat([_onnx_gates(lstm, name) for name in ("bias_ih_l0", "bias_hh_l0")])[None]
        )

    def forward(self, x: Float[Tensor, "batch time width"]) -> tuple[Tensor, None]:
        """The hidden states (batch, time, hidden), and nothing in place of the last state."""
        inputs = x.transpose(0, 1), *(self.get_buffer(name) for name in ("weight", "recurrence", "bias"))
        shape = (x.shape[1], 1, x.shape[0], self.hidden_size)
        states = torch.onnx.ops.symbolic(
            "LSTM", inputs, {"hidden_size": self.hidden_size}, dtype=x.dtype, shape=shape, version=OPSET
        )
        return states[:, 0].transpose(0, 1), None


def _onnx_gates(lstm: nn.LSTM, name: str) -> Tensor:
    """A weight of the first layer, from torch's gate order (i, f, c, o) to that of ONNX (i, o, f, c)."""
    i, f, c, o = lstm.get_parameter(name).detach().chunk(4)
    return torch.cat([i, o, f, c])


def export_bundle(network: Network, path: Path, *, model_id: str, emotions: list[str]) -> None:
    """Write `network` and its speech encoder as one `.onnx` file of any length, weights stored as float16.

    Large weights are kept as float16 and widened when the file is loaded: the arithmetic is float32.

    Args:
        network: the trained network, one that reads the speech encoder's features.
        path: where the bundle is written.
        model_id: the name results carry.
        emotions: the emotions of the training data; empty if it had no labels.

    Raises:
        InputError: the bundle does not agree with the network, or the network does not go with the runtime.
        MissingWeightsError: the speech encoder cannot be loaded.
    """
    if not reads_features(network):
        raise InputError(
            f"{type(network).__name__} does not go with the packaged runtime, which cuts and joins windows of speech "
            "features: export kfusion or temporal-conv, and evaluate this one from its checkpoint folder"
        )
    whole = SpeechToLandmarks(load_speech_encoder(network.config.speech_encoder), copy.deepcopy(network))
    model = _to_onnx(whole)
    _tidy(model)
    _store_as_half(model.graph)
    properties = {
        "kfusion_format": FORMAT,
        "model_id": model_id,
        "fps": "30",
        "window_s": str(WINDOW_S),
        "context_s": str(CONTEXT_S),
        "emotions": ",".join(emotions),
    }
    helper.set_model_props(model, properties)
    with atomic_path(path) as part:
        onnx.save(model, part)
        _check(part, whole)


def _to_onnx(whole: SpeechToLandmarks) -> onnx.ModelProto:
    exported = SpeechToLandmarks(whole.encoder, copy.deepcopy(whole.network))
    _swap_lstms(exported.network)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it reports that torchvision is not installed
    with warnings.catch_warnings():
        for category in (FutureWarning, DeprecationWarning):
            warnings.simplefilter("ignore", category)  # torch's own
        program = torch.onnx.export(
            exported,
            _example(2 * SAMPLE_RATE_HZ),
            dynamo=True,
            verbose=False,
            input_names=list(INPUTS),
            output_names=["landmarks"],
            dynamic_shapes=({1: torch.export.Dim("samples", min=1600, max=MAX_SAMPLES)}, None, None),
            opset_version=OPSET,
        )
    assert program is not None
    return program.model_proto


def _swap_lstms(module: nn.Module) -> None:
    """Puts `OnnxLSTM` in the place of every `nn.LSTM` below."""
    for name, child in module.named_children():
        if isinstance(child, nn.LSTM):
            setattr(module, name, OnnxLSTM(child))
        else:
            _swap_lstms(child)


def _example(count: int) -> tuple[Tensor, Tensor, Tensor]:
    random = torch.Generator().manual_seed(count)
    samples = 0.1 * torch.randn(1, count, generator=random)
    return samples, torch.randn(1, 68, 2, generator=random), torch.tensor([[count % 9, count % 4]])


def _tidy(model: onnx.ModelProto) -> None:
    """Leave out what the exporter notes on every node, the paths of its source files among it."""
    graph = model.graph
    graph.output[0].type.tensor_type.shape.dim[1].dim_param = "frames"
    del graph.value_info[:]
    for part in (model, graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        del part.metadata_props[:]


def _store_as_half(graph: onnx.GraphProto) -> None:
    """Replace every large float32 weight by a float16 one and a cast, which onnxruntime folds when it loads."""
    casts = []
    for weight in graph.initializer:
        name, values = weight.name, numpy_helper.to_array(weight)
        if weight.data_type != TensorProto.FLOAT or values.size < _HALF_FROM_SIZE or name.endswith(_KEPT_WHOLE):
            continue
        weight.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}_half"))
        casts.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def _check(bundle: Path, whole: SpeechToLandmarks) -> None:
    session = onnxruntime.InferenceSession(str(bundle), providers=["CPUExecutionProvider"])
    for count in _CHECKED_SAMPLES:
        inputs = _example(count)
        (ours,) = session.run(None, {name: np.asarray(value) for name, value in zip(INPUTS, inputs, strict=True)})
        error = float(np.abs(ours - whole(*inputs).numpy()).max())
        if not error < _TOLERANCE:
            raise InputError(f"the exported bundle differs from the network by {error:.2g} at {count} samples")

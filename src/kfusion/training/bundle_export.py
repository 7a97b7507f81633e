"""A trained network and its speech encoder to one ONNX bundle, which runs without PyTorch."""

import copy
import logging
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from jaxtyping import Float, Int
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from kfusion.audio import SAMPLE_RATE_HZ
from kfusion.bundle_format import BUNDLE_FORMAT, INPUTS
from kfusion.errors import CheckpointError, InputError, OutputError
from kfusion.files import atomic_path, check_file, is_utf8
from kfusion.models.networks import Network, reads_features
from kfusion.models.speech import load_speech_encoder
from kfusion.models.speech.encoder import SpeechEncoder
from kfusion.training.quantise import quantise, widen

OPSET = 20
_CUTTING = {"window_s": f"{SpeechEncoder.piece_s:g}", "context_s": f"{SpeechEncoder.shared_s / 2:g}"}
"""Metadata: how recordings are cut. Longer windows are slower (attention) and no better (trained on 3 s)."""
MAX_SAMPLES = 30 * SAMPLE_RATE_HZ
"""The most a bundle takes at once: Whisper's 1500 positions."""
PRECISIONS = ("float32", "int8")
_HALF_FROM_SIZE = 1024
_KEPT_WHOLE = ("waves", "filters", "_scale")
"""The log-mel front end stays float32: it has to resolve 80 dB; so do the scales of integers."""
_CHECKED_SAMPLES = (1600, 16_000, 70_001)
_TOLERANCE = {"float32": 2e-3, "int8": 1e-2}
"""Landmark distance of the worst frame, in inter-ocular distances: half of that of a good network to real mouths."""


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


def export_bundle(
    network: Network, path: Path, *, model_id: str, emotions: list[str], precision: str = "float32"
) -> None:
    """Write `network` and its speech encoder as one `.onnx` file of any length, weights stored as float16.

    Large weights are kept as float16 and widened when the file is loaded: the arithmetic is float32. With the
    precision `int8` large matrices and the arithmetic on them are in 8-bit integers (`kfusion.training.quantise`).

    Args:
        network: the trained network, one that reads the speech encoder's features.
        path: where the bundle is written.
        model_id: the name results carry.
        emotions: the emotions of the training data; empty if it had no labels.
        precision: of the arithmetic, `float32` or `int8`.

    Raises:
        InputError: the bundle does not agree with the network, the network does not go with the runtime, or the
            precision is unknown.
        MissingWeightsError: the speech encoder cannot be loaded.
    """
    if not reads_features(network):
        raise InputError(
            f"{type(network).__name__} does not go with the packaged runtime, which cuts and joins windows of speech "
            "features: export kfusion or temporal-conv, and evaluate this one from its checkpoint folder"
        )
    check_wish(path, precision)
    whole = SpeechToLandmarks(load_speech_encoder(network.config.speech_encoder), copy.deepcopy(network))
    properties = {"model_id": model_id, **_CUTTING, "emotions": ",".join(emotions)}
    write_bundle(path, _whole_to_onnx(whole), properties, precision, lambda part: _check(part, whole, precision))


def check_wish(path: Path, precision: str) -> None:
    """Raises an error before the slow export, if there is no such precision or no bundle can be read at `path`."""
    if precision not in PRECISIONS:
        raise InputError(f"unknown precision '{precision}': use {' or '.join(PRECISIONS)}")
    if not is_utf8(path):
        raise OutputError(f"{path}: onnxruntime opens no file whose name is not UTF-8: choose another name")


def write_bundle(
    path: Path, model: onnx.ModelProto, properties: dict[str, str], precision: str, check: Callable[[Path], None]
) -> None:
    """Write a float32 graph as a bundle of `precision`, which appears at `path` only once `check` has passed on it.

    Args:
        path: where the bundle goes.
        model: is changed.
        properties: the metadata that every bundle has apart from format, frame rate and precision.
        precision: `float32` or `int8`.
        check: is given where the bundle lies until then, and raises if it is not as it should be.

    Raises:
        OutputError: the place cannot be written.
    """
    if precision == "int8":
        quantise(model.graph)
    store_as_half(model.graph)
    helper.set_model_props(model, {"kfusion_format": BUNDLE_FORMAT, "fps": "30", **properties, "precision": precision})
    with atomic_path(path) as part:
        onnx.save(model, part)
        check(part)


def check_difference(ours: NDArray[np.float32], theirs: NDArray[np.float32], precision: str, where: str) -> None:
    """Raises `InputError` if a bundle's landmarks are not those of PyTorch, within what `precision` costs."""
    error = float(np.linalg.norm(ours - theirs, axis=-1).mean(-1).max())
    if not error < _TOLERANCE[precision]:
        raise InputError(f"the exported bundle differs from the network by {error:.2g} {where}")


def quantise_bundle(source: Path, target: Path, *, model_id: str | None = None) -> None:
    """Write a float32 bundle as an int8 one, without the checkpoint that it came from.

    Recordings are cut as `export_bundle` has it now.

    Args:
        source: a bundle that `export_bundle` wrote.
        target: where the new one is written; may be the same.
        model_id: the name results carry; None for that of `source`.

    Raises:
        CheckpointError: `source` is no such bundle, or is in int8 already.
        InputError: it is missing or may not be read.
    """
    check_wish(target, "int8")
    check_file(source, "bundle")
    try:
        model = onnx.load(source)
    except (OSError, DecodeError) as error:
        raise CheckpointError(f"{source}: cannot be read as ONNX: pass a bundle that `kfusion export` wrote") from error
    properties = {entry.key: entry.value for entry in model.metadata_props}
    if "kfusion_format" not in properties or properties.get("precision", "float32") != "float32":
        raise CheckpointError(f"{source}: not a float32 bundle: pass one that `kfusion export` wrote")
    widen(model.graph)
    quantise(model.graph)
    store_as_half(model.graph)
    properties |= {name: value for name, value in _CUTTING.items() if name in properties}  # a stream bundle has none
    properties |= {"precision": "int8"} | ({} if model_id is None else {"model_id": model_id})
    helper.set_model_props(model, properties)
    with atomic_path(target) as part:
        onnx.save(model, part)


def _whole_to_onnx(whole: SpeechToLandmarks) -> onnx.ModelProto:
    """The graph of a bundle, for any number of samples."""
    exported = SpeechToLandmarks(whole.encoder, copy.deepcopy(whole.network))
    swap_lstms(exported.network, OnnxLSTM)
    any_length = {1: torch.export.Dim("samples", min=1600, max=MAX_SAMPLES)}
    model = to_onnx(exported, _example(2 * SAMPLE_RATE_HZ), INPUTS, ["landmarks"], (any_length, None, None))
    tidy(model)
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_param = "frames"
    return model


def to_onnx(
    module: nn.Module, example: tuple[Any, ...], inputs: Sequence[str], outputs: Sequence[str], shapes: Any = None
) -> onnx.ModelProto:
    """A module as an ONNX model.

    Args:
        module: in evaluation mode, without an `nn.LSTM`.
        example: what it is called with; also fixes every size that `shapes` does not free.
        inputs: names of its inputs, those in nested lists counted one by one.
        outputs: names of its outputs.
        shapes: the `dynamic_shapes` of `torch.onnx.export`; None: all sizes are fixed.
    """
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it reports that torchvision is not installed
    with warnings.catch_warnings():
        for category in (FutureWarning, DeprecationWarning):
            warnings.simplefilter("ignore", category)  # torch's own
        program = torch.onnx.export(
            module,
            example,
            dynamo=True,
            verbose=False,
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_shapes=shapes,
            opset_version=OPSET,
        )
    assert program is not None
    return program.model_proto


def swap_lstms(module: nn.Module, replacement: Callable[[nn.LSTM], nn.Module]) -> None:
    """Puts a `replacement` in the place of every `nn.LSTM` below."""
    for name, child in module.named_children():
        if isinstance(child, nn.LSTM):
            setattr(module, name, replacement(child))
        else:
            swap_lstms(child, replacement)


def _example(count: int) -> tuple[Tensor, Tensor, Tensor]:
    random = torch.Generator().manual_seed(count)
    samples = 0.1 * torch.randn(1, count, generator=random)
    return samples, torch.randn(1, 68, 2, generator=random), torch.tensor([[count % 9, count % 4]])


def tidy(model: onnx.ModelProto) -> None:
    """Leave out what the exporter notes on every node, the paths of its source files among it."""
    graph = model.graph
    del graph.value_info[:]
    for part in (model, graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        del part.metadata_props[:]


def store_as_half(graph: onnx.GraphProto) -> None:
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


def _check(bundle: Path, whole: SpeechToLandmarks, precision: str) -> None:
    session = onnxruntime.InferenceSession(str(bundle), providers=["CPUExecutionProvider"])
    for count in _CHECKED_SAMPLES:
        inputs = _example(count)
        (ours,) = session.run(None, {name: np.asarray(value) for name, value in zip(INPUTS, inputs, strict=True)})
        check_difference(ours, whole(*inputs).numpy(), precision, f"at {count} samples")

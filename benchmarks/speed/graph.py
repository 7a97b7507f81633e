"""A bundle's graph in two halves, and how many operations a run of it takes."""

import json
import math
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import onnx
import onnxruntime
from onnx.utils import Extractor

Feed = dict[str, Any]
MEAN = "feature_mean"
"""What the network takes off the speech features first: whatever goes into that is the speech encoder."""
PRODUCTS = (
    "MatMul",
    "FusedMatMul",
    "Gemm",
    "FusedGemm",
    "DynamicQuantizeMatMul",
    "MatMulInteger",
    "MatMulIntegerToFloat",
)
CONVOLUTIONS = ("Conv", "FusedConv", "ConvInteger", "NhwcFusedConv")


def halves(path: Path) -> tuple[onnx.ModelProto, onnx.ModelProto, str]:
    """Speech encoder and network of a bundle, and the name of the features between them."""
    model = onnx.load(str(path))
    consumers = [node for node in model.graph.node if any(name.endswith(MEAN) for name in node.input)]
    (features,) = {name for node in consumers for name in node.input if not name.endswith(MEAN)}
    inputs, outputs = ([port.name for port in ports] for ports in (model.graph.input, model.graph.output))
    del model.graph.value_info[:]
    value = onnx.helper.make_tensor_value_info(features, onnx.TensorProto.FLOAT, [1, "steps", "features"])
    model.graph.value_info.append(value)
    extractor = Extractor(model)
    encoder = extractor.extract_model(["samples"], [features])
    network = extractor.extract_model([features, *inputs], outputs)
    return encoder, network, features


def open_session(model: onnx.ModelProto | Path, *, profile: bool = False) -> onnxruntime.InferenceSession:
    """The graph on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    if profile:
        options.enable_profiling = True
        options.profile_file_prefix = f"{tempfile.gettempdir()}/kfusion-profile"
    source = str(model) if isinstance(model, Path) else model.SerializeToString()
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def profile(model: onnx.ModelProto | Path, feed: Feed, runs: int = 5) -> tuple[Counter[str], int]:
    """Seconds of each operator and floating-point operations of one run; the first two runs do not count."""
    session = open_session(model, profile=True)
    names = {port.name for port in session.get_inputs()}
    for _ in range(runs + 2):
        session.run(None, {name: value for name, value in feed.items() if name in names})
    written = Path(session.end_profiling())
    kernels = [event for event in json.loads(written.read_text()) if event["name"].endswith("_kernel_time")]
    written.unlink()
    kernels = kernels[2 * len(kernels) // (runs + 2) :]
    seconds: Counter[str] = Counter()
    for event in kernels:
        seconds[event["args"]["op_name"]] += event["dur"] / 1e6 / runs
    return seconds, sum(operations(event["args"]) for event in kernels) // runs


def operations(kernel: dict[str, Any]) -> int:
    """Multiplications and additions of a matrix product, a convolution or an LSTM; what is not one counts as none."""
    name = kernel["op_name"]
    given, (result, *_) = (_shapes(kernel[side]) for side in ("input_type_shape", "output_type_shape"))
    if name in PRODUCTS:
        left = given[0]
        transposed = left[-2] != result[-2]
        return 2 * math.prod(result) * left[-2 if transposed else -1]
    if name in CONVOLUTIONS:
        return 2 * math.prod(result) * math.prod(given[1][1:])
    if name.endswith("LSTM"):
        hidden, width = result[-1], given[0][-1]
        return 2 * math.prod(result) * 4 * (hidden + width)
    return 0


def _shapes(ports: list[dict[str, list[int]]]) -> list[list[int]]:
    return [shape for port in ports for shape in port.values()]

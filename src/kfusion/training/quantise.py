"""Large matrix products of an ONNX graph in 8-bit integers: smaller, and faster on CPUs that have such products.

The weights become int8, with one scale a column; their inputs become uint8 at run time, with one scale and offset
a tensor. All of it is standard ONNX, which onnxruntime fuses into one operator when it loads the graph.
"""

from collections.abc import Iterator

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

MIN_WEIGHTS = 4096
"""A smaller matrix is not worth the trouble."""
_TOP = 127
_PAIR_TOP = 128
"""255 (the largest input) times this stays within 16 bits."""


def quantise(graph: onnx.GraphProto) -> int:
    """Put an integer product in the place of every product with a large constant float32 matrix.

    Returns:
        How many such matrices there are.
    """
    matrices = _large_matrices(graph)
    nodes: list[onnx.NodeProto] = []
    inputs: set[str] = set()
    for node in graph.node:
        if node.op_type != "MatMul" or node.input[1] not in matrices:
            nodes.append(node)
            continue
        if node.input[0] not in inputs:
            inputs.add(node.input[0])
            nodes.append(_quantised_input(node.input[0]))
        nodes.extend(_integer_product(node))
    for weight in matrices.values():
        _split(graph, weight)
    del graph.node[:]
    graph.node.extend(nodes)
    return len(matrices)


def widen(graph: onnx.GraphProto) -> None:
    """Float32 in the place of every weight that is stored as float16 and cast: undoes `store_as_half`."""
    weights = {weight.name: weight for weight in graph.initializer}
    nodes = []
    for node in graph.node:
        stored = weights.get(node.input[0]) if node.op_type == "Cast" else None
        if stored is not None and stored.data_type == TensorProto.FLOAT16:
            values = numpy_helper.to_array(stored).astype(np.float32)
            stored.CopyFrom(numpy_helper.from_array(values, node.output[0]))
        else:
            nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)


def to_int8(matrix: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """A matrix (K, N) as integers times a scale for each column, (K, N) and (N,).

    CPUs that cannot add 8-bit products up in 32 bits at once (x86 without VNNI) add those of two neighbouring rows in
    16 bits first. The scales are so large that this cannot overflow, so that no CPU gives another product.
    """
    pairs = np.pad(matrix, ((0, len(matrix) % 2), (0, 0))).reshape(-1, 2, matrix.shape[1])
    highest = np.maximum(pairs, 0).sum(1).max(0), np.maximum(-pairs, 0).sum(1).max(0)
    scale = np.maximum(np.abs(matrix).max(0) / _TOP, np.maximum(*highest) / (_PAIR_TOP - 1))
    scale = np.where(scale > 0, scale, 1).astype(np.float32)
    return np.round(matrix / scale).astype(np.int8), scale


def _large_matrices(graph: onnx.GraphProto) -> dict[str, onnx.TensorProto]:
    """The large constant matrices that are nothing but the second factor of products, by name."""
    factors = {node.input[1] for node in graph.node if node.op_type == "MatMul"}
    others = {name for node in graph.node for at, name in enumerate(node.input) if (node.op_type, at) != ("MatMul", 1)}
    return {
        weight.name: weight
        for weight in graph.initializer
        if weight.name in factors - others
        and weight.data_type == TensorProto.FLOAT
        and len(weight.dims) == 2
        and weight.dims[0] * weight.dims[1] >= MIN_WEIGHTS
    }


def _quantised_input(name: str) -> onnx.NodeProto:
    return helper.make_node("DynamicQuantizeLinear", [name], [f"{name}_uint8", f"{name}_step", f"{name}_zero"])


def _integer_product(node: onnx.NodeProto) -> Iterator[onnx.NodeProto]:
    x, weight = node.input
    y = node.output[0]
    yield helper.make_node("MatMulInteger", [f"{x}_uint8", f"{weight}_int8", f"{x}_zero"], [f"{y}_int32"])
    yield helper.make_node("Cast", [f"{y}_int32"], [f"{y}_sum"], to=TensorProto.FLOAT)
    yield helper.make_node("Mul", [f"{x}_step", f"{weight}_scale"], [f"{y}_factor"])
    yield helper.make_node("Mul", [f"{y}_sum", f"{y}_factor"], [y])


def _split(graph: onnx.GraphProto, weight: onnx.TensorProto) -> None:
    """The integers in the place of `weight`, and its scales beside it."""
    name = weight.name
    values, scale = to_int8(numpy_helper.to_array(weight))
    weight.CopyFrom(numpy_helper.from_array(values, f"{name}_int8"))
    graph.initializer.append(numpy_helper.from_array(scale, f"{name}_scale"))

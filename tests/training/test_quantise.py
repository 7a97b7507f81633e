"""Large products in 8-bit integers, as near to the float32 ones as eight bits allow."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from kfusion.training.bundle_export import store_as_half
from kfusion.training.quantise import quantise, to_int8, widen


def random_matrix(rows: int, columns: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((rows, columns)).astype(np.float32)


def two_products(first: np.ndarray, second: np.ndarray) -> onnx.ModelProto:
    """y = tanh(x @ first) @ second, z = x @ first @ second."""
    node = helper.make_node
    nodes = [
        node("MatMul", ["x", "first"], ["a"]),
        node("Tanh", ["a"], ["b"]),
        node("MatMul", ["b", "second"], ["y"]),
        node("MatMul", ["a", "second"], ["z"]),
    ]
    ports = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["rows", size])
        for name, size in zip("xyz", (first.shape[0], second.shape[1], second.shape[1]), strict=True)
    ]
    weights = [numpy_helper.from_array(first, "first"), numpy_helper.from_array(second, "second")]
    graph = helper.make_graph(nodes, "products", ports[:1], ports[1:], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def integer_product(integers: np.ndarray) -> onnx.ModelProto:
    """y = x @ integers, x in uint8."""
    node = helper.make_node("MatMulInteger", ["x", "integers"], ["y"])
    x = helper.make_tensor_value_info("x", TensorProto.UINT8, ["rows", integers.shape[0]])
    y = helper.make_tensor_value_info("y", TensorProto.INT32, ["rows", integers.shape[1]])
    graph = helper.make_graph([node], "product", [x], [y], [numpy_helper.from_array(integers, "integers")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def run(model: onnx.ModelProto, x: np.ndarray) -> list[np.ndarray]:
    onnx.checker.check_model(model, full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})


def test_a_matrix_is_its_integers_times_their_scales():
    matrix = random_matrix(129, 40) * np.logspace(-3, 1, 40, dtype=np.float32)
    integers, scale = to_int8(matrix)
    assert integers.dtype == np.int8
    assert (np.abs(integers * scale - matrix) <= 0.501 * scale).all()
    assert (scale <= np.abs(matrix).max(0) / 63).all()


def test_two_neighbouring_rows_never_add_up_beyond_16_bits():
    """By hand: 255 x (127 + 127) is 64,770, and 16 bits end at 32,767, where older CPUs cut."""
    alike = np.full((8, 1), 0.5, np.float32)
    opposite = alike * np.array([[1], [-1]] * 4, np.float32)
    for matrix in (alike, -alike, opposite, random_matrix(64, 30), np.abs(random_matrix(65, 30))):
        integers = np.pad(to_int8(matrix)[0].astype(int), ((0, len(matrix) % 2), (0, 0))).reshape(
            -1, 2, matrix.shape[1]
        )
        assert 255 * np.maximum(integers, 0).sum(1).max() <= 32_767
        assert 255 * np.minimum(integers, 0).sum(1).min() >= -32_768
    assert np.abs(to_int8(opposite)[0]).max() == 127  # nothing is given away where the signs differ


@pytest.mark.parametrize("seed", range(10))
def test_products_of_the_integers_are_exact_on_this_cpu(seed):
    """Of inputs at their largest: `make test-haswell` runs it on a CPU that adds neighbours up in 16 bits."""
    random = np.random.default_rng(seed)
    rows, columns, count = random.integers(16, 400), random.integers(1, 300), random.integers(1, 40)
    signs = random.choice([-1, 1], (1, columns))
    integers = to_int8((np.abs(random.standard_normal((rows, columns))) * signs).astype(np.float32))[0]
    x = np.where(random.random((count, rows)) < 0.8, 255, random.integers(0, 256, (count, rows))).astype(np.uint8)
    (found,) = run(integer_product(integers), x)
    np.testing.assert_array_equal(found, x.astype(np.int64) @ integers.astype(np.int64))


def test_a_column_of_zeros_stays_zero():
    integers, scale = to_int8(np.zeros((10, 3), np.float32))
    assert not integers.any()
    assert (scale == 1).all()


def test_products_in_integers_are_within_four_percent():
    first, second, x = random_matrix(128, 96), random_matrix(96, 64, 1), random_matrix(50, 128, 2)
    model = two_products(first, second)
    assert quantise(model.graph) == 2
    y, z = run(model, x)
    expected = x @ first @ second
    assert np.sqrt(np.mean((z - expected) ** 2) / np.mean(expected**2)) < 0.04
    expected = np.tanh(x @ first) @ second
    assert np.sqrt(np.mean((y - expected) ** 2) / np.mean(expected**2)) < 0.04


def test_an_input_of_several_products_is_quantised_once():
    model = two_products(random_matrix(128, 96), random_matrix(96, 64))
    model.graph.node[2].input[0] = "a"
    quantise(model.graph)
    assert [node.op_type for node in model.graph.node].count("DynamicQuantizeLinear") == 2
    assert [node.op_type for node in model.graph.node].count("MatMulInteger") == 3


def test_small_matrices_and_computed_ones_are_left_alone():
    model = two_products(random_matrix(10, 12), random_matrix(12, 8))
    before = model.SerializeToString()
    assert quantise(model.graph) == 0
    assert model.SerializeToString() == before


@pytest.mark.parametrize("scale", [1.0, 1e-3])
def test_what_is_stored_as_half_is_widened_to_the_same_values(scale):
    first, second = (scale * random_matrix(*shape) for shape in ((128, 96), (96, 64)))
    model = two_products(first, second)
    store_as_half(model.graph)
    x = random_matrix(5, 128, 2)
    expected = run(model, x)
    widen(model.graph)
    assert all(weight.data_type == TensorProto.FLOAT for weight in model.graph.initializer)
    for found, before in zip(run(model, x), expected, strict=True):
        np.testing.assert_array_equal(found, before)


def test_scales_are_not_stored_as_half():
    model = two_products(random_matrix(8, 1100), random_matrix(1100, 8))
    quantise(model.graph)
    store_as_half(model.graph)
    kinds = {weight.name: weight.data_type for weight in model.graph.initializer}
    assert kinds["first_scale"] == TensorProto.FLOAT
    assert TensorProto.FLOAT16 not in kinds.values()


def test_a_matrix_that_is_also_used_otherwise_is_left_alone():
    model = two_products(random_matrix(96, 96), random_matrix(96, 64))
    model.graph.node[1].CopyFrom(helper.make_node("MatMul", ["first", "a"], ["b"]))
    assert quantise(model.graph) == 1

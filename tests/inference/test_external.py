"""A bundle that names other files is refused before anything opens it."""

from contextlib import suppress
from pathlib import Path

import numpy as np
import onnx
import pytest
from factories.inputs import write_bundle, write_stream_bundle
from onnx import TensorProto, helper

from kfusion import assets
from kfusion.errors import CheckpointError
from kfusion.inference.external import names_other_files
from kfusion.inference.session import Session

IN, OUT = helper.make_tensor_value_info("x", 1, [4]), helper.make_tensor_value_info("y", 1, [4])
ADD = helper.make_node("Add", ["x", "w"], ["y"])


def elsewhere(name: str = "w", location: str = "secret.bin") -> TensorProto:
    """A tensor whose values lie in another file."""
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=[4], data_location=TensorProto.EXTERNAL)
    for key, value in (("location", location), ("offset", "0"), ("length", "16")):
        tensor.external_data.add(key=key, value=value)
    return tensor


def constant(**values: object) -> onnx.NodeProto:
    return helper.make_node("Constant", [], ["w"], **values)


def branches(graph: onnx.GraphProto) -> onnx.GraphProto:
    """A graph that holds another in a node."""
    held = helper.make_graph([constant(value_float=1.0)], "s", [], [helper.make_tensor_value_info("w", 1, [4])])
    node = helper.make_node("If", ["c"], ["y"], then_branch=held, else_branch=graph)
    return helper.make_graph([node], "g", [helper.make_tensor_value_info("c", 9, []), IN], [OUT])


def inner() -> onnx.GraphProto:
    node = helper.make_node("Identity", ["w"], ["z"])
    return helper.make_graph([node], "i", [], [helper.make_tensor_value_info("z", 1, [4])], [elsewhere()])


def sparse() -> onnx.SparseTensorProto:
    indices = helper.make_tensor("i", TensorProto.INT64, [1], [0])
    return helper.make_sparse_tensor(elsewhere(), indices, [4])


def hidden() -> dict[str, onnx.ModelProto]:
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("d", 1)]
    function = helper.make_function("d", "F", ["a"], ["b"], [constant(value=elsewhere())], opsets)
    default = helper.make_function("d", "G", ["a"], ["b"], [], opsets)
    default.attribute_proto.add(name="k", type=onnx.AttributeProto.TENSOR).t.CopyFrom(elsewhere())
    many = helper.make_node("Other", [], ["w"])
    many.attribute.add(name="k", type=onnx.AttributeProto.TENSORS).tensors.append(elsewhere())
    trained = helper.make_model(helper.make_graph([ADD], "g", [IN], [OUT]))
    trained.training_info.add().algorithm.CopyFrom(inner())
    unsaid = elsewhere()
    unsaid.ClearField("data_location")
    flat = {
        "initializer": helper.make_graph([ADD], "g", [IN], [OUT], [elsewhere()]),
        "attribute": helper.make_graph([constant(value=elsewhere()), ADD], "g", [IN], [OUT]),
        "attributes": helper.make_graph([many, ADD], "g", [IN], [OUT]),
        "sparse attribute": helper.make_graph([constant(sparse_value=sparse()), ADD], "g", [IN], [OUT]),
        "sparse initializer": helper.make_graph([ADD], "g", [IN], [OUT], sparse_initializer=[sparse()]),
        "subgraph": branches(inner()),
        "subgraph of a subgraph": branches(branches(inner())),
        "place not said": helper.make_graph([ADD], "g", [IN], [OUT], [unsaid]),
    }
    models = {name: helper.make_model(graph) for name, graph in flat.items()}
    call = helper.make_graph([helper.make_node("F", ["x"], ["y"], domain="d")], "g", [IN], [OUT])
    models["function"] = helper.make_model(call, functions=[function])
    models["default of a function"] = helper.make_model(call, functions=[default])
    return models | {"training": trained}


@pytest.mark.parametrize("place", hidden())
def test_weights_in_another_file_are_found_wherever_they_are_named(tmp_path: Path, place: str) -> None:
    np.arange(4, dtype="<f4").tofile(tmp_path / "secret.bin")
    path = tmp_path / "model.onnx"
    path.write_bytes(hidden()[place].SerializeToString())
    assert names_other_files(path)
    with pytest.raises(CheckpointError, match="external data") as refused:
        Session(path)
    assert str(refused.value).isprintable()


def test_bundles_of_this_package_name_none(tmp_path: Path) -> None:
    for path in (write_bundle(tmp_path / "a.onnx"), write_stream_bundle(tmp_path / "b.onnx"), assets.DEFAULT_MODEL):
        assert not names_other_files(path)


def test_a_name_is_no_file(tmp_path: Path) -> None:
    tensor = helper.make_tensor("location", TensorProto.FLOAT, [1], [1.0])
    path = tmp_path / "model.onnx"
    graph = helper.make_graph([ADD], "external_data", [IN], [OUT], [tensor])
    path.write_bytes(helper.make_model(graph).SerializeToString())
    assert not names_other_files(path)


@pytest.mark.parametrize(
    "content",
    [b"", b"hello world, this is no model", b"\x3a\xff\xff\xff\xff\x0f", b"\x80" * 99, b"\x10\x00\x00\x00ORTM" * 9],
)
def test_what_is_no_onnx_is_no_bundle(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="not a kfusion bundle"):
        Session(path)


def test_a_model_that_is_cut_or_damaged_anywhere_is_one_error(tmp_path: Path) -> None:
    whole = hidden()["subgraph of a subgraph"].SerializeToString()
    path, random = tmp_path / "model.onnx", np.random.default_rng(0)
    for _ in range(300):
        content = bytearray(whole[: random.integers(1, len(whole) + 1)])
        content[random.integers(len(content))] = random.integers(256)
        path.write_bytes(content)
        with suppress(ValueError):
            names_other_files(path)


@pytest.mark.parametrize("text", ["kfusion_format", "emotions", "samples"])
def test_a_model_with_text_that_is_not_utf_8_is_one_error(text: str, tmp_path: Path) -> None:
    path = write_bundle(tmp_path / "model.onnx")
    path.write_bytes(path.read_bytes().replace(text.encode(), b"\xff" + text.encode()[1:]))
    with pytest.raises(CheckpointError, match="not a kfusion bundle, or damaged"):
        Session(path)


def test_graphs_in_graphs_without_end_are_refused(tmp_path: Path) -> None:
    nested = b""
    for _ in range(100):  # an attribute with a graph of a node with that attribute
        for tag in (0x32, 0x2A, 0x0A):
            nested = field(tag, nested)
    path = tmp_path / "model.onnx"
    path.write_bytes(field(0x3A, nested))
    with pytest.raises(CheckpointError, match="nested too deep"):
        Session(path)


def field(tag: int, content: bytes) -> bytes:
    """A protobuf field of bytes."""
    size, length = len(content), bytearray()
    while size > 127:
        length.append(size & 127 | 128)
        size >>= 7
    return bytes([tag, *length, size]) + content

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from speed.graph import halves, open_session, operations, profile

from kfusion.assets import DEFAULT_MODEL


def kernel(name: str, inputs: list[list[int]], output: list[int]) -> dict[str, Any]:
    return {
        "op_name": name,
        "input_type_shape": [{"float": shape} for shape in inputs],
        "output_type_shape": [{"float": output}],
    }


@pytest.mark.parametrize(
    ("name", "inputs", "output", "expected"),
    [
        ("MatMul", [[1, 3, 4]], [1, 3, 5], 2 * 3 * 4 * 5),
        ("FusedMatMul", [[4, 3], [4, 5]], [3, 5], 2 * 3 * 4 * 5),
        ("Conv", [[1, 2, 10], [6, 2, 3]], [1, 6, 8], 2 * 6 * 8 * 2 * 3),
        ("Conv", [[1, 4, 10], [4, 1, 3]], [1, 4, 8], 2 * 4 * 8 * 3),
        ("LSTM", [[7, 1, 3], [1, 16]], [7, 1, 1, 2], 2 * 7 * 4 * 2 * (2 + 3)),
        ("Softmax", [[1, 3]], [1, 3], 0),
    ],
)
def test_the_operations_of_a_kernel_agree_with_hand_arithmetic(
    name: str, inputs: list[list[int]], output: list[int], expected: int
) -> None:
    assert operations(kernel(name, inputs, output)) == expected


def test_the_two_halves_of_the_default_bundle_give_what_it_gives() -> None:
    random = np.random.default_rng(0)
    feed = {
        "samples": 0.1 * random.standard_normal((1, 8000), np.float32),
        "identity": random.standard_normal((1, 68, 2), np.float32),
        "emotion": np.zeros((1, 2), np.int64),
    }
    (whole,) = open_session(DEFAULT_MODEL).run(None, feed)
    encoder, network, features = halves(DEFAULT_MODEL)
    (middle,) = open_session(encoder).run(None, {"samples": feed["samples"]})
    second = open_session(network)
    names = {port.name for port in second.get_inputs()}
    (joined,) = second.run(None, {name: value for name, value in {**feed, features: middle}.items() if name in names})
    assert joined == pytest.approx(whole, abs=1e-4)


def test_a_profile_counts_one_run_and_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from onnx import TensorProto, helper

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [3, 3]) for name in "abc"]
    graph = helper.make_graph([helper.make_node("MatMul", ["a", "b"], ["c"])], "product", ports[:2], ports[2:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    square = np.ones((3, 3), np.float32)
    seconds, flops = profile(model, {"a": square, "b": square})
    assert flops == 2 * 3**3
    assert [*seconds] == ["MatMul"]
    assert not [*tmp_path.iterdir()]

"""Small things that tests are made of: faces, recordings, pictures and a tiny model bundle."""

import wave
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

SAMPLE_RATE_HZ = 16_000
FPS = 30


def face_points(center: tuple[float, float] = (128, 128), size: float = 100.0) -> NDArray[np.float32]:
    """A plain upright face, (68, 2), with its outer eye corners about `size` / 2 apart."""
    points = np.zeros((68, 2))
    angle = np.linspace(np.pi * 0.98, np.pi * 0.02, 17)
    points[:17] = np.stack([0.5 * np.cos(angle), -0.05 + 0.62 * np.sin(angle)], -1)
    for start, middle in ((17, -0.23), (22, 0.23)):
        x = np.linspace(-0.13, 0.13, 5)
        points[start : start + 5] = np.stack([middle + x, -0.3 + 2 * x * x], -1)
    points[27:31] = np.stack([np.zeros(4), np.linspace(-0.18, 0.08, 4)], -1)
    points[31:36] = np.stack([np.linspace(-0.09, 0.09, 5), 0.12 + 0.02 * np.array([0, 0.7, 1, 0.7, 0])], -1)
    for start, middle in ((36, -0.18), (42, 0.18)):
        points[start : start + 6] = _ring(6, (middle, -0.18), (0.07, 0.03))
    points[48:60] = _ring(12, (0, 0.3), (0.18, 0.07))
    points[60:68] = _ring(8, (0, 0.3), (0.13, 0.02))
    return (points * size + np.array(center)).astype(np.float32)


def _ring(count: int, center: tuple[float, float], radii: tuple[float, float]) -> NDArray[np.float64]:
    """Points around an ellipse, from its left end over its top."""
    angle = np.pi + np.arange(count) * 2 * np.pi / count
    return np.array(center) + np.array(radii) * np.stack([np.cos(angle), np.sin(angle)], -1)


def tone(duration_s: float, level: float = 0.3, rate_hz: int = SAMPLE_RATE_HZ) -> NDArray[np.float32]:
    """A 220 Hz tone that swells and fades four times a second, (N,)."""
    time_s = np.arange(round(duration_s * rate_hz)) / rate_hz
    swell = 0.5 - 0.5 * np.cos(2 * np.pi * 4 * time_s)
    return (level * swell * np.sin(2 * np.pi * 220 * time_s)).astype(np.float32)


def click(duration_s: float, at_s: float, rate_hz: int = SAMPLE_RATE_HZ) -> NDArray[np.float32]:
    """Silence with a click of 4 ms around `at_s`, (N,)."""
    samples = np.zeros(round(duration_s * rate_hz), np.float32)
    middle, reach = round(at_s * rate_hz), round(0.002 * rate_hz)
    samples[max(0, middle - reach) : middle + reach] = 0.9
    return samples


def write_wav(path: Path, samples: NDArray[np.float32], rate_hz: int = SAMPLE_RATE_HZ, channels: int = 1) -> Path:
    """A 16-bit WAV file with the same sound on every channel."""
    path.parent.mkdir(parents=True, exist_ok=True)
    quantised = np.round(np.clip(samples, -1, 1) * 32767).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(quantised.repeat(channels).tobytes())
    return path


def write_float_wav(path: Path, samples: NDArray[np.float32], rate_hz: int = SAMPLE_RATE_HZ) -> Path:
    """A 32-bit float WAV file, which can hold values that are not numbers."""
    data = samples.astype("<f4").tobytes()
    head = np.array([0x0001_0003, rate_hz, rate_hz * 4, 0x0020_0004], "<u4").tobytes()
    chunks = b"fmt " + np.array([16], "<u4").tobytes() + head + b"data" + np.array([len(data)], "<u4").tobytes() + data
    path.write_bytes(b"RIFF" + np.array([4 + len(chunks)], "<u4").tobytes() + b"WAVE" + chunks)
    return path


def write_bundle(
    path: Path, *, version: str = "1", emotions: str = "", window_s: float = 6, context_s: float = 1
) -> Path:
    """A bundle whose mouth opens with the loudness around each frame, and whose brows rise with the emotion index.

    Landmark frame t gets the mean of |samples| within half a frame of t / 30 s.
    """
    model = helper.make_model(_loudness_graph(), opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    metadata = {
        "kfusion_format": version,
        "model_id": "tiny-loudness",
        "fps": str(FPS),
        "window_s": str(window_s),
        "context_s": str(context_s),
        "emotions": emotions,
    }
    return _save_bundle(path, model, metadata)


def _save_bundle(path: Path, model: onnx.ModelProto, metadata: dict[str, str]) -> Path:
    helper.set_model_props(model, metadata)
    onnx.checker.check_model(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(path))
    return path


def write_stream_bundle(path: Path, *, version: str = "1", emotions: str = "") -> Path:
    """A bundle for streams whose mouth opens with the loudness around each frame, as that of `write_bundle`.

    Its brows remember: they rise by the mean of the loudness over the blocks before, each counting half of the next.
    """
    model = helper.make_model(_stream_graph(), opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    metadata = {
        "kfusion_format": version,
        "kind": "live",
        "model_id": "tiny-stream",
        "fps": str(FPS),
        "samples_before": str(LIVE_BEFORE),
        "look_ahead_samples": str(LIVE_AHEAD),
        "emotions": emotions,
    }
    return _save_bundle(path, model, metadata)


LIVE_BEFORE, LIVE_AHEAD = 520, 2440


def _stream_graph() -> onnx.GraphProto:
    """landmarks = identity + loudness * movement + memory * brows; memory = (memory + mean loudness) / 2."""
    window, frames = LIVE_BEFORE + LIVE_AHEAD, 3
    around = np.zeros((window, frames), np.float32)
    for frame in range(frames):
        middle = LIVE_BEFORE + frame * 1600 // frames
        around[middle - 266 : middle + 267, frame] = 1 / 533
    brows = np.zeros((1, 1, 68, 2), np.float32)
    brows[:, :, 17:27, 1] = -1.0
    constants = {
        "around": around,
        "movement": movement()[None, None],
        "brows": brows,
        "half": np.array(0.5, np.float32),
        "last": np.array([2, 3], np.int64),
        "first": np.array([1], np.int64),
    }
    node = helper.make_node
    nodes = [
        node("Abs", ["samples"], ["level"]),
        node("MatMul", ["level", "around"], ["loudness"]),
        node("Unsqueeze", ["loudness", "last"], ["loudness4"]),
        node("Mul", ["loudness4", "movement"], ["opened"]),
        node("Mul", ["past_0", "brows"], ["raised"]),
        node("Unsqueeze", ["identity", "first"], ["identity4"]),
        node("Add", ["identity4", "opened"], ["spoken"]),
        node("Add", ["spoken", "raised"], ["landmarks"]),
        node("ReduceMean", ["loudness"], ["mean"], axes=[1], keepdims=1),
        node("Add", ["past_0", "mean"], ["sum"]),
        node("Mul", ["sum", "half"], ["kept_0"]),
    ]
    value = helper.make_tensor_value_info
    inputs = [
        value("samples", TensorProto.FLOAT, [1, window]),
        value("identity", TensorProto.FLOAT, [1, 68, 2]),
        value("emotion", TensorProto.INT64, [1, 2]),
        value("seen", TensorProto.INT64, [1]),
        value("past_0", TensorProto.FLOAT, [1, 1]),
    ]
    outputs = [
        value("landmarks", TensorProto.FLOAT, [1, frames, 68, 2]),
        value("kept_0", TensorProto.FLOAT, [1, 1]),
    ]
    initializers = [onnx.numpy_helper.from_array(array, name) for name, array in constants.items()]
    return helper.make_graph(nodes, "stream-loudness", inputs, outputs, initializers)


def movement() -> NDArray[np.float32]:
    """Where each point of the tiny bundle goes when the loudness is 1, (68, 2), unit frame."""
    direction = np.zeros((68, 2), np.float32)
    direction[[56, 57, 58, 65, 66, 67], 1] = 2.0
    direction[[7, 8, 9], 1] = 1.0
    return direction


def _loudness_graph() -> onnx.GraphProto:
    """landmarks = identity + loudness * movement, with running sums looked up half a frame before and after t."""
    samples_per_frame = SAMPLE_RATE_HZ / FPS
    constants = {
        "zero_row": np.zeros((1, 1)),
        "axis": np.array(1, np.int64),
        "zero": np.array(0, np.int64),
        "one": np.array(1, np.int64),
        "index": np.array(1, np.int64),
        "half": np.array(0.5),
        "per_frame": np.array(samples_per_frame, np.float64),
        "unsqueezed": np.array([2, 3], np.int64),
        "movement": movement()[None, None],
    }
    node = helper.make_node
    nodes = [
        node("Abs", ["samples"], ["level"]),
        node("Cast", ["level"], ["level64"], to=TensorProto.DOUBLE),
        node("CumSum", ["level64", "axis"], ["sums"]),
        node("Concat", ["zero_row", "sums"], ["running"], axis=1),
        node("Shape", ["samples"], ["shape"]),
        node("Gather", ["shape", "index"], ["count"]),
        node("Cast", ["count"], ["count64"], to=TensorProto.DOUBLE),
        node("Div", ["count64", "per_frame"], ["exact"]),
        node("Ceil", ["exact"], ["ceiled"]),
        node("Cast", ["ceiled"], ["frames"], to=TensorProto.INT64),
        node("Range", ["zero", "frames", "one"], ["frame"]),
        node("Cast", ["frame"], ["frame64"], to=TensorProto.DOUBLE),
        *_edge("Sub", "begin"),
        *_edge("Add", "end"),
        node("Sub", ["end_sum", "begin_sum"], ["energy"]),
        node("Div", ["energy", "per_frame"], ["loudness64"]),
        node("Cast", ["loudness64"], ["loudness"], to=TensorProto.FLOAT),
        node("Unsqueeze", ["loudness", "unsqueezed"], ["loudness4"]),
        node("Mul", ["loudness4", "movement"], ["moved"]),
        node("Unsqueeze", ["identity", "axis1"], ["identity4"]),
        node("Add", ["moved", "identity4"], ["plain"]),
        node("Cast", ["emotion"], ["emotion_f"], to=TensorProto.FLOAT),
        node("ReduceSum", ["emotion_f"], ["emotion_sum"], keepdims=0),
        node("Mul", ["emotion_sum", "brows"], ["raised"]),
        node("Add", ["plain", "raised"], ["landmarks"]),
    ]
    brows = np.zeros((1, 1, 68, 2), np.float32)
    brows[..., 17:27, 1] = -0.01
    constants |= {"axis1": np.array([1], np.int64), "brows": brows}
    return helper.make_graph(
        nodes,
        "loudness",
        [
            helper.make_tensor_value_info("samples", TensorProto.FLOAT, [1, "N"]),
            helper.make_tensor_value_info("identity", TensorProto.FLOAT, [1, 68, 2]),
            helper.make_tensor_value_info("emotion", TensorProto.INT64, [1, 2]),
        ],
        [helper.make_tensor_value_info("landmarks", TensorProto.FLOAT, [1, "T", 68, 2])],
        [onnx.numpy_helper.from_array(value, name) for name, value in constants.items()],
    )


def _edge(side: str, name: str) -> list[onnx.NodeProto]:
    """Looks the running sum up half a frame before or after each frame."""
    node = helper.make_node
    return [
        node(side, ["frame64", "half"], [f"{name}_frame"]),
        node("Mul", [f"{name}_frame", "per_frame"], [f"{name}_exact"]),
        node("Round", [f"{name}_exact"], [f"{name}_rounded"]),
        node("Cast", [f"{name}_rounded"], [f"{name}_free"], to=TensorProto.INT64),
        node("Max", [f"{name}_free", "zero"], [f"{name}_low"]),
        node("Min", [f"{name}_low", "count"], [f"{name}_index"]),
        node("Gather", ["running", f"{name}_index"], [f"{name}_sum"], axis=1),
    ]

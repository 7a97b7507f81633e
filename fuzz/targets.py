"""What is fuzzed: for each target its seeds, made here, and a call that may raise the package's own errors alone."""

import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).parents[1] / "tools" / "nasty"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """One parser of what strangers send."""

    seeds: Callable[[], Sequence[bytes]]
    call: Callable[[bytes], None]
    longest: int = 200_000
    """Bytes of an input."""


def _file(content: bytes, ending: str) -> Path:
    path = _folder() / f"input.{ending}"
    path.write_bytes(content)
    return path


@cache
def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="kfusion-fuzz-"))


def landmarks(ending: str) -> Target:
    """`read_landmarks` on one kind of file."""
    from kfusion.landmarks import read_landmarks

    def seeds() -> list[bytes]:
        from faces import landmark_files

        good = ("points", "mark", "header", "small", "mirrored")
        files = dict(landmark_files())
        return [files[f"{name}.{ending}"] for name in good if f"{name}.{ending}" in files]

    return Target(seeds=seeds, call=lambda content: _no_result(read_landmarks(_file(content, ending))))


def portrait(ending: str) -> Target:
    """`read_identity` on one kind of picture."""
    from kfusion.inference.identity import read_identity

    def seeds() -> list[bytes]:
        from faces import FORMATS, saved
        from PIL import Image

        from kfusion import assets

        picture = Image.open(assets.SAMPLE_PORTRAIT).convert("RGB").resize((96, 96))
        grey = picture.convert("L")
        return [
            saved(picture, FORMATS[ending]),
            saved(grey, FORMATS[ending]),
            saved(grey.convert("1"), FORMATS[ending]),
        ]

    return Target(seeds=seeds, call=lambda content: _no_result(read_identity(_file(content, ending))))


def recording(ending: str) -> Target:
    """`audio_blocks` on one kind of recording, to its end."""
    from kfusion.audio import audio_blocks

    def seeds() -> list[bytes]:
        from recordings import encoded, speech

        return [encoded(ending, speech()[:count]) for count in (1600, 12_000)]

    def call(content: bytes) -> None:
        for _ in audio_blocks(_file(content, ending)):
            pass

    return Target(seeds=seeds, call=call)


def protocol() -> Target:
    """The messages of a stream; the first byte says which."""
    from kfusion.serve.protocol import read_flush, read_sound, read_start

    def seeds() -> list[bytes]:
        start = {"type": "start", "version": 1, "sample_rate": 16_000, "fps": 30, "format": "float32", "token": None}
        with_face = start | {
            "face": np.zeros((68, 2)).tolist(),
            "emotion": "happy",
            "intensity": 2,
            "encoding": "binary",
        }
        texts = [json.dumps(message).encode() for message in (start, with_face)]
        sound = np.linspace(-1, 1, 320, dtype="<f4").tobytes()
        return [b"0" + text for text in texts] + [b'1{"type": "flush"}', b"2" + sound, b"3" + sound]

    def call(content: bytes) -> None:
        kind, body = content[:1], content[1:]
        if kind == b"2":
            read_sound(body, "float32")
        elif kind == b"3":
            read_sound(body, "pcm16")
        else:
            (read_flush if kind == b"1" else read_start)(body.decode(errors="replace"))

    return Target(seeds=seeds, call=call)


def bundle() -> Target:
    """`load` on an ONNX file, and a second of sound through what it gives."""
    from kfusion.inference.generator import load

    def call(content: bytes) -> None:
        model = load(_file(content, "onnx"), threads=1)
        model.generate(0.1 * np.sin(np.arange(16_000) * 0.05, dtype=np.float32))

    return Target(seeds=_small_bundles, call=call)


def _small_bundles() -> list[bytes]:
    """A network that holds the face still, with one constant inside the file and one beside it."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    port = helper.make_tensor_value_info
    inputs = [
        port("samples", TensorProto.FLOAT, [1, "n"]),
        port("identity", TensorProto.FLOAT, [1, 68, 2]),
        port("emotion", TensorProto.INT64, [1, 2]),
    ]
    nodes = [
        helper.make_node("Shape", ["samples"], ["count"], start=1),
        helper.make_node("Add", ["count", "rest"], ["longer"]),
        helper.make_node("Div", ["longer", "hop"], ["frames"]),
        helper.make_node("Concat", ["one", "frames", "one", "one"], ["shape"], axis=0),
        helper.make_node("Unsqueeze", ["identity", "one"], ["still"]),
        helper.make_node("Expand", ["still", "shape"], ["landmarks"]),
    ]
    constants = {"rest": [532], "hop": [533], "one": [1]}
    weights = [numpy_helper.from_array(np.array(value, np.int64), name) for name, value in constants.items()]
    output = [port("landmarks", TensorProto.FLOAT, [1, "frames", 68, 2])]
    model = helper.make_model(
        helper.make_graph(nodes, "still", inputs, output, weights),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    said = {
        "kfusion_format": "1",
        "model_id": "still",
        "fps": "30",
        "window_s": "6",
        "context_s": "0.5",
        "emotions": "",
    }
    helper.set_model_props(model, said)
    outside = onnx.ModelProto()
    outside.CopyFrom(model)
    onnx.external_data_helper.set_external_data(outside.graph.initializer[0], "/etc/hostname", length=8)
    outside.graph.initializer[0].data_location = TensorProto.EXTERNAL
    outside.graph.initializer[0].ClearField("raw_data")
    return [model.SerializeToString(), outside.SerializeToString()]


def _no_result(_: object) -> None:
    """The result does not matter, only that it came."""


LANDMARK_FILES = ("npy", "npz", "json", "csv")
PICTURES = ("jpg", "png", "webp", "gif", "tiff")
RECORDINGS = ("wav", "flac", "mp3", "m4a", "opus", "webm", "avi", "ts", "aiff", "caf")
TARGETS: dict[str, Callable[[], Target]] = {
    **{f"landmarks-{ending}": partial(landmarks, ending) for ending in LANDMARK_FILES},
    **{f"portrait-{ending}": partial(portrait, ending) for ending in PICTURES},
    **{f"recording-{ending}": partial(recording, ending) for ending in RECORDINGS},
    "protocol": protocol,
    "bundle": bundle,
}
"""Name -> what makes the target, so that each imports only what it needs."""

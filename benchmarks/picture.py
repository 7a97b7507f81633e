"""How fast a portrait talks: pictures alone and with their film, and what else could have moved the pixels.

The packaged portrait, enlarged, says landmarks whose lips open and close; CPU time is that of the whole process, so
that other work on the machine does not count. Films are written to memory-backed files where there are any.

Usage: python benchmarks/picture.py [--frames 150] [--backends]
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from kfusion import LandmarkSequence, assets
from kfusion.inference.film import write_film
from kfusion.inference.identity import read_identity
from kfusion.landmarks import Points
from kfusion.motion.life import Life, LifeOptions
from kfusion.picture.sitter import Sitter
from kfusion.picture.talking import TalkingPicture
from kfusion.video import Image

SCENES = {"512 x 512": (512, 512, 1), "1920 x 1080": (1920, 1080, 2), "3840 x 2160": (3840, 2160, 2)}
"""Width, height and the cores that are used."""
FPS = 30
FACE_SHARE = 0.21
"""Distance of the eyes over the height, as in the packaged portrait."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--frames", type=int, default=150)
    parser.add_argument("--backends", action="store_true", help="only: OpenCV, onnxruntime, Pillow and NumPy")
    arguments = parser.parse_args()
    if arguments.backends:
        compare_backends()
        return
    titles = ("CPU ms a picture, still", "alive", "with film, still", "alive", "wall ms, still", "alive", "ready")
    print(f"| picture | cores | {' | '.join(titles)} |")
    print("| --- " * 9 + "|")
    for name, (width, height, cores) in SCENES.items():
        print(f"| {name} | {cores} | {_row(width, height, cores, arguments.frames)} |", flush=True)


def _row(width: int, height: int, cores: int, frames: int) -> str:
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    cv2.setNumThreads(cores)
    sitter = enlarged(width, height)
    began = time.process_time()
    TalkingPicture(sitter.picture, sitter.points).frame(sitter.points)
    ready_ms = 1e3 * (time.process_time() - began)
    sequence = speaking(sitter.points, frames)
    found = [_spent(lambda life=life: _draw(sitter, sequence, life), frames) for life in (None, LifeOptions())]
    films = [_spent(lambda life=life: _film(sitter, sequence, life), frames) for life in (None, LifeOptions())]
    os.sched_setaffinity(0, range(os.cpu_count() or 1))
    values = [*(cpu for cpu, _ in found), *(cpu for cpu, _ in films), *(wall for _, wall in films)]
    return " | ".join(f"{value:.1f}" for value in values) + f" | {ready_ms:.0f} ms"


def enlarged(width: int, height: int) -> Sitter:
    """The packaged portrait in the middle of a picture of that size, its rim repeated beside it."""
    identity = read_identity(assets.SAMPLE_PORTRAIT)
    assert identity.portrait is not None
    scale = FACE_SHARE * height / float(np.linalg.norm(identity.points[45] - identity.points[36]))
    side = round(identity.portrait.picture.shape[0] * scale)
    large = cv2.resize(identity.portrait.picture, (side, side), interpolation=cv2.INTER_CUBIC)
    beside, above = max(0, width - side), max(0, height - side)
    border = (above // 2, above - above // 2, beside // 2, beside - beside // 2)
    whole = cv2.copyMakeBorder(large, *border, cv2.BORDER_REFLECT)[:height, :width]
    points = (identity.points * scale + [beside // 2, above // 2]).astype(np.float32)
    return Sitter(np.ascontiguousarray(whole), points, 1.0, identity)


def speaking(rest: Points, frames: int) -> LandmarkSequence:
    """Lips that open and close four times a second, with the chin, from shut to 0.16 eye distances."""
    size = float(np.linalg.norm(rest[45] - rest[36]))
    opening = 0.08 - 0.08 * np.cos(2 * np.pi * 4 * np.arange(frames) / FPS)
    points = np.repeat(rest[None].astype(np.float64), frames, axis=0)
    middle = rest[[61, 62, 63, 65, 66, 67], 1].mean()
    points[:, 61:64, 1] = middle - 0.3 * size * opening[:, None]
    points[:, 65:68, 1] = middle + 0.7 * size * opening[:, None]
    lower = [*range(5, 12), *range(55, 60)]
    points[:, lower, 1] += 0.6 * size * (opening[:, None] - opening.mean())
    return LandmarkSequence(points=points.astype(np.float32), fps=FPS)


def _draw(sitter: Sitter, sequence: LandmarkSequence, life: LifeOptions | None) -> None:
    for _ in _pictures(sitter, sequence, life):
        pass


def _film(sitter: Sitter, sequence: LandmarkSequence, life: LifeOptions | None) -> None:
    memory = Path("/dev/shm")
    sound = (np.zeros(16_000, np.float32) for _ in range(len(sequence) // FPS))
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        size_px = (sitter.picture.shape[1], sitter.picture.shape[0])
        pictures = _pictures(sitter, sequence, life)
        write_film(Path(folder) / "film.mp4", pictures, sound, size_px=size_px, fps=FPS, total=len(sequence))


def _pictures(sitter: Sitter, sequence: LandmarkSequence, life: LifeOptions | None) -> Iterator[Image]:
    talking = TalkingPicture(sitter.picture, sitter.points)
    signs = Life(FPS, life) if life else None
    for points in sequence.points:
        yield talking.frame(points, signs.step(talking.opening(points))) if signs else talking.frame(points)


def _spent(work: Callable[[], None], frames: int) -> tuple[float, float]:
    """CPU and wall milliseconds a frame."""
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return 1e3 * (time.process_time() - cpu) / frames, 1e3 * (time.perf_counter() - wall) / frames


def compare_backends() -> None:
    """What a map of pixels costs: OpenCV, GridSample in onnxruntime, meshes in Pillow, NumPy; one thread each."""
    cv2.setNumThreads(1)
    print("| CPU ms of one map | 224 x 224 | 512 x 512 | 1080 x 1080 |")
    print("| --- | --- | --- | --- |")
    columns = [backends(side) for side in (224, 512, 1080)]
    for name in columns[0]:
        print(f"| {name} | " + " | ".join(f"{_middle(column[name]):.1f}" for column in columns) + " |", flush=True)


def _middle(work: Callable[[], object], rounds: int = 9) -> float:
    times = []
    work()
    for _ in range(rounds):
        began = time.process_time()
        work()
        times.append(1e3 * (time.process_time() - began))
    return float(np.median(times))


def backends(side: int) -> dict[str, Callable[[], object]]:
    """Ways to look a picture of `side` x `side` up at as many places."""
    from PIL import Image as Pillow

    random = np.random.default_rng(0)
    picture = random.integers(0, 255, (side, side, 3), dtype=np.uint8)
    base = np.stack(np.meshgrid(np.arange(side), np.arange(side)), -1).astype(np.float32)
    coarse = random.normal(0, 1, (side // 8, side // 8, 2)).astype(np.float32)
    places = base + cv2.resize(coarse, (side, side))
    pillow, cells = Pillow.fromarray(picture), _mesh(places, side, 8)
    return {
        "OpenCV `remap`, linear": lambda: cv2.remap(picture, places, None, cv2.INTER_LINEAR),
        "OpenCV `remap`, cubic": lambda: cv2.remap(picture, places, None, cv2.INTER_CUBIC),
        "onnxruntime GridSample, linear": _grid_sample(picture, places, "linear"),
        "onnxruntime GridSample, cubic": _grid_sample(picture, places, "cubic"),
        "Pillow mesh of 8 pixels, linear": lambda: pillow.transform(
            (side, side), Pillow.Transform.MESH, cells, Pillow.Resampling.BILINEAR
        ),
        "NumPy, linear": lambda: _gathered(picture, places),
    }


def _mesh(places: NDArray[np.float32], side: int, cell: int) -> list[tuple[tuple[int, ...], tuple[float, ...]]]:
    cells = []
    for y in range(0, side - cell, cell):
        for x in range(0, side - cell, cell):
            quad = [places[y, x], places[y + cell, x], places[y + cell, x + cell], places[y, x + cell]]
            cells.append(((x, y, x + cell, y + cell), tuple(np.concatenate(quad).tolist())))
    return cells


def _grid_sample(picture: Image, places: NDArray[np.float32], mode: str) -> Callable[[], object]:
    import onnxruntime
    from onnx import TensorProto, helper

    value = helper.make_tensor_value_info
    node = helper.make_node("GridSample", ["x", "g"], ["y"], mode=mode, padding_mode="border", align_corners=0)
    graph = helper.make_graph(
        [node],
        "g",
        [value("x", TensorProto.FLOAT, [1, 3, None, None]), value("g", TensorProto.FLOAT, [1, None, None, 2])],
        [value("y", TensorProto.FLOAT, None)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    image = np.ascontiguousarray(picture.transpose(2, 0, 1)[None].astype(np.float32))
    grid = ((places + 0.5) / len(picture) * 2 - 1)[None]
    return lambda: session.run(None, {"x": image, "g": grid})


def _gathered(picture: Image, places: NDArray[np.float32]) -> Image:
    side = len(picture)
    x, y = places[..., 0].clip(0, side - 1.01), places[..., 1].clip(0, side - 1.01)
    left, top = x.astype(np.int32), y.astype(np.int32)
    across, down = (x - left)[..., None], (y - top)[..., None]
    flat, first = picture.reshape(-1, 3), top * side + left
    a, b, c, d = (flat[first + step].astype(np.float32) for step in (0, 1, side, side + 1))
    above, below = a + (b - a) * across, c + (d - c) * across
    return (above + (below - above) * down).astype(np.uint8)


if __name__ == "__main__":
    main()

"""Are the ARKit weights those of the face that speaks?

Usage: python benchmarks/arkit.py RIG VIDEOS [VIDEOS ...] [--every N]

Two witnesses that know nothing of each other. RIG is an .npz with the 68 points of a face that obeys ARKit weights,
such as those of ICT-FaceKit: `neutral` (68, 3), `expr` (K, 68, 3), `expr_names` with `_L` and `_R`, y up. The weights
go through it, and its points should move as those that were solved. And MediaPipe scores ARKit shapes itself, from
pictures. VIDEOS are folders of clips; every Nth is taken. Prints a row for each folder, and one for the packaged
recording and portrait with the default weights (landmarks that a network made, where MediaPipe sees no picture).
Correlations are within clips, and their mean over the clips.
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import av
import mediapipe
import numpy as np
from mediapipe.tasks.python import BaseOptions
from mediapipe.tasks.python.vision import FaceLandmarker, FaceLandmarkerOptions
from numpy.typing import NDArray

import kfusion
from kfusion import assets
from kfusion.face.finder import LANDMARKER, to_68
from kfusion.face_shapes import ARKIT_SHAPES, mean_face_depth, to_mean_face
from kfusion.inference.identity import read_identity
from kfusion.landmarks import INNER_LIPS, MOUTH, Points, fit_similarity, remove_head_motion
from kfusion.motion.arkit import ArkitSolver, Weights
from kfusion.motion.resting import face_in_silence, most_closed_face

CHIN = slice(7, 10)
COLUMNS = ("clips", "n", "mouth error / motion", "lip opening, r", "its gain", "chin, r", "jawOpen and lips, r")
HEAD = f"| {' | '.join(COLUMNS)} | jawOpen and MediaPipe's, r |\n{'|---' * 8}|"


@dataclass(frozen=True, slots=True)
class Found:
    """Of one clip."""

    error: float
    """Mean distance of the mouth's points from those of the rig, over their mean distance from rest."""
    lips: float
    """Correlation of the parting of the inner lips with that of the rig."""
    gain: float
    chin: float
    jaw_and_lips: float
    jaw_and_mediapipe: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("rig", type=Path)
    parser.add_argument("videos", type=Path, nargs="+")
    parser.add_argument("--every", type=int, default=1)
    arguments = parser.parse_args()
    rig = read_rig(arguments.rig)
    print(HEAD)
    for folder in arguments.videos:
        clips = sorted(path for path in folder.iterdir() if path.suffix in (".mp4", ".mpg"))[:: arguments.every]
        show(folder.name, [judged(points, scores, rig) for points, scores in map(seen, clips)])
    points, rest = packaged()
    show("packaged speech", [judged(points, None, rig, rest)])
    print(f"\n{speed(points, rest)}")


def show(name: str, found: list[Found]) -> None:
    means = np.mean([astuple(one) for one in found], axis=0)
    cells = [f"{100 * means[0]:.1f} %", *(f"{value:.3f}" if np.isfinite(value) else "-" for value in means[1:])]
    print(f"| {name} | {len(found)} | {' | '.join(cells)} |", flush=True)


def judged(
    points: Points, scores: NDArray[np.float64] | None, rig: NDArray[np.float64], rest: Points | None = None
) -> Found:
    """One clip: landmarks (T, 68, 2), MediaPipe's jawOpen (T,), the rig's displacements (52, 68, 2)."""
    rest = most_closed_face(points) if rest is None else rest
    weights: Weights = ArkitSolver(rest)(points)
    moved = (remove_head_motion(points, rest) - rest) @ to_mean_face(rest).matrix.T
    rebuilt = np.tensordot(weights.astype(np.float64), rig, 1)
    jaw, own = weights[:, ARKIT_SHAPES.index("jawOpen")], parting(moved)
    return Found(
        error=mouth_size(moved - rebuilt) / mouth_size(moved),
        lips=correlation(own, parting(rebuilt)),
        gain=float(np.polyfit(own, parting(rebuilt), 1)[0]),
        chin=correlation(moved[:, CHIN, 1].mean(1), rebuilt[:, CHIN, 1].mean(1)),
        jaw_and_lips=correlation(jaw, own),
        jaw_and_mediapipe=float("nan") if scores is None else correlation(jaw, scores),
    )


def mouth_size(moved: NDArray[np.float64]) -> float:
    return float(np.linalg.norm(moved[:, MOUTH], axis=-1).mean())


def parting(moved: NDArray[np.float64]) -> NDArray[np.float64]:
    upper, lower = INNER_LIPS
    return np.asarray(moved[:, lower, 1] - moved[:, upper, 1])


def correlation(first: NDArray[Any], second: NDArray[Any]) -> float:
    return float(np.corrcoef(first, second)[0, 1])


def seen(video: Path) -> tuple[Points, NDArray[np.float64]]:
    """The landmarks and MediaPipe's jawOpen of the frames that show a face."""
    options = FaceLandmarkerOptions(
        base_options=BaseOptions(str(LANDMARKER)), num_faces=1, output_face_blendshapes=True
    )
    points, scores = [], []
    with FaceLandmarker.create_from_options(options) as landmarker:
        for picture in pictures(video):
            found = landmarker.detect(mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=picture))
            for mesh, shapes in zip(found.face_landmarks, found.face_blendshapes, strict=True):
                points.append(to_68(np.array([(point.x, point.y) for point in mesh]) * picture.shape[1::-1]))
                scores.append(next(shape.score for shape in shapes if shape.category_name == "jawOpen"))
    return np.stack(points), np.array(scores)


def pictures(video: Path) -> Iterator[NDArray[np.uint8]]:
    with av.open(str(video)) as container:
        for frame in container.decode(video=0):
            yield np.ascontiguousarray(frame.to_ndarray(format="rgb24"))


def read_rig(path: Path) -> NDArray[np.float64]:
    """The rig's displacements in the frame of the mean face, (52, 68, 2); 0 for a shape that it does not have."""
    with np.load(path) as stored:
        neutral, names, directions = stored["neutral"], stored["expr_names"].tolist(), stored["expr"]
    turn = fit_similarity(neutral[:, :2] * (1, -1), mean_face_depth()[0]).matrix
    flat = dict(zip(names, (directions[:, :, :2] * (1, -1)) @ turn.T, strict=True))
    return np.stack([sum((flat[part] for part in parts_of(name, flat)), np.zeros((68, 2))) for name in ARKIT_SHAPES])


def parts_of(name: str, names: Any) -> list[str]:
    """What an ARKit shape is called in the rig: `jawOpen`, `mouthSmile_L`, or both of `browInnerUp_L` and `_R`."""
    sided = name.replace("Left", "_L").replace("Right", "_R")
    return [part for part in ([name] if name in names else [sided, f"{name}_L", f"{name}_R"]) if part in names]


def packaged() -> tuple[Points, Points]:
    """The landmarks of the packaged portrait that speaks, and its resting face."""
    model = kfusion.load(threads=1)
    face = read_identity(assets.SAMPLE_PORTRAIT)
    return model.generate(assets.SAMPLE_SPEECH, face).points, face_in_silence(lambda sound: model.generate(sound, face))


def speed(points: Points, rest: Points) -> str:
    solver = ArkitSolver(rest)
    started = time.perf_counter()
    solver(points)
    whole = time.perf_counter()
    for frame in points:
        solver(frame[None])
    ended = time.perf_counter()
    return (
        f"{1e3 * (whole - started) / len(points):.3f} ms a frame of a recording, "
        f"{1e3 * (ended - whole) / len(points):.2f} ms a frame of a stream"
    )


if __name__ == "__main__":
    main()

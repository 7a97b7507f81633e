"""Make src/kfusion/assets/face_shapes.npz: where the 68 points go when an ARKit shape of the mouth is fully on.

Usage: python tools/make_face_shapes.py FACEGOOD GRID

FACEGOOD is the folder of the recordings of FACEGOOD-Audio2Face (MIT) with `weights/`, `names.txt`, `arkit.csv` (how its
weights become ARKit's) and `landmarks/` (the same frames as 68 points). The displacements of the points are linear in
the weights, so least squares gives the direction of every shape that moves in 11 minutes of speech; left and right
always move together there, and are parted at the middle of the face. GRID is a folder of its videos (CC BY 4.0), a few
pictures of which give the depth of the points, as MediaPipe's face landmarker sees it: with it turned heads are told,
and a head drawn. Its triangles are those of Delaunay, but for the mouth's opening.
"""

import csv
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import Delaunay

from kfusion.assets import FACE_SHAPES, MEAN_FACE
from kfusion.landmarks import EYE_CORNERS, MIRROR, fit_similarity, mirror

WHOLE = ("jawOpen", "mouthFunnel", "mouthPucker", "mouthRollLower", "mouthRollUpper", "mouthShrugUpper")
SIDED = ("mouthSmile", "mouthStretch", "mouthPress", "mouthDimple", "mouthLowerDown", "mouthUpperUp")
ONE_WAY = ("jawLeft",)
MIDDLE = 0.12
"""Half the width, in eye distances, of the band in which a shape of one side fades out."""
INNER_LIP = 60
"""The first of the points of the inner lips, which are the last."""
BROWS = range(17, 27)
SEEN = 0.0001
"""Standard deviation of a weight that moves at all."""

Numbers = NDArray[np.float64]


def main() -> None:
    """Read, solve, part, write."""
    facegood, grid = Path(sys.argv[1]), Path(sys.argv[2])
    face = np.load(MEAN_FACE)
    seen = directions(facegood, face)
    shapes = {name: (seen[name] + mirrored(seen[name])) / 2 for name in WHOLE}
    shapes |= {f"{name}Left": left_half(seen[f"{name}Left"] + seen[f"{name}Right"], face) for name in SIDED}
    shapes |= {name: seen[name] for name in ONE_WAY}
    np.savez_compressed(
        FACE_SHAPES,
        names=np.array(list(shapes)),
        directions=np.stack([*shapes.values()]).astype(np.float32),
        face=face.astype(np.float32),
        depth=depth(grid, face).astype(np.float32),
        triangles=triangles(face, face + 0.5 * shapes["jawOpen"]).astype(np.uint16),
    )


def triangles(face: Numbers, opened: Numbers) -> NDArray[np.int64]:
    """The triangles of a mask through the points, (N, 3), seen from the front in the order of the clock.

    Args:
        face: the points.
        opened: the same with the mouth open: what lies between the lips is left out, and between the brows.
    """
    found = Delaunay(opened).simplices
    found = found[~(found >= INNER_LIP).all(1) & ~np.isin(found, BROWS).all(1)]
    one, two, three = (face[found[:, corner]] for corner in range(3))
    turns = (two - one)[:, 0] * (three - one)[:, 1] - (two - one)[:, 1] * (three - one)[:, 0]
    found[turns < 0] = found[turns < 0][:, ::-1]
    return np.asarray(found)


def directions(facegood: Path, face: Numbers) -> dict[str, Numbers]:
    """The displacement of the points for a weight of 1, (68, 2), in the frame of `face`, of every shape that moves."""
    rows = list(csv.DictReader((facegood / "arkit.csv").open()))
    names = (facegood / "names.txt").read_text().split()
    clips = sorted((facegood / "weights").glob("*.npz"))
    raw = np.concatenate([np.load(clip)["weights"] for clip in clips])
    points = np.concatenate([np.load(facegood / "landmarks" / clip.name)["points"] for clip in clips])
    weights = {row["arkit"]: arkit(row["facegood"], raw, names) for row in rows if row["status"] == "valid"}
    moving = {name: values for name, values in weights.items() if values.std() > SEEN}
    rest = points[np.abs(np.stack([*moving.values()])).sum(0).argmin()]
    solved = np.linalg.lstsq(np.stack([*moving.values()], 1), (points - rest).reshape(len(points), -1), rcond=None)[0]
    turn = fit_similarity(rest, face).matrix
    return {name: one.reshape(-1, 2) @ turn.T for name, one in zip(moving, solved, strict=True)}


def arkit(recipe: str, raw: Numbers, names: list[str]) -> Numbers:
    """One ARKit weight of every frame: a weight of FACEGOOD, or the largest of several, `max(a,b)`."""
    parts = recipe.removeprefix("max(").removesuffix(")").split(",")
    return np.max([raw[:, names.index(part.strip())] for part in parts], axis=0)


def mirrored(direction: Numbers) -> Numbers:
    """The same of the other side."""
    return mirror(direction.astype(np.float32)).astype(np.float64)


def left_half(both: Numbers, face: Numbers) -> Numbers:
    """The part of a symmetric displacement on the character's left, the picture's right."""
    both = (both + mirrored(both)) / 2
    place = np.clip((face[:, :1] / MIDDLE + 1) / 2, 0, 1)
    return both * place**2 * (3 - 2 * place)


def depth(grid: Path, face: Numbers) -> Numbers:
    """How far behind the outer eye corners the points lie, (68,), in the unit of `face`."""
    import av
    import mediapipe
    from mediapipe.tasks.python import BaseOptions
    from mediapipe.tasks.python.vision import FaceLandmarker, FaceLandmarkerOptions

    from kfusion.face.finder import LANDMARKER

    options = FaceLandmarkerOptions(base_options=BaseOptions(str(LANDMARKER)), num_faces=1)
    found = []
    with FaceLandmarker.create_from_options(options) as landmarker:
        for video in sorted([*grid.rglob("*.mp4"), *grid.rglob("*.mpg")])[::60]:
            with av.open(str(video)) as container:
                picture = next(container.decode(video=0)).to_ndarray(format="rgb24")
            image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(picture))
            meshes = landmarker.detect(image).face_landmarks
            found += [_depth_of(mesh, picture.shape, face) for mesh in meshes]
    mean = np.mean(found, axis=0)
    return np.asarray((mean + mean[MIRROR]) / 2)


def _depth_of(mesh: Any, shape: tuple[int, ...], face: Numbers) -> Numbers:
    from kfusion.face.finder import _MESH_TO_68, _to_68

    height, width = shape[:2]
    points = np.array([(point.x * width, point.y * height, point.z * width) for point in mesh])
    flat = _to_68(points[:, :2])
    scale = np.sqrt(np.linalg.det(fit_similarity(flat, face).matrix))
    z = points[_MESH_TO_68, 2]
    z[:17] = [points[np.linalg.norm(points[:, :2] - place, axis=1).argmin(), 2] for place in flat[:17]]
    return np.asarray((z - z[list(EYE_CORNERS)].mean()) * scale)


if __name__ == "__main__":
    main()

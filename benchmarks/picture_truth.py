"""How near a talking picture comes to recordings: one frame of a person, driven by the landmarks of all others.

The recorded frames are brought to the head of that one frame (a similarity, cubic), since a talking picture has no head
motion of its own, and the mouths are compared: structural similarity (Wang et al. 2004) of lightness, for the driven
frame and for the portrait that is simply held; and the sharpness of the driven mouth over that of the recorded one
(standard deviation of its Laplacian).

Usage: python benchmarks/picture_truth.py NAME=FOLDER ... [--clips 20] [--every 3] [--sheet OUT.png]
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from kfusion.face import FaceFinder
from kfusion.landmarks import STABLE_POINTS, Points, fit_similarity, inter_ocular_distance, mouth_opening
from kfusion.picture.talking import TalkingPicture
from kfusion.video import Image, video_frames

ENDINGS = {".mp4", ".mpg", ".flv", ".webm", ".mov"}
PORTRAIT = 2
"""The frame that is driven."""


class MouthScores(NamedTuple):
    """One frame."""

    driven: float
    held: float
    sharpness: float
    moved: float
    """How much farther open than the portrait's, in eye distances."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("corpora", nargs="+", metavar="NAME=FOLDER")
    parser.add_argument("--clips", type=int, default=20, help="of each corpus, evenly from its list")
    parser.add_argument("--every", type=int, default=3, help="frames from one that is compared to the next")
    parser.add_argument("--sheet", type=Path, help="recorded over driven mouths, for the eye")
    arguments = parser.parse_args()
    print("| recordings | clips | frames | SSIM driven | SSIM held | driven better | sharpness |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    rows: list[Image] = []
    with FaceFinder(max_faces=1) as finder:
        for named in arguments.corpora:
            name, _, folder = named.partition("=")
            paths = _evenly(
                [p for p in sorted(Path(folder).rglob("*")) if p.suffix.lower() in ENDINGS], arguments.clips
            )
            found = [list(_scores(finder, path, arguments.every, rows)) for path in paths]
            _print_row(name, [scores for scores in found if scores])
    if arguments.sheet and rows:
        cv2.imwrite(str(arguments.sheet), cv2.cvtColor(np.vstack(rows[:24]), cv2.COLOR_RGB2BGR))


def _evenly(paths: list[Path], count: int) -> list[Path]:
    return [paths[i] for i in np.unique(np.linspace(0, len(paths) - 1, count).round().astype(int))] if paths else []


def _print_row(name: str, clips: list[list[MouthScores]]) -> None:
    frames = [scores for clip in clips for scores in clip]
    driven, held, sharpness = (np.mean([scores[i] for scores in frames]) for i in range(3))
    better = np.mean([scores.driven > scores.held for scores in frames])
    print(
        f"| {name} | {len(clips)} | {len(frames)} | {driven:.3f} | {held:.3f} | {better:.0%} | {sharpness:.2f} |",
        flush=True,
    )


def _scores(finder: FaceFinder, path: Path, every: int, rows: list[Image]) -> Iterator[MouthScores]:
    frames = [frame for _, frame in video_frames(path)]
    seen = finder.find(frames[PORTRAIT]) if len(frames) > PORTRAIT else []
    if not seen:
        return
    rest, talking = seen[0], TalkingPicture(frames[PORTRAIT], seen[0])
    box, tiles = _mouth_box(rest, frames[PORTRAIT].shape), []
    for frame in frames[PORTRAIT + every :: every]:
        faces = finder.find(frame)
        if not faces:
            continue
        recorded = _brought(frame, faces[0], rest)[box]
        driven, held = talking.frame(faces[0])[box], frames[PORTRAIT][box]
        tiles.append((mouth_opening(faces[0]), recorded, driven))
        moved = float((mouth_opening(faces[0]) - mouth_opening(rest)) / inter_ocular_distance(rest))
        yield MouthScores(_ssim(driven, recorded), _ssim(held, recorded), _sharp(driven) / _sharp(recorded), moved)
    rows.extend(_tiles(tiles))


def _mouth_box(face: Points, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """The mouth with a margin: the larger part of an eye distance."""
    x, y = face[48:68].mean(0)
    size = float(inter_ocular_distance(face))
    left, right = max(0, round(x - 0.42 * size)), min(shape[1], round(x + 0.42 * size))
    top, bottom = max(0, round(y - 0.32 * size)), min(shape[0], round(y + 0.32 * size))
    return slice(top, bottom), slice(left, right)


def _brought(frame: Image, face: Points, rest: Points) -> Image:
    """A recorded frame with its head where that of the portrait is."""
    stable = list(STABLE_POINTS)
    onto = fit_similarity(face[stable], rest[stable])
    offset = onto.offset + onto.matrix @ [0.5, 0.5] - 0.5
    matrix = np.column_stack([onto.matrix, offset])
    size = (frame.shape[1], frame.shape[0])
    return np.asarray(cv2.warpAffine(frame, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE))


def _ssim(first: Image, second: Image) -> float:
    a, b = (cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float64) for image in (first, second))
    mean_a, mean_b = _around(a), _around(b)
    var_a, var_b, both = _around(a * a) - mean_a**2, _around(b * b) - mean_b**2, _around(a * b) - mean_a * mean_b
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    index = (2 * mean_a * mean_b + c1) * (2 * both + c2) / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))
    return float(index.mean())


def _around(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(cv2.GaussianBlur(values, (11, 11), 1.5))


def _sharp(image: Image) -> float:
    return max(1e-3, float(cv2.Laplacian(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.CV_64F).std()))


def _tiles(tiles: list[tuple[float, Image, Image]]) -> list[Image]:
    """Recorded above driven, from shut to wide open, all of one size."""
    if len(tiles) < 8:
        return []
    chosen = [sorted(tiles, key=lambda tile: tile[0])[i] for i in np.linspace(0, len(tiles) - 1, 8).astype(int)]
    return [np.hstack([cv2.resize(tile[row], (160, 122)) for tile in chosen]) for row in (1, 2)]


if __name__ == "__main__":
    main()

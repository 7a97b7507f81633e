"""Do the emotions by rule go where faces go?

Usage: python benchmarks/emotions.py VIDEOS [--figure PATH] [--every 2]

VIDEOS is a folder of clips named as MEAD's, `ACTOR_front_EMOTION_levelN_*`, each actor with a neutral one. For every
emotion: the mean displacement of the points from the actor's neutral face, in the frame of the mean face, its mean over
the actors, and the cosine between it and the displacement by rule at intensity 3. Three times: of brows, lids and lips
(42 points) and of all 68 after the motion of the head in the plane, and of all 68 without the six directions that heads
move in (shift, scale, tilt, turn and nod: an actor who lowers the head when angry moves the chin's line as much as a
brow). Nothing was fitted to these faces. --figure draws all emotions at three intensities on the mean face.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from kfusion.emotion import EMOTIONS, INTENSITIES
from kfusion.emotion.expression import expression_displacement
from kfusion.face import FaceFinder
from kfusion.face_shapes import mean_face_depth, to_mean_face
from kfusion.landmarks import CONTOURS, Points, remove_head_motion

NEUTRAL = "neutral"
EXPRESSIVE = [*range(17, 27), *range(36, 68)]
CELL_PX = (160, 200)
EYES_PX = 85
INK, FAINT = (30, 30, 30), (190, 190, 190)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("videos", type=Path)
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--every", type=int, default=2, help="take every Nth frame")
    arguments = parser.parse_args()
    if arguments.figure:
        draw().save(arguments.figure, optimize=True)
    seen = displacements(arguments.videos, arguments.every)
    face = mean_face_depth()[0].astype(np.float32)
    print(
        "| emotion | moves | brows, lids, lips | all 68 | all 68, head's directions left out |\n|---|---|---|---|---|"
    )
    for emotion, actors in seen.items():
        shown, ruled = np.mean(actors, axis=0), expression_displacement(face, emotion, 3)
        values = (
            cosine(shown, ruled, EXPRESSIVE),
            cosine(shown, ruled),
            cosine(without_head(shown), without_head(ruled)),
        )
        cells = " | ".join(f"{value:.2f}" for value in values)
        print(f"| {emotion} | {np.linalg.norm(without_head(shown)):.2f} | {cells} |")


def displacements(videos: Path, every: int) -> dict[str, list[NDArray[np.float64]]]:
    """Emotion -> the mean displacement of each actor, (68, 2)."""
    actors = sorted({path.name.partition("_")[0] for path in videos.glob("*.mp4")})
    found: dict[str, list[NDArray[np.float64]]] = {emotion: [] for emotion in EMOTIONS if emotion != NEUTRAL}
    for actor in actors:
        calm = landmarks(clip_of(videos, actor, NEUTRAL), every)
        neutral: Points = remove_head_motion(calm, calm[0]).mean(0)
        turn = to_mean_face(neutral).matrix
        for emotion, clips in found.items():
            points = remove_head_motion(landmarks(clip_of(videos, actor, emotion), every), neutral)
            clips.append((points.mean(0) - neutral) @ turn.T)
    return found


def clip_of(videos: Path, actor: str, emotion: str) -> Path:
    (clip,) = videos.glob(f"{actor}_front_{emotion}_*.mp4")
    return clip


def landmarks(video: Path, every: int) -> Points:
    """The points of every Nth frame, (T, 68, 2)."""
    with av.open(str(video)) as container, FaceFinder(max_faces=1) as finder:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)][::every]
        return np.stack([faces[0] for faces in map(finder.find, frames) if faces])


def cosine(first: NDArray[np.float64], second: NDArray[np.float64], points: Sequence[int] = range(68)) -> float:
    one, two = first[list(points)].ravel(), second[list(points)].ravel()
    return float(one @ two / (np.linalg.norm(one) * np.linalg.norm(two)))


def without_head(moved: NDArray[np.float64]) -> NDArray[np.float64]:
    """A displacement (68, 2) less the nearest one that a head makes."""
    face, depth = mean_face_depth()
    still, one = np.zeros(68), np.ones(68)
    columns = [(one, still), (still, one), face.T, (-face[:, 1], face[:, 0]), (depth, still), (still, depth)]
    basis = np.stack([np.stack(column, -1).ravel() for column in columns], -1)
    flat = moved.ravel()
    return np.asarray(flat - basis @ np.linalg.lstsq(basis, flat, rcond=None)[0]).reshape(68, 2)


def draw() -> Image.Image:
    """A column for each emotion, a row for each intensity; the neutral face in grey behind."""
    wide, high = CELL_PX
    sheet = Image.new("RGB", (wide * len(EMOTIONS), high * len(INTENSITIES)), "white")
    pen = ImageDraw.Draw(sheet)
    face = mean_face_depth()[0].astype(np.float32)
    for column, emotion in enumerate(EMOTIONS):
        pen.text((column * wide + 52, 4), emotion, fill=INK)
        for row, intensity in enumerate(INTENSITIES):
            moved = face + expression_displacement(face, emotion, intensity)
            for points, ink in ((face, FAINT), (moved, INK)):
                place = points * EYES_PX + ((column + 0.5) * wide, (row + 0.32) * high)
                for line, closed in CONTOURS:
                    pen.line([tuple(place[point]) for point in (*line, *line[: 1 if closed else 0])], fill=ink, width=2)
    return sheet


if __name__ == "__main__":
    main()

"""What preparing a clip costs, part by part, and what cheaper ways of finding the landmarks would change.

Usage: python benchmarks/prepare.py OUT.json NAME=FOLDER ... [--clips N]

Of each folder N videos, evenly spread, are measured in one run, side by side, in CPU time of this process (which is
what a corpus costs, however many cores share it). Costs are ms a picture. `twice` is what preparation did before: every
picture turned into RGB, in two passes; `once` is what it does now (`kfusion.data.pictures`). `worst_level` is the
largest difference between their crops, of 255.

Cheaper ways, each against MediaPipe's landmarks, as mean distance in px of the 256 x 256 crop: `litert` runs the same
networks on LiteRT (`kfusion prepare --finder litert`), `track` follows the face with MediaPipe's own tracker and filter
(its video mode) in place of a detector for every picture, `px192` and `px128` look at smaller crops, `every_2nd` looks
at every second picture and draws lines between. `shifted` is no way but the measure of all: the same extractor on a
crop that is placed one pixel of the video further right and down. Needs the extra `litert`.
"""

import argparse
import json
import os
import platform
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import mediapipe
import numpy as np
from mediapipe.tasks.python import BaseOptions
from mediapipe.tasks.python.vision import FaceLandmarker, FaceLandmarkerOptions, RunningMode
from PIL import Image as Pillow

from kfusion.data.clip import videos_below
from kfusion.data.crop import Crop
from kfusion.data.pictures import Reel, watch
from kfusion.face import LANDMARKER, FaceFinder, Finder
from kfusion.face.crop_finder import CropFinder
from kfusion.face.finder import to_68
from kfusion.landmarks import MOUTH, Points
from kfusion.video import Image, video_frames, video_stills

MEAD_HOURS, MEAD_FPS = 40, 30
Faces = list[Points | None]


def timed(work: Callable[[], Any], count: int) -> tuple[Any, float]:
    """What it gives, and ms of CPU time for each of `count`."""
    start = time.process_time()
    made = work()
    return made, (time.process_time() - start) * 1000 / max(1, count)


def faces_of(finder: Finder, crops: list[Image]) -> Faces:
    return [(finder.find(crop) or [None])[0] for crop in crops]


def smaller(finder: FaceFinder, crops: list[Image], side: int) -> Faces:
    shrunk = [np.asarray(Pillow.fromarray(crop).resize((side, side), Pillow.Resampling.BILINEAR)) for crop in crops]
    return [None if face is None else face * (256 / side) for face in faces_of(finder, shrunk)]


def every_second(faces: Faces) -> Faces:
    between = list(faces)
    for index in range(1, len(faces) - 1, 2):
        before, after = faces[index - 1], faces[index + 1]
        between[index] = None if before is None or after is None else (before + after) / 2
    return between


def tracked(crops: list[Image], times_s: list[float]) -> Faces:
    options = FaceLandmarkerOptions(base_options=BaseOptions(str(LANDMARKER)), running_mode=RunningMode.VIDEO)
    found: Faces = []
    with FaceLandmarker.create_from_options(options) as landmarker:
        for crop, time_s in zip(crops, times_s, strict=True):
            picture = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(crop))
            meshes = landmarker.detect_for_video(picture, round(time_s * 1000)).face_landmarks
            found.append(to_68(np.array([(p.x, p.y) for p in meshes[0]]) * 256.0) if meshes else None)
    return found


def shifted(finder: FaceFinder, reel: Reel) -> Faces:
    moved = replace(reel.crop, left=reel.crop.left + 1, top=reel.crop.top + 1)
    crops = [moved.image(picture) for _, picture in video_frames(reel.video)]
    return [None if face is None else reel.crop.to_crop(moved.to_image(face)) for face in faces_of(finder, crops)]


def apart(found: Faces, truth: Faces) -> dict[str, float]:
    pairs = [(one, other) for one, other in zip(found, truth, strict=True) if one is not None and other is not None]
    distance = np.stack([np.linalg.norm(one - other, axis=-1) for one, other in pairs])
    speed = [np.diff(np.stack(faces), axis=0) for faces in zip(*pairs, strict=True)]
    return {
        "face_px": float(distance.mean()),
        "worst_picture_px": float(distance.mean(-1).max()),
        "mouth_px": float(distance[:, MOUTH].mean()),
        "mouth_velocity_px": float(np.linalg.norm((speed[0] - speed[1])[:, MOUTH], axis=-1).mean()),
    }


def twice(video: Path, crop: Crop) -> list[Image]:
    for _ in video_frames(video):
        pass
    return [crop.image(picture) for _, picture in video_frames(video)]


def measure(video: Path, finder: FaceFinder) -> dict[str, Any]:
    """One clip."""
    count = sum(1 for _ in video_stills(video))
    _, decode = timed(lambda: sum(1 for _ in video_stills(video)), count)
    _, rgb = timed(lambda: sum(1 for _ in video_frames(video)), count)
    reel, watching = timed(lambda: watch(video, finder), count)
    found, cropping = timed(lambda: list(reel.crops()), count)
    times_s, crops = [time_s for time_s, _ in found], [crop for _, crop in found]
    before, old = timed(lambda: twice(video, reel.crop), count)
    faces, find = timed(lambda: faces_of(finder, crops), count)
    blank = np.full((256, 256, 3), 128, np.uint8)
    _, detector = timed(lambda: faces_of(finder, [blank] * 30), 30)
    litert = CropFinder(finder)
    ways = {
        "litert": timed(lambda: faces_of(litert, crops), count),
        "track": timed(lambda: tracked(crops, times_s), count),
        "px192": timed(lambda: smaller(finder, crops, 192), count),
        "px128": timed(lambda: smaller(finder, crops, 128), count),
        "every_2nd": (every_second(faces), find / 2),
        "shifted": (shifted(finder, reel), find),
    }
    looks = watching - decode
    costs = {
        "decode": decode,
        "rgb": rgb - decode,
        "looks": looks,
        "crop": cropping,
        "find": find,
        "of_find_detector": detector,
        "twice": old + looks + find,
        "once": watching + cropping + find,
        "once_litert": watching + cropping + ways["litert"][1],
    }
    return {
        "frames": count,
        "size": [next(video_frames(video))[1].shape[1], next(video_frames(video))[1].shape[0]],
        "decoded_once": reel.pieces is not None,
        "worst_level": max(int(np.abs(a.astype(int) - b).max()) for a, b in zip(before, crops, strict=True)),
        "costs_ms": costs,
        "ways": {name: {"find_ms": cost, **apart(other, faces)} for name, (other, cost) in ways.items()},
    }


def mean(clips: list[dict[str, Any]], *keys: str) -> dict[str, Any]:
    """Over all pictures of a corpus."""
    total = sum(clip["frames"] for clip in clips)

    def value(clip: dict[str, Any], name: str) -> float:
        for key in keys:
            clip = clip[key]
        return float(clip[name])

    names = clips[0]
    for key in keys:
        names = names[key]
    return {name: round(sum(value(c, name) * c["frames"] for c in clips) / total, 3) for name in names}


def corpus(folder: Path, count: int, finder: FaceFinder) -> dict[str, Any]:
    videos = videos_below(folder)
    chosen = videos[:: -(-len(videos) // count)]
    clips = [measure(video, finder) for video in chosen]
    costs = mean(clips, "costs_ms")
    return {
        "clips": len(clips),
        "frames": sum(clip["frames"] for clip in clips),
        "size": clips[0]["size"],
        "decoded_once": sum(clip["decoded_once"] for clip in clips),
        "worst_level": max(clip["worst_level"] for clip in clips),
        "costs_ms": costs,
        "faster": {way: round(costs["twice"] / costs[way], 2) for way in ("once", "once_litert")},
        "core_hours_of_40_h_at_30_fps": {
            way: round(costs[way] * MEAD_HOURS * MEAD_FPS / 1000, 1) for way in ("twice", "once", "once_litert")
        },
        "ways": {name: mean(clips, "ways", name) for name in clips[0]["ways"]},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("corpora", nargs="+")
    parser.add_argument("--clips", type=int, default=6)
    arguments = parser.parse_args()
    found = {}
    with FaceFinder(max_faces=1) as finder:
        for word in arguments.corpora:
            name, _, folder = word.partition("=")
            found[name] = corpus(Path(folder), arguments.clips, finder)
            print(name, json.dumps(found[name]), flush=True)
    machine = {"machine": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()}
    result = {**machine, "mediapipe": mediapipe.__version__, "corpora": found}
    arguments.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()

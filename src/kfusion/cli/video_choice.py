"""What `kfusion generate` shows beside the landmarks: the portrait itself as it speaks, its points, both or nothing."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from kfusion.errors import InputError

if TYPE_CHECKING:
    from kfusion.inference.identity import Identity
    from kfusion.inference.recording import Recording
    from kfusion.landmarks import LandmarkSequence
    from kfusion.motion.life import LifeOptions

VIDEOS = {"picture": "talking", "points": "preview", "side-by-side": "side-by-side", "none": ""}
"""What is shown, and what the file is called."""
ENDINGS = {"mp4": ".mp4", "webm": ".webm", "gif": ".gif", "png": ""}
"""By the kind of video; PNG files lie in a folder."""
VIDEO_NAMES = tuple(name + ending for name in VIDEOS.values() if name for ending in ENDINGS.values())
"""All names that a video may have."""
SIGNS_OF_LIFE = ("blinks", "gaze", "brows", "sway", "breath")
VideoWriter: TypeAlias = "Callable[[Path, LandmarkSequence, Recording, Callable[[int, int], None]], Path]"
"""Writes a video of landmarks and what was said to a path, and tells how far it is."""


def add_video_arguments(parser: argparse.ArgumentParser) -> None:
    """What is shown, and how alive it is."""
    parser.add_argument(
        "--video",
        choices=VIDEOS,
        help="the portrait itself as it speaks, the moving points, both, or nothing (default: the picture, where the "
        "face is one, otherwise the points)",
    )
    parser.add_argument("--no-preview", action="store_true", help="as --video none")
    parser.add_argument("--video-format", choices=ENDINGS, default="mp4", help="of the video (default: mp4)")
    parser.add_argument("--still", action="store_true", help="no signs of life but speech: as --life none")
    parser.add_argument(
        "--life",
        metavar="LIST",
        default=",".join(SIGNS_OF_LIFE),
        help=f"signs of life of a talking picture, of {', '.join(SIGNS_OF_LIFE)}, joined by commas (default: all)",
    )
    parser.add_argument("--seed", metavar="N", type=int, default=0, help="of the signs of life (default: 0)")


def add_person_argument(parser: argparse.ArgumentParser) -> None:
    """Which face of the portrait."""
    parser.add_argument(
        "--person", metavar="N", type=int, help="of several faces, counted from the left from 1 (default: the largest)"
    )


@dataclass(frozen=True, slots=True)
class ChosenVideo:
    """The video that was asked for."""

    shown: str
    """Of `VIDEOS`."""
    name: str
    """Of its file; empty where there is none."""
    life: "LifeOptions | None"

    def writer(self, identity: "Identity", face: Path | None) -> VideoWriter:
        """What writes it for a face, read from `face`.

        Raises:
            InputError: the face cannot be shown like that.
        """
        if self.shown in ("picture", "side-by-side"):
            from kfusion.picture.movie import write_talking
            from kfusion.picture.sitter import seat

            sitter, beside = seat(identity, face), self.shown == "side-by-side"
            return lambda path, sequence, speech, progress: write_talking(
                path, sequence, speech, sitter, life=self.life, beside_points=beside, progress=progress
            )
        from kfusion.inference.preview import write_preview

        return lambda path, sequence, speech, progress: write_preview(
            path, sequence, speech, identity, progress=progress
        )


def chosen_video(arguments: argparse.Namespace) -> ChosenVideo:
    """The video that the command line asks for.

    Raises:
        InputError: the options do not fit together.
    """
    shown = "none" if arguments.no_preview else arguments.video or _usual(arguments.face)
    if shown == "points" and arguments.video_format in ("gif", "png"):
        raise InputError(f"the points are not written as {arguments.video_format}: use --video-format mp4 or webm")
    name = VIDEOS[shown] and VIDEOS[shown] + ENDINGS[arguments.video_format]
    return ChosenVideo(shown, name, _life(arguments))


def _usual(face: Path | None) -> str:
    from kfusion.inference.identity import LANDMARK_ENDINGS

    return "points" if face is None or face.suffix.lower() in LANDMARK_ENDINGS else "picture"


def _life(arguments: argparse.Namespace) -> "LifeOptions | None":
    from kfusion.motion.life import LifeOptions

    wanted = {sign.strip().lower() for sign in arguments.life.split(",") if sign.strip()} - {"none"}
    unknown = sorted(wanted - set(SIGNS_OF_LIFE))
    if unknown:
        raise InputError(f"unknown sign of life '{unknown[0]}': use {', '.join(SIGNS_OF_LIFE)} or none")
    if arguments.seed < 0:
        raise InputError(f"--seed is {arguments.seed}: use a number from 0 on")
    if arguments.still or not wanted:
        return None
    return LifeOptions(**{sign: sign in wanted for sign in SIGNS_OF_LIFE}, seed=arguments.seed)

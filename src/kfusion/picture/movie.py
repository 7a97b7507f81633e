"""Films of a portrait that talks, with the sound; drawn and written picture by picture."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from kfusion.inference.drawing import FacePainter, make_ground
from kfusion.inference.film import FILM_KINDS, PictureProgress, synthetic_mark, write_film
from kfusion.inference.identity import Identity, IdentityLike
from kfusion.inference.recording import AudioLike, read_recording
from kfusion.landmarks import LandmarkSequence
from kfusion.motion.life import Life, LifeOptions
from kfusion.picture.sitter import Sitter, read_sitter
from kfusion.picture.soundless import write_gif, write_pngs
from kfusion.picture.talking import TalkingPicture
from kfusion.video import Image


def write_talking(
    path: str | Path,
    sequence: LandmarkSequence,
    audio: AudioLike,
    portrait: IdentityLike | Sitter,
    *,
    life: LifeOptions | None = None,
    beside_points: bool = False,
    track: int | None = None,
    progress: PictureProgress | None = None,
) -> Path:
    """Write the portrait as it says `audio`; whole or not at all.

    Args:
        path: where to write: `.mp4` and `.webm` with the sound, `.gif`, or a folder of PNG files if there is no ending.
        sequence: what `Generator.generate` gave for `audio` and `portrait`.
        audio: the recording it was made from.
        portrait: the picture of the face it was made with: a path, an array (H, W, 3), what `read_identity` or
            `read_sitter` gave.
        life: what the face does beside speaking; nothing, if left out.
        beside_points: whether the moving points are shown beside it.
        track: the sound track that was heard, counted from 1; None for the default one, or the first not silent.
        progress: called after every picture.

    Raises:
        InputError: there is no picture, or it shows no mouth.
        OutputError: the place cannot be written, or the disk is full.
    """
    path, sitter, recording = Path(path), read_sitter(portrait), read_recording(audio, track)
    pictures, size_px = talking_pictures(sequence, sitter, life), (sitter.picture.shape[1], sitter.picture.shape[0])
    if beside_points:
        painted, width = _points_pictures(sequence, sitter.identity, size_px[1])
        pictures = (np.hstack(both) for both in zip(pictures, painted, strict=True))
        size_px = (size_px[0] + width, size_px[1])
    kind, total, mark = path.suffix.lower(), len(sequence), synthetic_mark(sequence.model)
    if kind == ".gif":
        return write_gif(path, pictures, size_px=size_px, fps=sequence.fps, total=total, progress=progress)
    if kind not in FILM_KINDS:
        return write_pngs(path, pictures, total=total, metadata=mark, progress=progress)
    sound, fps = recording.blocks(), sequence.fps
    return write_film(path, pictures, sound, size_px=size_px, fps=fps, total=total, metadata=mark, progress=progress)


def talking_pictures(sequence: LandmarkSequence, sitter: Sitter, life: LifeOptions | None = None) -> Iterator[Image]:
    """The pictures of a sequence, one at a time, each (H, W, 3)."""
    talking = TalkingPicture(sitter.picture, sitter.points)
    signs = Life(sequence.fps, life) if life else None
    for points in sequence.points:
        placed = points * np.float32(sitter.scale)
        yield talking.frame(placed, signs.step(talking.opening(placed))) if signs else talking.frame(placed)


def _points_pictures(sequence: LandmarkSequence, identity: Identity, height: int) -> tuple[Iterator[Image], int]:
    """The points over the portrait, at a height, and the width of these pictures."""
    ground = make_ground(identity, sequence.points)
    width = round(ground.picture.shape[1] * height / ground.picture.shape[0] / 2) * 2
    painter = FacePainter(ground, sequence.points)
    return (np.asarray(cv2.resize(painter.paint(p), (width, height))) for p in sequence.points), width

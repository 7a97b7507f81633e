"""The preview video: the moving points over the portrait, with the sound, in sync."""

from pathlib import Path

from kfusion.inference.drawing import FacePainter, make_ground
from kfusion.inference.film import PictureProgress, write_film
from kfusion.inference.identity import IdentityLike, read_identity
from kfusion.inference.recording import AudioLike, read_recording
from kfusion.landmarks import LandmarkSequence


def write_preview(
    path: str | Path,
    sequence: LandmarkSequence,
    audio: AudioLike,
    identity: IdentityLike = None,
    *,
    track: int | None = None,
    progress: PictureProgress | None = None,
) -> Path:
    """Write a film (`.mp4`, `.webm`) of the points of `sequence` over the portrait, with `audio`; whole or not at all.

    Args:
        path: where to write.
        sequence: what `Generator.generate` gave.
        audio: the recording it was made from.
        identity: the face it was made with; without a portrait the points are drawn on a dark ground.
        track: the sound track that was heard, counted from 1; None for the default one, or the first not silent.
        progress: called after every picture.

    Raises:
        OutputError: the place cannot be written, or the disk is full.
    """
    recording = read_recording(audio, track)
    ground = make_ground(read_identity(identity), sequence.points)
    painter = FacePainter(ground, sequence.points)
    height, width = ground.picture.shape[:2]
    return write_film(
        Path(path),
        (painter.paint(points) for points in sequence.points),
        recording.blocks(),
        size_px=(width, height),
        fps=sequence.fps,
        total=len(sequence),
        progress=progress,
    )

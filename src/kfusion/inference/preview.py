"""The preview video: the moving points over the portrait, with the sound, in sync.

Picture t is shown at t / fps and sample n is heard at n / 16000 s, both counted from the start of the file.
"""

from collections.abc import Callable, Iterator
from fractions import Fraction
from math import inf
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import av

from kfusion.audio import SAMPLE_RATE_HZ, Samples
from kfusion.errors import OutputError
from kfusion.files import atomic_path
from kfusion.inference.drawing import FacePainter, make_ground
from kfusion.inference.identity import IdentityLike, read_identity
from kfusion.inference.recording import AudioLike, read_recording
from kfusion.landmarks import LandmarkSequence
from kfusion.video import Image

PictureProgress = Callable[[int, int], None]
"""Called with the pictures that are done and the pictures in all."""
H264_ENCODER: Final = "libx264"
_H264 = {"preset": "veryfast", "crf": "20"}
_MPEG4_BITS_PER_S = 3_000_000
_AAC_BITS_PER_S = 64_000


def write_preview(
    path: str | Path,
    sequence: LandmarkSequence,
    audio: AudioLike,
    identity: IdentityLike = None,
    *,
    track: int | None = None,
    progress: PictureProgress | None = None,
) -> Path:
    """Write an `.mp4` with the points of `sequence` over the portrait, and `audio`; whole or not at all.

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
    path = Path(path)
    face = read_identity(identity)
    recording = read_recording(audio, track)
    ground = make_ground(face, sequence.points)
    painter = FacePainter(ground, sequence.points)
    try:
        with atomic_path(path) as part, _Film(part, ground.picture, sequence.fps) as film:
            sound = recording.blocks()
            for index, points in enumerate(sequence.points):
                film.add_sound(sound, until_s=(index + 1) / sequence.fps)
                film.add_picture(painter.paint(points))
                if progress:
                    progress(index + 1, len(sequence))
            film.add_sound(sound, until_s=inf)
    except av.error.FFmpegError as error:
        raise OutputError(f"{path}: cannot write the video ({error.strerror}): choose another place") from error
    return path


class _Film:
    """An MP4 file with one picture track and one sound track."""

    def __init__(self, path: Path, picture: Image, fps: float) -> None:
        self._container = av.open(str(path.absolute()), "w", format="mp4", options={"movflags": "faststart"})
        rate = Fraction(fps).limit_denominator(1001)
        height, width = picture.shape[:2]
        self._video = _add_video(self._container, rate)
        self._video.width, self._video.height, self._video.pix_fmt = width, height, "yuv420p"
        self._video.codec_context.time_base = 1 / rate
        self._audio = self._container.add_stream("aac", rate=SAMPLE_RATE_HZ, layout="mono")
        self._audio.bit_rate = _AAC_BITS_PER_S
        self._pictures = 0
        self._samples = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._container.mux(self._video.encode())
                self._container.mux(self._audio.encode())
        finally:
            self._container.close()

    def add_picture(self, picture: Image) -> None:
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts, frame.time_base = self._pictures, self._video.codec_context.time_base
        self._pictures += 1
        self._container.mux(self._video.encode(frame))

    def add_sound(self, blocks: Iterator[Samples], until_s: float) -> None:
        """Take blocks until the sound reaches `until_s`, or ends."""
        while self._samples < until_s * SAMPLE_RATE_HZ and (block := next(blocks, None)) is not None:
            frame = av.AudioFrame.from_ndarray(block[None], format="fltp", layout="mono")
            frame.sample_rate, frame.time_base = SAMPLE_RATE_HZ, Fraction(1, SAMPLE_RATE_HZ)
            frame.pts = self._samples
            self._samples += len(block)
            self._container.mux(self._audio.encode(frame))


def _add_video(container: av.container.OutputContainer, rate: Fraction) -> av.VideoStream:
    try:
        return container.add_stream(H264_ENCODER, rate=rate, options=dict(_H264))
    except av.codec.codec.UnknownCodecError:
        stream = container.add_stream("mpeg4", rate=rate)
        stream.bit_rate = _MPEG4_BITS_PER_S
        return stream

"""Films: pictures and their sound, written one by one, in memory that does not grow with their length.

Picture t is shown at t / fps and sample n is heard at n / 16000 s, both counted from the start of the file.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from math import inf
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import av

from kfusion import __version__
from kfusion.audio import SAMPLE_RATE_HZ, Samples
from kfusion.errors import OutputError
from kfusion.files import atomic_path
from kfusion.video import Image

PictureProgress = Callable[[int, int], None]
"""Called with the pictures that are done and the pictures in all."""
_MPEG4_BITS_PER_S = 3_000_000
_HD_LINES = 720
"""From here on players take the colours of a film for those of BT.709, below for those of BT.601."""
_BT709, _BT601 = 1, 6


@dataclass(frozen=True, kw_only=True, slots=True)
class FilmKind:
    """How a film is written."""

    container: str
    video: str
    video_options: Mapping[str, str] = field(default_factory=dict)
    audio: str
    audio_bits_per_s: int
    options: Mapping[str, str] = field(default_factory=dict)


FILM_KINDS: Final = {
    ".mp4": FilmKind(
        container="mp4",
        video="libx264",
        video_options={"preset": "veryfast", "crf": "20"},
        audio="aac",
        audio_bits_per_s=64_000,
        options={"movflags": "faststart"},
    ),
    ".webm": FilmKind(
        container="webm",
        video="libvpx-vp9",
        video_options={"deadline": "realtime", "cpu-used": "6", "crf": "30", "b": "0", "row-mt": "1"},
        audio="libopus",
        audio_bits_per_s=48_000,
    ),
}
"""By the ending of the file."""


def synthetic_mark(model: str) -> dict[str, str]:
    """What a file says about itself: that its pictures are synthetic, and by what."""
    text = f"Synthetic picture: made by kfusion {__version__}"
    return {"comment": text, "description": text + (f" with model {model}" if model else "")}


def write_film(
    path: Path,
    pictures: Iterable[Image],
    sound: Iterator[Samples],
    *,
    size_px: tuple[int, int],
    fps: float,
    total: int,
    metadata: Mapping[str, str] | None = None,
    progress: PictureProgress | None = None,
) -> Path:
    """Write a film, by the ending of its name as MP4 or WebM; whole or not at all.

    Args:
        path: where to write.
        pictures: (H, W, 3), RGB; each is done with before the next is asked for.
        sound: blocks of mono samples at 16 kHz.
        size_px: width and height of the pictures, both even.
        fps: pictures a second.
        total: how many there will be, for `progress`.
        metadata: what the file says about itself, by FFmpeg's names.
        progress: called after every picture.

    Raises:
        OutputError: the place cannot be written, or the disk is full.
    """
    try:
        with atomic_path(path) as part, Film(part, size_px, fps, metadata or {}) as film:
            for index, picture in enumerate(pictures):
                film.add_sound(sound, until_s=(index + 1) / fps)
                film.add_picture(picture)
                if progress:
                    progress(index + 1, total)
            film.add_sound(sound, until_s=inf)
    except av.error.FFmpegError as error:
        raise OutputError(f"{path}: cannot write the video ({error.strerror}): choose another place") from error
    return path


class Film:
    """A file with one picture track and one sound track."""

    def __init__(self, path: Path, size_px: tuple[int, int], fps: float, metadata: Mapping[str, str]) -> None:
        self._kind = FILM_KINDS[path.suffix.lower()]
        options = dict(self._kind.options)
        self._container = av.open(str(path.absolute()), "w", format=self._kind.container, options=options)
        self._container.metadata.update(metadata)
        self._rate = Fraction(fps).limit_denominator(1001)
        self._space = _BT709 if size_px[1] >= _HD_LINES else _BT601
        self._video = _add_video(self._container, self._kind, self._rate)
        self._describe(size_px)
        self._audio = _add_audio(self._container, self._kind)
        self._pictures = 0
        self._samples = 0

    def _describe(self, size_px: tuple[int, int]) -> None:
        context = self._video.codec_context
        (context.width, context.height), context.pix_fmt = size_px, "yuv420p"
        context.time_base = 1 / self._rate
        context.colorspace = context.color_primaries = context.color_trc = self._space
        context.color_range = 1

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
        """The next picture, (H, W, 3)."""
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame = frame.reformat(format="yuv420p", dst_colorspace=self._space)
        frame.pts, frame.time_base = self._pictures, 1 / self._rate
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


def _add_video(container: Any, kind: FilmKind, rate: Fraction) -> Any:
    try:
        return container.add_stream(kind.video, rate=rate, options=dict(kind.video_options))
    except av.codec.codec.UnknownCodecError:
        stream = container.add_stream("mpeg4", rate=rate)
        stream.bit_rate = _MPEG4_BITS_PER_S
        return stream


def _add_audio(container: Any, kind: FilmKind) -> Any:
    stream = container.add_stream(kind.audio, rate=SAMPLE_RATE_HZ, layout="mono")
    stream.bit_rate = kind.audio_bits_per_s
    return stream

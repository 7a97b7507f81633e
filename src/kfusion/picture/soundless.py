"""Talking pictures without sound: a moving GIF, or a folder of PNG files, one a frame."""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image as Pillow
from PIL.PngImagePlugin import PngInfo

from kfusion.errors import OutputError
from kfusion.files import atomic_path, work_folder, writing
from kfusion.inference.film import PictureProgress
from kfusion.video import Image

_GIF_FPS = 50
"""Browsers show pictures that are shorter than 1 / 50 s for longer."""
_GIF_CLOCK = Fraction(1, 100)


def write_gif(
    path: Path,
    pictures: Iterable[Image],
    *,
    size_px: tuple[int, int],
    fps: float,
    total: int,
    progress: PictureProgress | None = None,
) -> Path:
    """Write a GIF of pictures (H, W, 3) that repeats for ever; whole or not at all. Its colours are those of the first.

    Raises:
        OutputError: the place cannot be written, or the disk is full.
    """
    try:
        with atomic_path(path) as part, av.open(str(part.absolute()), "w", format="gif") as container:
            stream = container.add_stream("gif", rate=Fraction(min(fps, _GIF_FPS)).limit_denominator(1001))
            stream.width, stream.height, stream.pix_fmt = *size_px, "pal8"
            stream.codec_context.time_base = _GIF_CLOCK
            palette, last = None, -1
            for index, picture in enumerate(pictures):
                palette = palette or Pillow.fromarray(picture).quantize(256, dither=Pillow.Dither.NONE)
                at = round(index / fps / _GIF_CLOCK)
                if at - last >= 100 // _GIF_FPS or last < 0:
                    container.mux(stream.encode(_gif_frame(picture, palette, at)))
                    last = at
                if progress:
                    progress(index + 1, total)
            container.mux(stream.encode())
    except av.error.FFmpegError as error:
        raise OutputError(f"{path}: cannot write the GIF ({error.strerror}): choose another place") from error
    return path


def _gif_frame(picture: Image, palette: Pillow.Image, at: int) -> av.VideoFrame:
    indexed = Pillow.fromarray(picture).quantize(palette=palette, dither=Pillow.Dither.NONE)
    colours = np.zeros((256, 4), np.uint8)
    known = np.array(palette.getpalette(), np.uint8).reshape(-1, 3)
    colours[: len(known), 1:] = known  # alpha first, as PyAV wants it
    colours[:, 0] = 255
    pixels: Any = np.asarray(indexed), colours
    frame = av.VideoFrame.from_ndarray(pixels, format="pal8")
    frame.pts, frame.time_base = at, _GIF_CLOCK
    return frame


def write_pngs(
    folder: Path,
    pictures: Iterable[Image],
    *,
    total: int,
    metadata: Mapping[str, str],
    progress: PictureProgress | None = None,
) -> Path:
    """Write pictures (H, W, 3) as `000000.png` and so on into a folder, in place of what was there; all or none.

    Raises:
        OutputError: the place cannot be written, or the disk is full.
    """
    marks = PngInfo()
    for key, text in metadata.items():
        marks.add_text(key.capitalize(), text)
    with writing(folder), work_folder(folder.parent) as work:
        part = work / folder.name
        part.mkdir()
        for index, picture in enumerate(pictures):
            Pillow.fromarray(picture).save(part / f"{index:06}.png", compress_level=1, pnginfo=marks)
            if progress:
                progress(index + 1, total)
        if folder.exists():
            folder.rename(work / "earlier")
        part.rename(folder)
    return folder

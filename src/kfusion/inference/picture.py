"""Pictures that people send: named kinds only, their announced size checked before they are decoded, bounded memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from math import ceil, sqrt
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from kfusion.errors import InputError, foreign
from kfusion.files import check_file

MAX_FILE_BYTES = 256 * 2**20
MAX_PIXELS = 50_000_000
"""A larger picture is scaled down while it is read, by a whole number."""
_MAX_COEFFICIENT_BYTES = 700_000_000
"""Of a JPEG, which a decoder may have to hold as a whole."""
_STRIP_PIXELS = 4_000_000
_ORIENTATION_TAG = 0x0112
_UPRIGHT = {
    2: Pillow.Transpose.FLIP_LEFT_RIGHT,
    3: Pillow.Transpose.ROTATE_180,
    4: Pillow.Transpose.FLIP_TOP_BOTTOM,
    5: Pillow.Transpose.TRANSPOSE,
    6: Pillow.Transpose.ROTATE_270,
    7: Pillow.Transpose.TRANSVERSE,
    8: Pillow.Transpose.ROTATE_90,
}
"""What puts a picture upright, by its EXIF orientation."""


@dataclass(frozen=True, slots=True)
class _PictureKind:
    """A kind of picture that is read."""

    plugin: str
    """Pillow's module and, with `File` after it, its class."""
    max_megapixels: int
    """So that decoding stays under about 700 MB, whatever Pillow's decoder needs for a pixel."""
    marks: tuple[bytes, ...]
    """How such files start."""
    at: int = 0
    """Where."""


_KINDS = (
    _PictureKind("JpegImage", 256, (b"\xff\xd8\xff",)),
    _PictureKind("PngImage", 100, (b"\x89PNG\r\n\x1a\n",)),
    _PictureKind("WebPImage", 30, (b"WEBPVP8",), 8),
    _PictureKind("GifImage", 100, (b"GIF87a", b"GIF89a")),
    _PictureKind("BmpImage", 100, (b"BM",)),
    _PictureKind("TiffImage", 50, (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")),
    _PictureKind("AvifImage", 30, (b"ftypavif", b"ftypavis"), 4),
)
_READ = "pass a portrait as JPEG, PNG, WebP, GIF, BMP, TIFF or AVIF, or a landmark file"
_FOREIGN = (
    (4, (b"ftyphei", b"ftyphev", b"ftypmif1", b"ftypmsf1"), "is a HEIC picture: export it as JPEG"),
    (4, (b"ftyp", b"moov", b"mdat"), "is a video: save one of its pictures as PNG and pass that"),
    (0, (b"\x1a\x45\xdf\xa3", b"FLV\x01", b"\0\0\1\xba", b"OggS"), "is a video: save one of its pictures as PNG"),
    (8, (b"AVI ",), "is a video: save one of its pictures as PNG and pass that"),
    (8, (b"WAVE",), "is a recording, not a picture: pass it as the speech"),
)


def read_picture(path: Path) -> tuple[Pillow.Image, tuple[int, int]]:
    """The picture in RGB, upright, of at most `MAX_PIXELS`, and its width and height before it was scaled down.

    Raises:
        InputError: it is no picture of a known kind, damaged, or too large to be decoded in bounded memory.
    """
    if check_file(path, "picture") > MAX_FILE_BYTES:
        raise InputError(f"{path}: has more than {MAX_FILE_BYTES >> 20} MB: save the portrait as JPEG")
    with path.open("rb") as file:
        kind = _kind(path, file.read(32))
        if kind.plugin == "WebPImage":
            _check_size(path, kind, _webp_size(file))
        file.seek(0)
        with foreign(f"{path}: cannot read the picture", _READ):
            picture = getattr(import_module(f"PIL.{kind.plugin}Plugin"), f"{kind.plugin}File")(file)
        _check_size(path, kind, picture.size)
        size_px = picture.size
        with foreign(f"{path}: cannot read the picture", _READ):
            upright = _UPRIGHT.get(picture.getexif().get(_ORIENTATION_TAG, 1))
            _decode_small(picture)
            picture = to_rgb(picture)
            if upright is not None:
                picture = picture.transpose(upright)
    turned = upright is not None and upright.value in _SIDEWAYS
    return picture, (size_px[1], size_px[0]) if turned else size_px


_SIDEWAYS = {_UPRIGHT[orientation].value for orientation in (5, 6, 7, 8)}


def is_video(path: Path) -> bool:
    """Whether a file begins as videos do."""
    check_file(path, "picture")
    with path.open("rb") as file:
        head = file.read(32)
    return any(what.startswith("is a video") and head[at:].startswith(marks) for at, marks, what in _FOREIGN)


def to_rgb(picture: Pillow.Image) -> Pillow.Image:
    """`picture` in RGB, scaled down to at most `MAX_PIXELS`; strip by strip, what is transparent on white."""
    factor = max(1, ceil(sqrt(picture.width * picture.height / MAX_PIXELS)))
    if picture.mode == "RGB" and factor == 1:
        picture.load()
        return picture
    full_scale = _full_scale(picture) if picture.mode.startswith(("I", "F")) else 0.0
    rgb = Pillow.new("RGB", (ceil(picture.width / factor), ceil(picture.height / factor)))
    for top, strip in _strips(picture, factor):
        plain = _strip_to_rgb(strip, full_scale)
        rgb.paste(plain.reduce(factor) if factor > 1 else plain, (0, top // factor))
    return rgb


def _kind(path: Path, head: bytes) -> _PictureKind:
    for kind in _KINDS:
        if head[kind.at :].startswith(kind.marks):
            return kind
    for at, marks, what in _FOREIGN:
        if head[at:].startswith(marks):
            raise InputError(f"{path}: {what}")
    raise InputError(f"{path}: cannot read the picture (it is of another kind): {_READ}")


def _check_size(path: Path, kind: _PictureKind, size_px: tuple[int, int]) -> None:
    width, height = size_px
    megapixels = width * height / 1e6
    if width < 1 or height < 1:
        raise InputError(f"{path}: announces {width} x {height} pixels: {_READ}")
    if megapixels > kind.max_megapixels:
        raise InputError(
            f"{path}: announces {width} x {height} pixels: scale it to under {kind.max_megapixels} megapixels"
        )


def _decode_small(picture: Any) -> None:
    """Has a large JPEG decoded at a half, a quarter or an eighth of its size.

    Raises:
        InputError: even so it needs too much memory.
    """
    if not hasattr(picture, "layer"):
        return
    widest = max(1, *(across * down for _, across, down, _ in picture.layer))
    shares = sum(across * down / widest for _, across, down, _ in picture.layer)
    if 2 * shares * picture.width * picture.height > _MAX_COEFFICIENT_BYTES:
        raise InputError(
            f"{picture.fp.name}: announces {picture.width} x {picture.height} pixels in {len(picture.layer)} colours: "
            "scale it to under 80 megapixels"
        )
    factor = sqrt(picture.width * picture.height / MAX_PIXELS)
    if factor > 1:
        step = next((step for step in (2, 4, 8) if step >= factor), 8)
        picture.draft(None, (picture.width // step, picture.height // step))


def _strips(picture: Pillow.Image, factor: int) -> Iterator[tuple[int, Pillow.Image]]:
    rows = max(1, _STRIP_PIXELS // picture.width // factor) * factor
    for top in range(0, picture.height, rows):
        yield top, picture.crop((0, top, picture.width, min(top + rows, picture.height)))


def _strip_to_rgb(strip: Pillow.Image, full_scale: float) -> Pillow.Image:
    if full_scale:
        return Pillow.fromarray((_values(strip).clip(0, full_scale) * (255 / full_scale)).astype(np.uint8)).convert(
            "RGB"
        )
    if strip.has_transparency_data:
        strip = strip.convert("RGBA")
        return Pillow.alpha_composite(Pillow.new("RGBA", strip.size, "white"), strip).convert("RGB")
    return strip.convert("RGB")


def _full_scale(picture: Pillow.Image) -> float:
    """The value that is white in a picture of integers or floats."""
    brightest = max(float(_values(strip).max()) for _, strip in _strips(picture, 1))
    return next((full for full in (1.0, 255.0, 65535.0) if brightest <= full), brightest)


def _values(strip: Pillow.Image) -> NDArray[np.float32]:
    return np.nan_to_num(np.asarray(strip, np.float32), posinf=0.0, neginf=0.0)


def _webp_size(file: BinaryIO) -> tuple[int, int]:
    """Width and height that a WebP file announces: its decoder takes the memory for them at once."""
    file.seek(12)
    head = file.read(18).ljust(18, b"\0")
    if head[:4] == b"VP8X":
        return int.from_bytes(head[12:15], "little") + 1, int.from_bytes(head[15:18], "little") + 1
    if head[:4] == b"VP8L":
        bits = int.from_bytes(head[9:13], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return int.from_bytes(head[14:16], "little") & 0x3FFF, int.from_bytes(head[16:18], "little") & 0x3FFF

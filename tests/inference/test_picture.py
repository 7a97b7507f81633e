"""Pictures of named kinds, whatever is in them, in bounded memory."""

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kfusion import assets
from kfusion.errors import InputError
from kfusion.inference import picture as module
from kfusion.inference.picture import read_picture, to_rgb


@pytest.fixture(scope="module")
def portrait() -> Image.Image:
    with Image.open(assets.SAMPLE_PORTRAIT) as picture:
        return picture.convert("RGB").resize((120, 90))


def png(width: int, height: int, bits: int = 8, colours: int = 2) -> bytes:
    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    head = struct.pack(">IIBBBBB", width, height, bits, colours, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tiff", "a.webp", "a.gif", "a.jpg"])
def test_the_kind_is_told_by_the_content_and_not_by_the_name(tmp_path: Path, portrait: Image.Image, name: str) -> None:
    portrait.save(tmp_path / name, quality=100)
    read, size_px = read_picture((tmp_path / name).rename(tmp_path / "upload"))
    assert (read.mode, read.size, size_px) == ("RGB", (120, 90), (120, 90))
    assert np.abs(np.asarray(read, float) - np.asarray(portrait, float)).mean() < 12


@pytest.mark.parametrize("kind", ["EPS", "PDF", "TGA", "ICO", "PPM", "JPEG2000", "DDS", "SGI"])
def test_no_other_kind_reaches_pillow(
    tmp_path: Path, portrait: Image.Image, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    portrait.save(tmp_path / "portrait.jpg", format=kind)
    monkeypatch.setattr(module, "import_module", None)
    with pytest.raises(
        InputError, match=r"portrait\.jpg: cannot read the picture \(it is of another kind\): pass a portrait as JPEG"
    ):
        read_picture(tmp_path / "portrait.jpg")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\0\0\0\x20ftypisom" + bytes(50), "is a video: save one of its pictures"),
        (b"\x1a\x45\xdf\xa3" + bytes(50), "is a video"),
        (b"RIFF\x99\0\0\0AVI LIST" + bytes(50), "is a video"),
        (b"RIFF\x99\0\0\0WAVEfmt " + bytes(50), "is a recording"),
        (b"\0\0\0\x20ftypheic" + bytes(50), "HEIC"),
        (b"<svg/>", "of another kind"),
        (b"\xff\xd8\xff", "cannot read the picture"),
        (b"", "empty"),
    ],
)
def test_what_is_no_picture_is_named(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "face.jpg").write_bytes(content)
    with pytest.raises(InputError, match=rf"face\.jpg: .*{words}") as caught:
        read_picture(tmp_path / "face.jpg")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.95])
@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tiff", "a.webp", "a.gif", "a.jpg"])
def test_a_picture_cut_short_is_one_clear_line(tmp_path: Path, portrait: Image.Image, name: str, share: float) -> None:
    portrait.save(tmp_path / name)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: int(len(content) * share)])
    with pytest.raises(InputError, match=name):
        read_picture(tmp_path / name)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (png(30_000, 30_000), "30000 x 30000 pixels: scale it to under 100 megapixels"),
        (png(2**31 - 1, 2**31 - 1), "scale it to under 100 megapixels"),
        (b"GIF89a\xff\xff\xff\xff\0\0\0,\0\0\0\0\xff\xff\xff\xff\0\2" + bytes(40), "scale it to under 100 megapixels"),
        (b"RIFF\x99\0\0\0WEBPVP8X" + bytes(8) + b"\xff\x3f\0\xff\x3f\0" + bytes(40), "under 30 megapixels"),
        (b"RIFF\x99\0\0\0WEBPVP8L" + bytes(4) + b"\x2f\xff\xff\xff\x0f" + bytes(40), "under 30 megapixels"),
        (b"RIFF\x99\0\0\0WEBPVP8 " + bytes(10) + b"\xff\x3f\xff\x3f" + bytes(40), "under 30 megapixels"),
    ],
)
def test_a_picture_that_announces_too_much_is_refused_before_it_is_decoded(
    tmp_path: Path, content: bytes, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image.Image, "load", None)
    (tmp_path / "bomb.png").write_bytes(content)
    with pytest.raises(InputError, match=words):
        read_picture(tmp_path / "bomb.png")


def test_a_large_jpeg_is_decoded_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.new("RGB", (1200, 900), (10, 200, 30)).save(tmp_path / "a.jpg")
    monkeypatch.setattr(module, "MAX_PIXELS", 100_000)
    read, size_px = read_picture(tmp_path / "a.jpg")
    assert (read.size, size_px) == ((300, 225), (1200, 900))
    monkeypatch.setattr(module, "_MAX_COEFFICIENT_BYTES", 100_000)
    with pytest.raises(InputError, match="1200 x 900 pixels in 3 colours: scale it"):
        read_picture(tmp_path / "a.jpg")


def test_strips_give_what_the_whole_picture_gives(portrait: Image.Image, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = portrait.convert("RGBA")
    seen.putalpha(portrait.convert("L"))
    deep = Image.fromarray(np.asarray(portrait.convert("L"), np.uint16) * 256)
    whole = [np.asarray(to_rgb(picture)) for picture in (seen, deep, portrait.convert("P"))]
    monkeypatch.setattr(module, "_STRIP_PIXELS", 1000)
    for before, picture in zip(whole, (seen, deep, portrait.convert("P")), strict=True):
        np.testing.assert_array_equal(np.asarray(to_rgb(picture)), before)


def test_a_larger_picture_is_scaled_down_by_a_whole_number(
    portrait: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_PIXELS", 3000)
    assert to_rgb(portrait).size == (60, 45)
    np.testing.assert_array_equal(np.asarray(to_rgb(portrait)), np.asarray(portrait.reduce(2)))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_is_put_upright(tmp_path: Path, portrait: Image.Image, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Pillow's number of the turn that a camera's owner made
    lying = portrait.transpose(Image.Transpose(undo[orientation])) if orientation > 1 else portrait
    lying.save(tmp_path / "a.png", exif=exif)
    read, size_px = read_picture(tmp_path / "a.png")
    assert size_px == portrait.size
    np.testing.assert_array_equal(np.asarray(read), np.asarray(portrait))


def test_no_pipe_or_device_is_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    for name in ("pipe.png", "zero.png"):
        with pytest.raises(InputError, match="is a pipe, a socket or a device"):
            read_picture(tmp_path / name)

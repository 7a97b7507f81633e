"""Portraits and landmark files that are damaged, mislabelled, or of somebody or something else."""

import io
import json
import zipfile
from collections.abc import Iterator

import numpy as np
from damage import damaged
from PIL import Image

from kfusion import assets

FORMATS = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP", "gif": "GIF", "bmp": "BMP", "tiff": "TIFF", "ppm": "PPM"}
MODES = ("1", "L", "LA", "P", "RGBA", "CMYK", "I;16", "F")
BOM = b"\xef\xbb\xbf"


def saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    """A picture as a file."""
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def pictures() -> Iterator[tuple[str, bytes]]:
    """The portrait in every format and mode, turned, cut, stretched; and what is no face."""
    portrait = Image.open(assets.SAMPLE_PORTRAIT).convert("RGB")
    for ending, kind in FORMATS.items():
        yield from damaged("portrait", ending, saved(portrait, kind))
    for mode in MODES:
        picture = portrait.convert("L").convert(mode) if mode in {"I;16", "F", "LA"} else portrait.convert(mode)
        yield f"mode-{mode.replace(';', '')}.tiff", saved(picture, "TIFF")
    width, height = portrait.size
    for degrees in (15, 45, 90, 135, 180, 270):
        yield f"turned-{degrees}.jpg", saved(portrait.rotate(degrees, expand=True), "JPEG")
    for share in (0.3, 0.5, 0.6, 0.7):
        yield f"cut-below-{share}.png", saved(portrait.crop((0, 0, width, int(share * height))), "PNG")
        yield f"cut-left-{share}.png", saved(portrait.crop((int((1 - share) * width), 0, width, height)), "PNG")
    for side in (1, 2, 16, 60):
        yield f"side-{side}.png", saved(portrait.resize((side, side)), "PNG")
    yield "far-away.png", saved(_on_ground(portrait.resize((120, 120)), (3000, 2000)), "PNG")
    yield "strip.png", saved(portrait.resize((4000, 3)), "PNG")
    yield "noise.png", saved(Image.fromarray(np.random.default_rng(0).integers(0, 256, (300, 300, 3), np.uint8)), "PNG")
    yield "plain.png", saved(Image.new("RGB", (256, 256), "gray"), "PNG")
    yield "two-frames.gif", saved(portrait, "GIF", save_all=True, append_images=[portrait.rotate(90)])
    bomb = Image.new("1", (30_000, 30_000))
    yield "bomb.png", saved(bomb, "PNG")
    yield (
        "postscript-called.jpg",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/tmp/pwned) (w) file closefile\n%%EOF\n",
    )
    yield "vector.svg", b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>"
    yield "empty.jpg", b""


def _on_ground(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    ground = Image.new("RGB", size, "darkgreen")
    ground.paste(picture, (size[0] * 2 // 3, size[1] // 2))
    return ground


def landmark_files() -> Iterator[tuple[str, bytes]]:
    """68 points as people write them, and as they should not."""
    points = np.load(assets.MEAN_FACE) * 100 + 128
    rows = "\n".join(f"{x:.2f},{y:.2f}" for x, y in points).encode()
    text = json.dumps(points.tolist()).encode()
    yield from damaged("points", "csv", rows)
    yield from damaged("points", "json", text)
    yield from damaged("points", "npy", _npy(points))
    yield from damaged("points", "npz", _npz(landmarks=points))
    yield "mark.csv", BOM + rows
    yield "mark.json", BOM + text
    yield "header.csv", b"x,y\n" + rows
    yield "semicolons.csv", rows.replace(b",", b";")
    yield "utf16.csv", rows.decode().encode("utf-16")
    yield "nul.csv", rows.replace(b"\n", b"\0\n", 3)
    yield "long-field.csv", b"1" * 300_000 + b"," + rows
    yield "deep.json", b"[" * 100_000
    yield "huge-number.json", text.replace(b"128", b"1e999", 1)
    yield "nan.json", text.replace(text.split(b",")[0], b"[[NaN", 1)
    yield "words.json", b'{"landmarks": "none"}'
    for name, changed in _wrong_points(points).items():
        yield f"{name}.npy", _npy(changed)
    yield "other-key.npz", _npz(points=points)
    yield "pickled.npy", _npy(np.array([{"a": 1}] * 68, object))
    yield "npz-called.npy", _npz(landmarks=points)
    yield "big-header.npy", b"\x93NUMPY\x01\0" + b"\xf0\xff" + b"{" * 65_520
    yield "announces-much.npy", _npy(points).replace(b"(68, 2)", b"(9999999999, 68, 2)")
    yield "zip-bomb.npz", _npz(landmarks=np.zeros((200_000, 68, 2)))


def _wrong_points(points: np.ndarray) -> dict[str, np.ndarray]:
    return {
        "small": points / 1e4,
        "large": points * 1e30,
        "upside-down": points * [1, -1],
        "mirrored": points * [-1, 1],
        "one-place": np.zeros((68, 2)),
        "one-line": points * [1, 0],
        "nan": np.where(np.arange(68)[:, None] == 3, np.nan, points),
        "three-columns": np.pad(points, ((0, 0), (0, 1))),
        "sixty-seven": points[:67],
        "complex": points.astype(complex),
        "words": points.astype(str),
        "no-frames": np.zeros((0, 68, 2)),
    }


def _npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def _npz(**arrays: np.ndarray) -> bytes:
    return _zip({f"{name}.npy": _npy(array) for name, array in arrays.items()})


def _zip(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)  # without the time of day
    return file.getvalue()

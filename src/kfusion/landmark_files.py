"""Arrays out of landmark files that people send: what is announced is checked before memory is taken for it."""

import csv
import json
import struct
import zipfile
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from kfusion.errors import InputError, foreign
from kfusion.files import check_file

FACE_SHAPE = (68, 2)
MAX_JSON_BYTES = 16 * 2**20
"""About seven minutes of landmarks at 30 frames a second; `.npz` has no such bound."""
MAX_ARRAY_BYTES = 256 * 2**20
"""Of an unpacked array, if its file is not large itself."""
_MAX_RATIO = 20
_MAX_TEXT_BYTES = 2**20
_MAX_MEMBERS = 100
_END, _END_64 = b"PK\x05\x06", b"PK\x06\x07"
_PLAIN = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ROWS = 70
"""One more than 68 rows under a header."""


def read_first_face(path: Path) -> NDArray[Any]:
    """What a landmark file holds for one face, of a sequence the first; not checked to be (68, 2).

    Raises:
        InputError: it is missing, damaged, of another kind, or announces more than landmarks need.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError(f"{path}: unknown landmark file type '{path.suffix}': use {', '.join(_READERS)}")
    check_file(path, "landmark file")
    with foreign(f"{path}: cannot read landmarks", "expected 68 rows of x, y"):
        points = reader(path)
    if points.ndim == 3 and not len(points):
        raise InputError(f"{path}: the landmark sequence holds 0 frames: pass at least one")
    return points[0] if points.ndim == 3 else points


def read_archive(path: Path, remedy: str = "pass a file that kfusion wrote") -> dict[str, NDArray[Any]]:
    """The arrays of an `.npz` file; `remedy` ends the error where it is something else.

    Raises:
        InputError: it is missing, damaged, or announces far more than its size can hold.
    """
    size = check_file(path, "landmark sequence")
    with foreign(f"{path}: not a landmark sequence", remedy):
        _check_members(path)
        with zipfile.ZipFile(path) as archive:
            total = sum(member.file_size for member in archive.infolist())
            if total > max(MAX_ARRAY_BYTES, _MAX_RATIO * size):
                raise ValueError(f"{size} bytes announce {total}")
            return {name.removesuffix(".npy"): _member(archive, name) for name in archive.namelist()}


def _member(archive: zipfile.ZipFile, name: str, first_only: bool = False) -> NDArray[Any]:
    member = archive.getinfo(name)
    if member.compress_type not in _PLAIN:
        raise ValueError(f"{name} is neither stored nor deflated")
    with archive.open(member) as file:
        return _array(file, member.file_size, first_only)


def _array(file: IO[bytes], size: int, first_only: bool) -> NDArray[Any]:
    """The array in NumPy's format of a file of `size` bytes, of a sequence of faces perhaps the first alone."""
    shape, by_columns, kind = _array_header(file)
    if kind.kind not in "fiubU" or kind.itemsize > _MAX_TEXT_BYTES:
        raise ValueError(f"holds values of type {kind}")
    count = int(np.prod([int(length) for length in shape], dtype=object))
    if not 0 <= count * kind.itemsize <= size or count > size:
        raise ValueError(f"{size} bytes announce values of shape {shape}")
    if first_only and len(shape) == 3 and count and not by_columns:
        shape, count = (1, *shape[1:]), count // shape[0]
    bytes_needed = count * kind.itemsize
    if first_only and bytes_needed > (MAX_ARRAY_BYTES if by_columns else _MAX_TEXT_BYTES):
        raise ValueError(f"holds values of shape {shape}")
    content = bytearray(bytes_needed)
    if _fill(file, memoryview(content)) < bytes_needed:
        raise ValueError("is cut short")
    return np.frombuffer(content, kind, count).reshape(shape, order="F" if by_columns else "C")


def _array_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(file)
    if version == (2, 0):
        return np.lib.format.read_array_header_2_0(file)
    raise ValueError(f"NumPy format {version}")


def _fill(file: IO[bytes], space: memoryview) -> int:
    done = 0
    while done < len(space) and (block := file.read(min(len(space) - done, 2**20))):
        space[done : done + len(block)] = block
        done += len(block)
    return done


def _check_members(path: Path) -> None:
    """Raises `ValueError` for more members than landmarks need: a list of them costs memory before one is read."""
    with path.open("rb") as file:
        start = max(0, file.seek(0, 2) - 2**16 - 22)
        file.seek(start)
        tail = file.read()
    end = tail.rfind(_END)
    if end < 0 or len(tail) < end + 22 or _END_64 in tail[max(0, end - 20) : end]:
        raise ValueError("not an .npz archive")
    (members,) = struct.unpack_from("<H", tail, end + 10)
    (listed,) = struct.unpack_from("<I", tail, end + 12)
    if members > _MAX_MEMBERS or listed > _MAX_TEXT_BYTES:
        raise ValueError(f"holds {members} arrays")


def _read_npy(path: Path) -> NDArray[Any]:
    with path.open("rb") as file:
        if file.read(4) == b"PK\x03\x04":
            raise TypeError("an .npz archive named .npy")
        file.seek(0)
        return _array(file, path.stat().st_size, first_only=True)


def _read_npz(path: Path) -> NDArray[Any]:
    _check_members(path)
    with zipfile.ZipFile(path) as archive:
        return _member(archive, "landmarks.npy", first_only=True)


def _read_json(path: Path) -> NDArray[Any]:
    with path.open("rb") as file:
        content = file.read(MAX_JSON_BYTES + 1)
    if len(content) > MAX_JSON_BYTES:
        raise ValueError(f"more than {MAX_JSON_BYTES >> 20} MB of JSON: save it as .npz")
    tree = json.loads(_text(content))
    return np.asarray(tree["landmarks"] if isinstance(tree, dict) else tree, dtype=np.float64)


def _read_csv(path: Path) -> NDArray[Any]:
    with path.open("rb") as file:
        text = _text(file.read(_MAX_TEXT_BYTES), errors="ignore")
    lines = [line for line in text.splitlines() if line.strip()]
    separator = next((mark for mark in ";\t" if lines and mark in lines[0]), ",")
    if separator != ",":
        lines = [line.replace(",", ".") for line in lines[:_ROWS]]  # where numbers have a decimal comma
    rows = list(islice(csv.reader(lines, delimiter=separator), _ROWS))
    if rows and rows[0][:2] == ["frame", "time_s"]:
        return np.asarray(rows[1:2], dtype=np.float64)[:, 2:].reshape(-1, *FACE_SHAPE)
    return np.asarray(rows if rows and _is_number(rows[0][0]) else rows[1:], dtype=np.float64)


def _text(content: bytes, errors: str = "strict") -> str:
    """Text in UTF-8, or in UTF-16 as a byte order mark says."""
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    return content.decode(encoding, errors)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


_READERS: dict[str, Callable[[Path], NDArray[Any]]] = {
    ".npy": _read_npy,
    ".npz": _read_npz,
    ".json": _read_json,
    ".csv": _read_csv,
}

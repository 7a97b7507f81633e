"""How many bytes a file says that it has, in the head of each container that says so."""

import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

UNKNOWN_SIZE = 0x7FFFF000
"""Programs that write a file into a pipe announce this size or more."""
_MAX_CHUNKS = 10_000
_SEGMENT = 0x18538067
_FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_PARTITION = bytes.fromhex("060e2b34020501010d01020101")


def announced_bytes(path: Path, size: int) -> int | None:
    """The size of the file by its own header, None where there is none, it was not known, or it makes no sense."""
    with path.open("rb") as file:
        start = file.read(64)
        read = next((announced for matches, announced in _SIZES if matches(start)), None)
        if read is None or len(start) < 64:
            return None
        file.seek(0)
        try:
            return read(file, size)
        except (
            struct.error,
            ValueError,
            OverflowError,
            OSError,
        ):  # ends early, or points too far
            return None


def _riff_bytes(file: BinaryIO, size: int) -> int | None:
    """A WAV's data, or the pieces of an AVI; the size of the whole is often left wrong by editors of tags."""
    kind = file.read(12)[8:]
    if kind == b"AVI ":
        file.seek(0)
        return _last_end(file, "<4sI", size)
    for name, length, content in _chunks(file, "<4sI"):
        if name == b"data":
            return content + length if 0 < length < UNKNOWN_SIZE else None
    return None


def _form_bytes(file: BinaryIO, size: int) -> int | None:
    file.seek(12)
    return _last_end(file, ">4sI", size)


def _caf_bytes(file: BinaryIO, size: int) -> int | None:
    file.seek(8)
    return _last_end(file, ">4sq", size, padded=False)


def _rm_bytes(file: BinaryIO, size: int) -> int | None:
    """RealMedia: every chunk's size counts its own head."""
    return _last_end(file, ">4sI", size, padded=False, own=8)


def _mov_bytes(file: BinaryIO, size: int) -> int | None:
    place = 0
    for _ in range(_MAX_CHUNKS):
        file.seek(place)
        head = file.read(16)
        if len(head) < 8:
            break
        length = struct.unpack(">I", head[:4])[0]
        if length == 1 and len(head) == 16:
            length = struct.unpack(">Q", head[8:])[0]
        if length < 8:
            return None
        place += length
    return place


def _w64_bytes(file: BinaryIO, size: int) -> int | None:
    file.seek(16)
    length: int = struct.unpack("<Q", file.read(8))[0]
    return length if length < 1 << 62 else None


def _au_bytes(file: BinaryIO, size: int) -> int | None:
    offset, length = struct.unpack(">II", file.read(12)[4:])
    return offset + length if length < UNKNOWN_SIZE else None


def _matroska_bytes(file: BinaryIO, size: int) -> int | None:
    """The end of the segment, which holds everything after the head."""
    for _ in range(8):
        kind = _ebml_number(file, keep_mark=True)
        length = _ebml_number(file)
        if kind is None or length is None:
            return None
        if kind == _SEGMENT:
            return file.tell() + length
        file.seek(length, 1)
    return None


def _ebml_number(file: BinaryIO, keep_mark: bool = False) -> int | None:
    """A number of EBML; None at the end of the file and for a size that is not known."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    width = 9 - first[0].bit_length()
    content = first + file.read(width - 1)
    value = int.from_bytes(content, "big")
    plain = value & (1 << 7 * width) - 1
    if keep_mark:
        return value
    return None if plain == (1 << 7 * width) - 1 else plain


def _asf_bytes(file: BinaryIO, size: int) -> int | None:
    start = file.read(1 << 16)
    place = start.find(_FILE_PROPERTIES)
    if place < 0 or len(start) < place + 92:
        return None
    flags: int = struct.unpack_from("<I", start, place + 88)[0]
    length: int = struct.unpack_from("<Q", start, place + 40)[0]
    return None if flags & 1 else length


def _flv_bytes(file: BinaryIO, size: int) -> int | None:
    start = file.read(4096)
    place = start.find(b"filesize\0")
    return int(struct.unpack_from(">d", start, place + 9)[0]) if 0 <= place < len(start) - 17 else None


def _mxf_bytes(file: BinaryIO, size: int) -> int | None:
    """Where the last part, the footer, begins."""
    start = file.read(1 << 16)
    place = start.find(_PARTITION)
    if place < 0 or len(start) < place + 52:
        return None
    width = start[place + 16]
    value = place + 17 + (width & 0x7F if width & 0x80 else 0)
    footer: int = struct.unpack_from(">Q", start, value + 24)[0]
    return footer + 1 if footer else None


def _last_end(file: BinaryIO, form: str, size: int, *, padded: bool = True, own: int = 0) -> int | None:
    """The end of the last chunk, where all the sizes are known."""
    end = None
    for _, length, content in _chunks(file, form, padded=padded, own=own):
        if not 0 < length + own < UNKNOWN_SIZE:
            return None
        end = content + length
    return end


def _chunks(file: BinaryIO, form: str, *, padded: bool = True, own: int = 0) -> Iterator[tuple[bytes, int, int]]:
    """Name, size and first byte of the chunks that follow each other; `own` bytes of a size are its head."""
    width = struct.calcsize(form)
    for _ in range(_MAX_CHUNKS):
        head = file.read(width)
        if len(head) < width:
            return
        name, length = struct.unpack(form, head)
        content = file.tell()
        yield name, length - own, content
        if length < own:
            return
        file.seek(content + length - own + (length % 2 if padded else 0))


_MOV_BOXES = {b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp", b"moof", b"sidx"}
_SIZES: tuple[tuple[Callable[[bytes], bool], Callable[[BinaryIO, int], int | None]], ...] = (
    (lambda start: start[:4] == b"RIFF", _riff_bytes),
    (lambda start: start[:4] == b"riff", _w64_bytes),
    (lambda start: start[:4] == b"FORM", _form_bytes),
    (lambda start: start[:4] == b".snd" and len(start) >= 12, _au_bytes),
    (lambda start: start[:4] == b"caff", _caf_bytes),
    (lambda start: start[:4] == b".RMF", _rm_bytes),
    (lambda start: start[:4] == b"\x1aE\xdf\xa3", _matroska_bytes),
    (lambda start: start[:4] == b"\x30\x26\xb2\x75", _asf_bytes),
    (lambda start: start[:3] == b"FLV", _flv_bytes),
    (lambda start: start[:13] == _PARTITION, _mxf_bytes),
    (lambda start: start[4:8] in _MOV_BOXES, _mov_bytes),
)

"""What a file announces of itself: how many bytes, how many seconds, which codec.

FFmpeg reads a file that was cut short as far as it goes, and often takes its length from what is left. Formats that
begin with their own size tell a cut to the byte: WAV, W64, AIFF, AU, CAF, AVI, MP4, Matroska, ASF, FLV, MXF and
RealMedia. FLAC, TTA, WavPack, MP3 with a Xing header and Matroska tell it by their length in seconds. Programs that
write into a pipe cannot know the size and put a mark there, which is respected.

MPEG program and transport streams, raw AAC, AC-3, AMR and MP3 without a Xing header, and Ogg announce nothing: a cut
can be seen only where it falls into a packet, and a cut between two packets cannot be known.
"""

import re
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from kfusion.errors import InputError

TRUNCATED_S = 0.25
"""A track may end this much before the end that its file announces."""
SLACK_BYTES = 64
"""Of what programs count wrong: the padding of the last chunk, or a head that is counted twice."""
UNKNOWN_SIZE = 0x7FFFF000
"""Programs that write a file into a pipe announce this size or more."""
_START_BYTES = 1 << 20
_MP3_HEAD_BYTES = 4096
_OGG_PAGE_BYTES = 65_307
_MAX_CHUNKS = 10_000
_SEGMENT = 0x18538067
_FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_PARTITION = bytes.fromhex("060e2b34020501010d01020101")
_CODEC_PLACES = (
    re.compile(rb"WAVE.{0,4096}?fmt .{4}(?P<tag>..)", re.DOTALL),
    re.compile(rb"strf.{4}(?P<tag>..)", re.DOTALL),
    re.compile(rb"stsd.{12}(?P<name>[ -~]{4})", re.DOTALL),
    re.compile(rb"(?P<name>[AV]_[A-Z0-9][A-Z0-9/_]{1,30})"),
)


def check_end(path: Path, container: Any, stream: Any, end_s: float) -> bool:
    """Whether the file holds all that it announces, but for less than a quarter of a second.

    Args:
        path: the file.
        container: the same, opened by FFmpeg.
        stream: a track of it that was read to its end.
        end_s: its last time stamp, 0 where nothing was decoded.

    Raises:
        InputError: more is missing.
    """
    start_s = float(stream.start_time * stream.time_base) if stream.start_time else 0.0
    size = path.stat().st_size
    announced = announced_bytes(path, size) or 0
    if end_s <= 0 or (end_s - start_s) * (announced - size) / size > TRUNCATED_S:
        check_size(path, size)
    announced_s = _announced_end_s(path, container, stream)
    if announced_s is not None and announced_s - end_s > TRUNCATED_S:
        raise InputError(
            f"{path}: is truncated: it announces {announced_s:.2f} s and holds {end_s:.2f} s: copy or export it again"
        )
    return announced <= size + SLACK_BYTES and not (container.format.name == "ogg" and _ogg_is_cut(path, size))


def check_size(path: Path, size: int) -> None:
    """Raises `InputError` if the file announces more bytes than it holds."""
    announced = announced_bytes(path, size)
    if announced is not None and announced > size + SLACK_BYTES:
        raise InputError(
            f"{path}: is truncated: it announces {announced} bytes and holds {size}: copy or export it again"
        )


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


def codec_name(path: Path) -> str:
    """What the file calls the codec of its first track."""
    with path.open("rb") as file:
        content = file.read(_START_BYTES)
        if b"stsd" not in content:  # the index of an MP4 may stand at the end
            file.seek(max(0, path.stat().st_size - _START_BYTES))
            content += file.read()
    for place in _CODEC_PLACES:
        if found := place.search(content):
            parts = found.groupdict()
            return f"'{parts['name'].decode()}'" if "name" in parts else f"0x{parts['tag'][::-1].hex()}"
    return "something unknown"


def _announced_end_s(path: Path, container: Any, stream: Any) -> float | None:
    """The end of the track by the file's own header, or None where FFmpeg only estimates it from the file size."""
    names = set(container.format.name.split(","))
    if "matroska" in names:
        return _matroska_end_s(container, stream)
    if "mp3" in names and not _has_mp3_length(path):
        return None
    if names & {"mov", "flac", "mp3", "tta", "wv", "ape", "rm", "mxf", "caf"} and stream.duration is not None:
        return float((stream.duration + (stream.start_time or 0)) * stream.time_base)
    return None


def _matroska_end_s(container: Any, stream: Any) -> float | None:
    """The end by the statistics of the track; where it is the only one, by the length of the whole file."""
    end_s = next((seconds(text) for name, text in stream.metadata.items() if name.startswith("DURATION")), None)
    if end_s is None and len(container.streams) == 1 and container.duration:
        return float(container.duration) / 1e6
    return end_s


def seconds(text: str) -> float | None:
    """Seconds of a time like `00:00:04.003000000`."""
    try:
        hours, minutes, rest = text.split(":")
        return int(hours) * 3600 + int(minutes) * 60 + float(rest)
    except ValueError:
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


def _ogg_is_cut(path: Path, size: int) -> bool:
    """Whether the last page is not whole, or not marked as the last."""
    with path.open("rb") as file:
        file.seek(max(0, size - 2 * _OGG_PAGE_BYTES))
        content = file.read()
    page = content.rfind(b"OggS")
    if page < 0 or len(content) < page + 27:
        return True
    segments = content[page + 27 : page + 27 + content[page + 26]]
    whole = page + 27 + content[page + 26] + sum(segments) <= len(content)
    return not (whole and content[page + 5] & 4)


def _has_mp3_length(path: Path) -> bool:
    """Whether the first MPEG frame holds the number of frames (a Xing or Info header)."""
    with path.open("rb") as file:
        head = file.read(10)
        if head[:3] == b"ID3" and len(head) == 10:
            size = sum((byte & 0x7F) << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True))
            file.seek(10 + size)
        else:
            file.seek(0)
        start = file.read(_MP3_HEAD_BYTES)
    return b"Xing" in start or b"Info" in start


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

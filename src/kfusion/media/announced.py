"""What a file announces of itself: how many bytes, how many seconds, which codec.

FFmpeg reads a file that was cut short as far as it goes, and often takes its length from what is left. Formats that
begin with their own size tell a cut to the byte: WAV, W64, AIFF, AU, CAF, AVI, MP4, Matroska, ASF, FLV, MXF and
RealMedia. FLAC, TTA, WavPack, MP3 with a Xing header and Matroska tell it by their length in seconds. Programs that
write into a pipe cannot know the size and put a mark there, which is respected.

MPEG program and transport streams, raw AAC, AC-3, AMR and MP3 without a Xing header, and Ogg announce nothing: a cut
can be seen only where it falls into a packet, and a cut between two packets cannot be known.
"""

import re
from pathlib import Path
from typing import Any, Literal

from kfusion.errors import InputError
from kfusion.media.sizes import announced_bytes

TRUNCATED_S = 0.25
"""A track may end this much before the end that its file announces."""
SLACK_BYTES = 64
"""Of what programs count wrong: the padding of the last chunk, or a head that is counted twice."""
_START_BYTES = 1 << 20
_MP3_HEAD_BYTES = 4096
_OGG_PAGE_BYTES = 65_307
_CODEC_PLACES = {
    "audio": (
        re.compile(rb"WAVE.{0,4096}?fmt .{4}(?P<tag>..)", re.DOTALL),
        re.compile(rb"auds.{0,512}?strf.{4}(?P<tag>..)", re.DOTALL),
        re.compile(rb"soun.{0,4096}?stsd.{12}(?P<name>[ -~]{4})", re.DOTALL),
        re.compile(rb"(?P<name>A_[A-Z0-9][A-Z0-9/_]{1,30})"),
    ),
    "video": (
        re.compile(rb"vids(?P<name>[ -~]{4})", re.DOTALL),
        re.compile(rb"vide.{0,4096}?stsd.{12}(?P<name>[ -~]{4})", re.DOTALL),
        re.compile(rb"(?P<name>V_[A-Z0-9][A-Z0-9/_]{1,30})"),
    ),
}


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


def codec_name(path: Path, kind: Literal["audio", "video"], place: int) -> str:
    """What the file calls the codec of one of its tracks of `kind`, counted from 0."""
    with path.open("rb") as file:
        content = file.read(_START_BYTES)
        if b"stsd" not in content:  # the index of an MP4 may stand at the end
            file.seek(max(0, path.stat().st_size - _START_BYTES))
            content += file.read()
    for pattern in _CODEC_PLACES[kind]:
        if found := [match.groupdict() for match in pattern.finditer(content)]:
            named = found[min(place, len(found) - 1)]
            return f"'{named['name'].decode()}'" if "name" in named else f"0x{named['tag'][::-1].hex()}"
    return "something unknown"


def _announced_end_s(path: Path, container: Any, stream: Any) -> float | None:
    """The end of the track by the file's own header, or None where FFmpeg only estimates it from the file size."""
    names = set(container.format.name.split(","))
    if "matroska" in names:
        return _matroska_end_s(container, stream)
    if "mp3" in names and not _has_mp3_length(path):
        return None
    if names & {"mov", "flac", "mp3", "tta", "wv", "ape", "mxf", "caf"} and stream.duration is not None:
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

"""Opening sound and video files through FFmpeg, so that every file that cannot be used is an `InputError`."""

import logging
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

import av

from kfusion.errors import InputError

log = logging.getLogger(__name__)

Kind = Literal["audio", "video"]
_MISSING: dict[Kind, str] = {"audio": "recording", "video": "video"}
_TRACK: dict[Kind, str] = {
    "audio": "has no audio track: pass a recording with sound",
    "video": "has no video track: pass a video of a talking face",
}
_CONTENT: dict[Kind, str] = {"audio": "sound", "video": "video"}
_TRUNCATED_S = 0.25
"""A track may end this much before the end that its file announces."""
_UNKNOWN_SIZE = 0x7FFFF000
"""Programs that write a WAV into a pipe announce this size or more."""
_MP3_HEAD_BYTES = 4096
_DAMAGED_PACKETS, _DAMAGED_SHARE = 3, 0.01


CONTAINERS = (
    "3gp,aac,ac3,aiff,amr,amrnb,amrwb,ape,asf,au,avi,caf,dts,eac3,flac,flv,matroska,mov,mp3,mpc,mpc8,mpeg,mpegts,mxf,"
    "ogg,rm,truehd,tta,voc,w64,wav,webm,wv"
)
"""FFmpeg's names of the containers that hold their own sound. Playlists, which FFmpeg reads too, name other files."""
# Tags may be in any encoding; PyAV 19 reads them all, and before it had to be told to.
_ANY_TAGS: dict[str, Any] = {} if int(av.__version__.split(".")[0]) >= 19 else {"metadata_errors": "ignore"}


def open_container(path: Path) -> Any:
    """A file of one of `CONTAINERS`, opened by FFmpeg; nothing but this file is opened.

    Raises:
        Exception: whatever PyAV raises; wrap it with `kfusion.errors.foreign`.
    """
    limits = {"format_whitelist": CONTAINERS, "protocol_whitelist": "file"}
    # An absolute path, because FFmpeg takes what stands before a colon for a protocol.
    return av.open(str(path.absolute()), container_options=limits, **_ANY_TAGS)


@contextmanager
def open_media(path: Path, kind: Kind) -> Iterator[tuple[Any, Any]]:
    """The opened file and its first track of `kind`.

    Raises:
        InputError: the file is missing, a folder, empty, damaged, or has no such track; this also
            holds for what FFmpeg cannot decode while the block runs.
    """
    if path.is_dir():
        raise InputError(f"{path}: is a folder: pass one {_MISSING[kind]}")
    if not path.is_file():
        raise InputError(f"{path}: no such {_MISSING[kind]}: check the path")
    if path.stat().st_size == 0:
        raise InputError(f"{path}: the file is empty (0 bytes): record or export it again")
    try:
        with open_container(path) as container:
            tracks = [stream for stream in container.streams if stream.type == kind]
            if not tracks:
                raise InputError(f"{path}: {_TRACK[kind]}")
            if tracks[0].codec_context is None:
                raise InputError(f"{path}: no decoder for its {_CONTENT[kind]}: export it as WAV, FLAC, MP3 or MP4")
            yield container, tracks[0]
    except (av.error.FFmpegError, EOFError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise InputError(
            f"{path}: cannot decode the {_CONTENT[kind]} ({reason}): damaged, truncated or of an unknown kind: "
            "copy or export it again"
        ) from error


@dataclass(slots=True)
class Damage:
    """How many packets of a track could not be decoded."""

    packets: int = 0
    damaged: int = 0

    def note(self, path: Path) -> None:
        """Tell the user, if there was any."""
        if self.damaged:
            log.warning("%s: %d of %d packets are damaged and left out", path, self.damaged, self.packets)


def frames_past_damage(container: Any, stream: Any, damage: Damage) -> Iterator[Any]:
    """The decoded frames of a track without those of a few damaged packets, which joined or old files often have.

    Raises:
        av.error.InvalidDataError: more than 3 packets and 1 % of all are damaged.
    """
    for packet in container.demux(stream):
        damage.packets += 1
        try:
            yield from packet.decode()
        except av.error.InvalidDataError:
            damage.damaged += 1
            if damage.damaged > _DAMAGED_PACKETS + _DAMAGED_SHARE * damage.packets:
                raise


def check_end(path: Path, container: Any, stream: Any, end_s: float) -> None:
    """Raises `InputError` if the track's last time stamp `end_s` lies before the end that the file announces."""
    announced_s = _announced_end_s(path, container, stream, end_s)
    if announced_s is not None and announced_s - end_s > _TRUNCATED_S:
        raise InputError(
            f"{path}: is truncated: it announces {announced_s:.2f} s and holds {end_s:.2f} s: copy or export it again"
        )


def _announced_end_s(path: Path, container: Any, stream: Any, end_s: float) -> float | None:
    """The end of the track by the file's own header, or None where FFmpeg only estimates it from the file size."""
    names = set(container.format.name.split(","))
    if "wav" in names:
        return _wav_end_s(path, end_s)
    if "matroska" in names:
        return _seconds(stream.metadata.get("DURATION", ""))
    if "mp3" in names and not _has_mp3_length(path):
        return None
    if names & {"mov", "flac", "mp3"} and stream.duration is not None:
        return float((stream.duration + (stream.start_time or 0)) * stream.time_base)
    return None


def _seconds(text: str) -> float | None:
    """Seconds of a time like `00:00:04.003000000`."""
    try:
        hours, minutes, seconds = text.split(":")
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    except ValueError:
        return None


def _wav_end_s(path: Path, end_s: float) -> float | None:
    """The end that a WAV's header announces; FFmpeg itself cuts that to the size of the file."""
    with path.open("rb") as file:
        if file.read(4) != b"RIFF":
            return None
        file.seek(12)
        for name, size in _wav_chunks(file):
            if name == b"data":
                held = path.stat().st_size - file.tell()
                return end_s * size / held if 0 < held < size < _UNKNOWN_SIZE else None
    return None


def _wav_chunks(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Name and size of every chunk, the file standing at its content."""
    while len(head := file.read(8)) == 8:
        name, size = struct.unpack("<4sI", head)
        content = file.tell()
        yield name, size
        file.seek(content + size + size % 2)


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

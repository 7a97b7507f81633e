"""The decoded frames of a track, within bounds: what may be damaged, and what a packet must bring."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from kfusion.errors import InputError
from kfusion.media.announced import check_end
from kfusion.media.opening import CONTENT, FFmpeg, Media, Note, check_sound, tracks

_DAMAGED_PACKETS, _DAMAGED_SHARE = 3, 0.01
MAX_PACKETS_PER_S = 4_000
"""Of a track; the shortest packets that are in use last 2.5 ms."""
_FREE_PACKETS = 20_000
_MAX_OTHER_PACKETS = 1_000_000
_MAX_VALUES = 1 << 24
"""Samples of all channels in one packet, before and after it is resampled to 16 kHz."""
_OUT_RATE_HZ = 16_000
_AC3_KBIT_PER_S = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640)
_AC3_RATES_HZ = (48_000, 44_100, 32_000)
_MPEG_1 = (
    (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
)
_MPEG_2 = (
    (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    *((8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),) * 2,
)
_MPEG_RATES_HZ = (44_100, 48_000, 32_000)


@dataclass(slots=True)
class Frames:
    """Reads the frames of a track once, without those of a few damaged packets, which joined or old files have."""

    media: Media
    packets: int = 0
    """Of the track."""
    others: int = 0
    """Of the other tracks of the file, which come along."""
    damaged: int = 0
    heard_s: float = 0.0
    """Length of the sound that was decoded."""
    end_s: float = 0.0
    """Time stamp at which the track was last heard or seen."""
    broken_end: bool = False
    """The last packet is not whole."""
    picture_s: float | None = None
    """Time stamp of the first picture that came along before the sound."""
    _decoding: FFmpeg = field(init=False)
    _pictures: set[int] = field(init=False)

    def __post_init__(self) -> None:
        self._pictures = {stream.index for stream in tracks(self.media.container, "video")}
        self._decoding = self.media.decoding

    def __iter__(self) -> Iterator[Any]:
        """The frames, in the order of the file.

        Raises:
            InputError: the file is damaged, has more packets than sound, or breaks off before the end that it
                announces.
        """
        index = self.media.stream.index
        for packet in self._demux():
            if packet.stream.index != index:
                self._pass(packet)
                continue
            self.packets += 1
            self._check_count(self.packets, _FREE_PACKETS)
            for frame in self._decode(packet):
                self._measure(frame)
                yield frame
        if not check_end(self.media.path, self.media.container, self.media.stream, self.end_s):
            self.broken_end = True

    def tell(self, note: Note) -> None:
        """Tell the user what is not whole."""
        if self.damaged:
            note("%s: %d of %d packets are damaged and left out", self.media.path, self.damaged, self.packets)
        if self.broken_end:
            note("%s: breaks off before its end: what came after is missing", self.media.path)

    def _demux(self) -> Iterator[Any]:
        with self.media.decoding:
            yield from self.media.container.demux()

    def _pass(self, packet: Any) -> None:
        """Count a packet of another track."""
        self.others += 1
        self._check_count(self.others, _MAX_OTHER_PACKETS)
        if self.picture_s is None and packet.pts is not None and packet.stream.index in self._pictures:
            self.picture_s = float(packet.pts * packet.time_base)

    def _decode(self, packet: Any) -> list[Any]:
        try:
            with self._decoding:
                frames = packet.decode()
        except InputError:
            if not packet.size:  # what FFmpeg adds at the end, without sound
                return []
            self.damaged += 1
            allowed = _DAMAGED_PACKETS + _DAMAGED_SHARE * self.packets if self.media.kind == "audio" else 0
            if self.damaged > allowed:
                raise
            self.broken_end = True
            return []
        if packet.size:
            self.broken_end = _is_cut(self.media.stream.codec_context.name, packet)
        return list(frames)

    def _measure(self, frame: Any) -> None:
        if self.media.kind == "video":
            if frame.time is not None:
                self.end_s = float(frame.time) + float((frame.duration or 0) * (frame.time_base or 0))
            return
        rate_hz, channels = frame.sample_rate, frame.layout.nb_channels
        check_sound(self.media.path, rate_hz, channels)
        duration_s = frame.samples / rate_hz
        if max(frame.samples, duration_s * _OUT_RATE_HZ) * channels > _MAX_VALUES:
            raise InputError(
                f"{self.media.path}: a single packet holds {frame.samples} samples of {channels} channels "
                f"({duration_s:.0f} s): export it again, as WAV or FLAC"
            )
        self.heard_s += duration_s
        self.end_s = (self.end_s if frame.time is None else float(frame.time)) + duration_s

    def _check_count(self, packets: int, free: int) -> None:
        shown_s = self.end_s if self.media.kind == "video" else self.heard_s
        if packets > free + MAX_PACKETS_PER_S * shown_s:
            raise InputError(
                f"{self.media.path}: {packets} packets hold {shown_s:.2f} s of {CONTENT[self.media.kind]}: up to "
                f"{MAX_PACKETS_PER_S} a second are read: damaged or made to do harm: export it again"
            )


def _is_cut(codec: str, packet: Any) -> bool:
    """Whether a packet is shorter than it should be, by its own head or by FFmpeg, which cannot know of raw samples."""
    if codec.startswith("pcm_"):
        return False
    if codec.startswith(("mp1", "mp2", "mp3")):
        wanted = _mpeg_bytes(bytes(packet)[:4])
    elif codec == "ac3":
        wanted = _ac3_bytes(bytes(packet)[:6])
    else:
        wanted = None
    return bool(packet.is_corrupt) or (wanted is not None and packet.size < wanted)


def _mpeg_bytes(head: bytes) -> int | None:
    """The size of a frame of MPEG audio (ISO 11172-3, 13818-3) by its head."""
    if len(head) < 4 or head[0] != 0xFF or head[1] < 0xE0:
        return None
    version, layer = head[1] >> 3 & 3, 4 - (head[1] >> 1 & 3)
    rate, kbit = head[2] >> 2 & 3, head[2] >> 4
    if layer == 4 or version == 1 or rate == 3 or not 0 < kbit < 15:
        return None
    bits_per_s = 1000 * (_MPEG_1 if version == 3 else _MPEG_2)[layer - 1][kbit - 1]
    rate_hz = _MPEG_RATES_HZ[rate] >> {3: 0, 2: 1, 0: 2}[version]
    padding = head[2] >> 1 & 1
    if layer == 1:
        return (12 * bits_per_s // rate_hz + padding) * 4
    halved = layer == 3 and version != 3
    return (72 if halved else 144) * bits_per_s // rate_hz + padding


def _ac3_bytes(head: bytes) -> int | None:
    """The size of a frame of AC-3 (ATSC A/52, table 5.18) by its head."""
    if len(head) < 6 or struct.unpack(">H", head[:2])[0] != 0x0B77:
        return None
    rate, code = head[4] >> 6, head[4] & 63
    if rate == 3 or code >= 2 * len(_AC3_KBIT_PER_S) or head[5] >> 3 > 8:
        return None
    words = _AC3_KBIT_PER_S[code >> 1] * 96_000 // _AC3_RATES_HZ[rate]
    return 2 * (words + (code & 1 if rate == 1 else 0))

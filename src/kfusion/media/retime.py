"""A copy of a video with its sound moved: pictures packet by packet, sound sample by sample.

Time stamps alone do not move sound for every player: in an MP4 a track that begins late or early is told by an edit
list, which some players pass over. So the sound begins at 0 here, with as much silence or as much less sound as it
takes, and what the encoder puts before it (21 ms of AAC) is counted in. Nothing is left for an edit list to say, and
none is written.
"""

from collections.abc import Iterator
from fractions import Fraction
from heapq import merge
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final

import av
import numpy as np

from kfusion.errors import OutputError
from kfusion.files import atomic_path
from kfusion.media.channels import Channels
from kfusion.media.clock import Clock
from kfusion.media.holes import Holes
from kfusion.media.opening import FFmpeg, Media, open_container, open_media, tracks
from kfusion.media.packets import Frames

_WITHOUT_EDIT_LIST: Final = {ending: {"use_editlist": "0"} for ending in (".mp4", ".mov", ".m4v", ".3gp")}
_LEAST_BITS_PER_S = 128_000
_FALLBACKS = ("aac", "libopus", "libmp3lame", "mp2", "flac", "pcm_s16le")
_NAMED = {1: "mono", 2: "stereo"}
"""Layouts by their channels: those of old files have no names."""
_TRIAL_S = 0.5
_BLOCK = 4096
_HEAD_PACKETS = 32


def move_sound(source: Path, target: Path, late_ms: float) -> Path:
    """Write a copy of the video `source` to `target`, whole or not at all, with its sound `late_ms` earlier.

    Pictures and subtitles are copied as they are; every sound track is moved and coded anew, with its own codec where
    there is an encoder for it.

    Raises:
        InputError: the video cannot be read.
        OutputError: `target` is there already, cannot be written, or no such file can hold these tracks.
    """
    if target.exists():
        raise OutputError(f"{target}: is there already: move it away, or pass another -o")
    with atomic_path(target) as part, open_container(source, "video") as container:
        try:
            with av.open(str(part), "w", container_options=_WITHOUT_EDIT_LIST.get(part.suffix.lower(), {})) as output:
                for packet in _packets(source, container, output, Fraction(late_ms) / 1000):
                    output.mux(packet)
        except (av.error.FFmpegError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise OutputError(f"{target}: cannot be written ({reason}): pass -o with a name like OUT.mkv") from error
    return target


def _packets(source: Path, container: Any, output: Any, late_s: Fraction) -> Iterator[Any]:
    """The packets of all tracks, in the order of their times."""
    output.metadata.update(container.metadata)
    pictures = tracks(container, "video")
    copied = [stream for stream in container.streams if stream in pictures or stream.type == "subtitle"]
    places = {stream.index: output.add_stream_from_template(stream, opaque=True) for stream in copied}
    voices = [_Voice(source, place + 1, output) for place in range(len(tracks(container, "audio")))]
    demuxed = _whole_packets(source, container.demux(copied))
    first = next(demuxed)
    shift_s = -first.dts * first.time_base  # without an edit list a track of an MP4 begins at 0

    def moved() -> Iterator[Any]:
        for packet in (first, *demuxed):
            ticks = round(shift_s / packet.time_base)
            packet.pts, packet.dts, packet.stream = packet.pts + ticks, packet.dts + ticks, places[packet.stream.index]
            yield packet

    sounds = (voice.packets(late_s - shift_s) for voice in voices)
    yield from merge(moved(), *sounds, key=lambda packet: packet.dts * packet.time_base)


def _whole_packets(source: Path, demuxed: Iterator[Any]) -> Iterator[Any]:
    """The packets that hold something, each with both time stamps, those of decoding in rising order."""

    def whole() -> Iterator[Any]:
        while True:
            with FFmpeg(source, "video"):
                packet = next(demuxed, None)
            if packet is None:
                return
            if packet.size:  # FFmpeg adds empty ones at the end
                yield packet

    packets, last = whole(), dict[int, int]()
    head = [*islice(packets, _HEAD_PACKETS)]
    _stamp_head(head)
    for packet in chain(head, packets):
        index = packet.stream.index
        known = last.get(index, 0) if packet.dts is None else packet.dts
        packet.dts = max(known, last.get(index, known - 1) + 1)
        packet.pts = packet.dts if packet.pts is None else max(packet.pts, packet.dts)
        last[index] = packet.dts
        yield packet


def _stamp_head(head: list[Any]) -> None:
    """Gives the first packets the decoding stamps that containers leave out or give twice, back from those after."""
    after: dict[int, int] = {}
    for packet in reversed(head):
        following = after.get(packet.stream.index)
        if following is not None and (packet.dts is None or packet.dts >= following):
            packet.dts = following - (packet.duration or 1)
        if packet.dts is not None:
            after[packet.stream.index] = packet.dts


class _Voice:
    """A sound track on its way from one file into another.

    Raises:
        OutputError: the other holds no sound that can be encoded here.
    """

    def __init__(self, source: Path, track: int, output: Any) -> None:
        self._source, self._track = source, track
        with open_media(source, "audio", track) as media:
            layout = media.stream.codec_context.layout
            self._layout = _NAMED.get(layout.nb_channels, layout.name)
            self._stream, self._priming = self._join(output, media)
        self._rate_hz = self._stream.codec_context.sample_rate

    def _join(self, output: Any, media: Media) -> tuple[Any, int]:
        """The track in the other file, and how many samples its encoder puts before the first."""
        source = media.stream.codec_context
        for codec in dict.fromkeys((source.name, output.default_audio_codec, *_FALLBACKS)):
            try:
                rates = av.codec.Codec(codec, "w").audio_rates
                rate_hz = source.sample_rate if not rates or source.sample_rate in rates else max(rates)
                bits_per_s = max(_LEAST_BITS_PER_S, media.stream.bit_rate or 0)
                priming = self._trial(codec, rate_hz, bits_per_s)
                stream = output.add_stream(codec, rate=rate_hz, layout=self._layout)
            except (av.error.FFmpegError, ValueError):
                continue
            stream.bit_rate = bits_per_s
            stream.metadata.update(media.stream.metadata)
            return stream, priming
        raise OutputError(
            f"{media.path}: its sound cannot be written into such a file: pass -o with a name like OUT.mkv"
        )

    def _trial(self, codec: str, rate_hz: int, bits_per_s: int) -> int:
        """How many samples an encoder puts first, by its first packets."""
        trial: Any = av.CodecContext.create(codec, "w")
        trial.sample_rate, trial.layout, trial.bit_rate = rate_hz, self._layout, bits_per_s
        trial.format, trial.time_base = trial.codec.audio_formats[0], Fraction(1, rate_hz)
        silence = np.zeros((round(_TRIAL_S * rate_hz), trial.layout.nb_channels), np.float32)
        packets = [*trial.encode(self._frame(silence, 0, rate_hz)), *trial.encode(None)]
        return int(-min(packet.pts for packet in packets))

    def packets(self, start_s: Fraction) -> Iterator[Any]:
        """The track coded anew: what stood at the time stamp `start_s` of the source stands at 0."""
        place = self._priming
        for block in self._samples(float(start_s + Fraction(place, self._rate_hz))):
            yield from self._stream.encode(self._frame(block, place, self._rate_hz))
            place += len(block)
        yield from self._stream.encode(None)

    def _samples(self, start_s: float) -> Iterator[Channels]:
        """The samples (N, channels) from a time stamp of the source on, silence where there are none."""
        skip = 0
        for block, cut in self._timed(start_s):
            skip += cut
            kept = block[min(skip, len(block)) :]
            skip -= len(block) - len(kept)
            if len(kept):
                yield kept

    def _timed(self, start_s: float) -> Iterator[tuple[Channels, int]]:
        """Blocks of samples, and how many are to be cut from there on."""
        channels = av.AudioLayout(self._layout).nb_channels
        resampler: Any = av.AudioResampler(format="flt", layout=self._layout, rate=self._rate_hz)
        with open_media(self._source, "audio", self._track) as media:
            clock = Clock(Holes(self._source, "sound"), start_s)
            for frame in Frames(media):
                gap = round(clock(frame) * self._rate_hz)
                for start in range(0, gap, _BLOCK):
                    yield np.zeros((min(_BLOCK, gap - start), channels), np.float32), 0
                with media.decoding:
                    pieces = resampler.resample(frame)
                cut = max(0, -gap)
                for piece in pieces:
                    yield piece.to_ndarray().reshape(-1, channels), cut
                    cut = 0
            for piece in resampler.resample(None):
                yield piece.to_ndarray().reshape(-1, channels), 0

    def _frame(self, samples: Channels, place: int, rate_hz: int) -> Any:
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="flt", layout=self._layout)
        frame.sample_rate, frame.pts, frame.time_base = rate_hz, place, Fraction(1, rate_hz)
        return frame

"""Recordings that are damaged, mislabelled, announce what they do not hold, or hold what no voice is."""

import io
import struct
import sys
from collections.abc import Iterator
from fractions import Fraction

import av
import numpy as np
from damage import damaged

from kfusion import assets
from kfusion.audio import SAMPLE_RATE_HZ, read_audio

DURATION_S = 1.5
BITS_PER_S = 64_000
CODECS = {
    "wav": ("wav", "pcm_s16le"),
    "flac": ("flac", "flac"),
    "mp3": ("mp3", "mp3"),
    "m4a": ("mp4", "aac"),
    "aac": ("adts", "aac"),
    "opus": ("ogg", "libopus"),
    "webm": ("webm", "libopus"),
    "mka": ("matroska", "aac"),
    "avi": ("avi", "mp3"),
    "ts": ("mpegts", "aac"),
    "aiff": ("aiff", "pcm_s16be"),
    "au": ("au", "pcm_s16be"),
    "caf": ("caf", "pcm_s16le"),
    "w64": ("w64", "pcm_s16le"),
    "ac3": ("ac3", "ac3"),
    "wma": ("asf", "wmav2"),
    "mpg": ("mpeg", "mp2"),
    "flv": ("flv", "aac"),
    "tta": ("tta", "tta"),
}
"""Ending -> container and codec, in the names of FFmpeg."""
RATES_HZ = {
    "opus": 48_000,
    "webm": 48_000,
    "avi": 44_100,
    "mp3": 44_100,
    "ac3": 48_000,
    "mpg": 48_000,
    "flv": 44_100,
    "wma": 44_100,
}
TAGS = (0x0000, 0x0002, 0x0011, 0x0031, 0x0055, 0x00FF, 0x0161, 0x1234, 0x2000, 0x566F, 0xAC40, 0xF1AC, 0xFFFE)


def speech() -> np.ndarray:
    """The start of the packaged recording, (N,) float32."""
    return read_audio(assets.SAMPLE_SPEECH)[: round(DURATION_S * SAMPLE_RATE_HZ)]


def encoded(ending: str, samples: np.ndarray) -> bytes:
    """Mono sound at 16 kHz as a file of this kind."""
    container_name, codec = CODECS[ending]
    file = io.BytesIO()
    with av.open(file, "w", format=container_name) as container:
        stream = container.add_stream(codec, rate=RATES_HZ.get(ending, SAMPLE_RATE_HZ), layout="mono")
        stream.bit_rate = BITS_PER_S
        frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        frame.sample_rate, frame.time_base, frame.pts = SAMPLE_RATE_HZ, Fraction(1, SAMPLE_RATE_HZ), 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def containers() -> Iterator[tuple[str, bytes]]:
    """Every common kind of file, and what a broken transfer makes of it."""
    samples = speech()
    for ending in CODECS:
        try:
            content = encoded(ending, samples)
        except av.error.FFmpegError as error:
            print(f"{ending}: this FFmpeg cannot write it ({error})", file=sys.stderr)
            continue
        yield from damaged("speech", ending, content)
    yield "flac-called.mp4", assets.SAMPLE_SPEECH.read_bytes()
    yield "picture-called.wav", assets.SAMPLE_PORTRAIT.read_bytes()
    yield "without-ending", assets.SAMPLE_SPEECH.read_bytes()
    yield "page.mp3", b"<html><body>404</body></html>"
    yield "text.ogg", b"not a sound\n" * 400
    yield "empty.wav", b""
    yield "playlist.m3u8", b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"
    yield "list.ffconcat", b"ffconcat version 1.0\nfile /etc/passwd\n"


def wav(
    data: bytes, *, tag: int = 1, channels: int = 1, rate: int = SAMPLE_RATE_HZ, bits: int = 16, **said: int
) -> bytes:
    """A WAV file whose header says what it is told to; `data_size`, `riff_size` and `align` override what is true."""
    align = said.get("align", channels * bits // 8) & 0xFFFF
    header = struct.pack("<HHIIHH", tag, channels, rate, rate * align & 0xFFFFFFFF, align, bits)
    body = b"WAVEfmt " + struct.pack("<I", len(header)) + header
    body += b"data" + struct.pack("<I", said.get("data_size", len(data))) + data
    return b"RIFF" + struct.pack("<I", said.get("riff_size", len(body))) + body


def wav_headers() -> Iterator[tuple[str, bytes]]:
    """Headers that contradict what follows."""
    pcm = (speech() * 32767).astype("<i2").tobytes()
    for channels in (0, 2, 8, 64, 255, 65_535):
        yield f"channels-{channels}.wav", wav(pcm, channels=channels)
    for rate in (0, 1, 10, 7999, 192_000, 2**31 - 1, 2**32 - 1):
        yield f"rate-{rate}.wav", wav(pcm, rate=rate)
    for bits in (0, 1, 8, 12, 24, 32, 64, 255):
        yield f"bits-{bits}.wav", wav(pcm, bits=bits)
    for tag in TAGS:
        yield f"tag-{tag:04x}.wav", wav(pcm, tag=tag)
    for size in (0, 1, 10**9, 2**32 - 1):
        yield f"announces-{size}.wav", wav(pcm, data_size=size)
    for count in (0, 1, 2, 1599, 1600, 1601):
        yield f"samples-{count}.wav", wav(pcm[: 2 * count])
    yield "half-a-sample.wav", wav(pcm[:3201])
    yield "align-0.wav", wav(pcm, align=0)
    yield "many-chunks.wav", wav(pcm).replace(b"data", b"junk\0\0\0\0" * 100_000 + b"data", 1)


def odd_sound() -> Iterator[tuple[str, bytes]]:
    """Samples that no microphone gives."""
    voice = speech()
    values = {
        "nan": np.full_like(voice, np.nan),
        "infinite": np.full_like(voice, np.inf),
        "huge": voice * np.float32(1e19),
        "int16-range": voice * np.float32(32767),
        "denormal": np.full_like(voice, 1e-42),
        "silence": np.zeros_like(voice),
        "constant": np.full_like(voice, 0.9),
        "one-nan": np.where(np.arange(len(voice)) == 100, np.float32(np.nan), voice),
    }
    for name, samples in values.items():
        yield f"float-{name}.wav", wav(samples.astype("<f4").tobytes(), tag=3, bits=32)
    stereo = np.stack([voice, -voice], axis=1)
    yield "opposite-phase.wav", wav((stereo * 32767).astype("<i2").tobytes(), channels=2)

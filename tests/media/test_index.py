"""What a small file may cost."""

import struct
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from factories.media import sine, write_pcm, write_recording

from kfusion.audio import read_audio
from kfusion.errors import InputError
from kfusion.media.index import check_index


def box(kind: bytes, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return struct.pack(">I", len(content) + 8) + kind + content


def full(kind: bytes, *parts: bytes) -> bytes:
    return box(kind, bytes(4), *parts)


def mov(*tracks: tuple[int, int, int], rate_hz: int = 16_000, padding: int = 0) -> bytes:
    """An MP4 with 16000 bytes of sound and tracks of (samples, samples a chunk, chunks), 2 bytes a sample."""

    def track(samples: int, in_chunk: int, chunks: int) -> bytes:
        entry = box(b"sowt", bytes(6), b"\0\1", bytes(8), struct.pack(">HHHHI", 1, 16, 0, 0, min(rate_hz, 65535) << 16))
        tables = box(
            b"stbl",
            full(b"stsd", struct.pack(">I", 1), entry),
            full(b"stts", struct.pack(">IIIII", 2, 1, 2, samples - 1, 1)),
            full(b"stsc", struct.pack(">IIII", 1, 1, in_chunk, 1)),
            full(b"stsz", struct.pack(">II", 2, samples)),
            full(b"stco", struct.pack(">I", chunks), struct.pack(">I", 40) * chunks),
        )
        times = full(b"mdhd", struct.pack(">IIIIHH", 0, 0, rate_hz, samples, 0, 0))
        handler = full(b"hdlr", bytes(4), b"soun", bytes(12), b"a\0")
        reference = box(b"dinf", full(b"dref", struct.pack(">I", 1), box(b"url ", b"\0\0\0\1")))
        return box(b"trak", box(b"mdia", times, handler, box(b"minf", full(b"smhd", bytes(4)), reference, tables)))

    head = full(b"mvhd", struct.pack(">IIII", 0, 0, 1000, 1000), bytes(80))
    parts = box(b"ftyp", b"M4A ", bytes(4), b"M4A "), box(b"mdat", b"\0\x10" * 8000)
    return b"".join(parts) + box(b"moov", head, *(track(*one) for one in tracks)) + box(b"free", bytes(padding))


@pytest.mark.parametrize(
    "tracks",
    [
        [(10**8, 10**8, 1)],
        [(2**32 - 1, 1, 1)],
        [(4_000_000, 4_000_000, 1)] * 16,
        [(60_000_000, 8000, 7500)],
    ],
)
def test_an_index_longer_than_its_file_is_refused_before_it_is_made(
    tmp_path: Path, tracks: list[tuple[int, int, int]]
) -> None:
    path = tmp_path / "a.m4a"
    path.write_bytes(mov(*tracks))
    begun_s = time.perf_counter()
    with pytest.raises(InputError, match=r"its index announces \d+ samples, and the file holds \d+ bytes"):
        read_audio(path)
    assert time.perf_counter() - begun_s < 1


def test_a_fragment_that_announces_too_much_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    fragment = box(b"moof", box(b"traf", full(b"trun", struct.pack(">I", 10**9))))
    path.write_bytes(box(b"ftyp", b"isom", bytes(4)) + fragment)
    with pytest.raises(InputError, match="its index announces"):
        check_index(path, path.stat().st_size)


@pytest.mark.parametrize("kind", ["m4a:aac", "mov:pcm_s16le", "mp4:flac"])
def test_an_honest_index_passes(tmp_path: Path, kind: str) -> None:
    ending, codec = kind.split(":")
    path = write_recording(tmp_path / f"a.{ending}", sine(2.0, 48_000), 48_000, codec=codec)
    check_index(path, path.stat().st_size)
    assert len(read_audio(path)) == pytest.approx(32_000, rel=0.05)


def test_packets_that_bring_no_sound_are_counted(tmp_path: Path) -> None:
    """One-sample packets: minutes of work for seconds of sound."""
    path = tmp_path / "a.m4a"
    path.write_bytes(mov((1_000_000, 8000, 125), rate_hz=16_000, padding=2_000_000))
    begun_s = time.perf_counter()
    with pytest.raises(InputError, match=r"packets hold \d+\.\d+ s of sound"):
        read_audio(path)
    assert time.perf_counter() - begun_s < 3


@pytest.mark.parametrize("rate_hz", [1, 100, 1999, 10_000_000])
def test_a_rate_that_no_sound_has_is_refused_before_it_is_resampled(tmp_path: Path, rate_hz: int) -> None:
    path = write_pcm(tmp_path / "a.wav", sine(0.5), 16_000)
    content = bytearray(path.read_bytes())
    content[24:28] = struct.pack("<I", rate_hz)
    path.write_bytes(content)
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=rf"sample rate is {rate_hz} Hz: pass sound of 2000 to 768000 Hz"):
            read_audio(path)
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


def test_more_channels_than_sound_has_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has 65 channels"):
        read_audio(write_pcm(tmp_path / "a.wav", sine(0.2), 16_000, channels=65))


@pytest.mark.parametrize("tag", [0x7777, 0x1234])
def test_a_codec_that_nobody_decodes_is_named(tmp_path: Path, tag: int) -> None:
    path = write_pcm(tmp_path / "a.wav", sine(0.5), 16_000)
    content = bytearray(path.read_bytes())
    content[20:22] = struct.pack("<H", tag)
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"coded as 0x{tag:04x}, which cannot be decoded"):
        read_audio(path)


def test_a_codec_of_an_mp4_that_nobody_decodes_is_named(tmp_path: Path) -> None:
    path = write_recording(tmp_path / "a.m4a", sine(0.5, 48_000), 48_000, codec="aac")
    content = bytearray(path.read_bytes())
    entry = content.index(b"mp4a", content.rindex(b"stsd"))
    content[entry : entry + 4] = b"apac"
    content[(place := content.index(b"esds", entry)) : place + 4] = b"dapa"
    path.write_bytes(content)
    with pytest.raises(InputError, match="coded as 'apac'"):
        read_audio(path)


def test_noise_in_place_of_a_file_is_one_error(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"\0\0\0\x20ftyp" + np.random.default_rng(0).bytes(20_000))
    with pytest.raises(InputError) as caught:
        read_audio(path)
    assert "\n" not in str(caught.value)

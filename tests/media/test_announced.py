"""A recording that was cut short does not pass for whole."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from factories.media import shorten, sine, write_recording

from kfusion.audio import read_audio
from kfusion.errors import InputError
from kfusion.media.announced import seconds
from kfusion.media.sizes import announced_bytes

ANNOUNCING = [
    "aif:pcm_s16be",
    "au:pcm_s16be",
    "caf:pcm_s16le",
    "w64:pcm_s16le",
    "rm:ac3",
    "avi:mp3",
    "avi:pcm_s16le",
    "wma:wmav2",
    "flv:aac",
    "wv:wavpack",
    "tta:tta",
    "webm:libopus",
    "mov:pcm_s16le",
]
SILENT = ["ac3:ac3", "mp2:mp2", "mpg:mp2", "aac:aac", "ts:mp2", "ogg:flac", "opus:libopus"]


def made(folder: Path, kind: str) -> Path:
    ending, codec = kind.split(":")
    return write_recording(folder / f"a.{ending}", sine(4.0, 48_000), 48_000, codec=codec)


@pytest.mark.parametrize("kind", ANNOUNCING)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_header_that_announces_more_than_there_is_tells_it(tmp_path: Path, kind: str, share: float) -> None:
    path = made(tmp_path, kind)
    assert len(read_audio(path)) == pytest.approx(64_000, rel=0.05)
    with pytest.raises(InputError, match="truncated") as caught:
        read_audio(shorten(path, share))
    assert "\n" not in str(caught.value)


def test_an_mxf_tells_it_too(tmp_path: Path) -> None:
    path = tmp_path / "a.mxf"
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg2video", rate=25)
        video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
        audio = container.add_stream("pcm_s16le", rate=48_000, layout="mono")
        for index in range(50):
            container.mux(video.encode(av.VideoFrame(64, 64, "yuv420p")))
            block = (sine(0.04, 48_000)[None] * 32767).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(block, format="s16", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = 48_000, index * 1920, Fraction(1, 48_000)
            container.mux(audio.encode(frame))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
    assert len(read_audio(path)) == pytest.approx(32_000, rel=0.05)
    with pytest.raises(InputError, match="truncated"):
        read_audio(shorten(path, 0.5))


@pytest.mark.parametrize("kind", SILENT)
def test_a_cut_in_a_packet_is_told_where_nothing_is_announced(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    path = made(tmp_path, kind)
    read_audio(path)
    assert "breaks off" not in caplog.text
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2 - 77])
    read_audio(path)
    assert "breaks off before its end" in caplog.text


@pytest.mark.parametrize("kind", [*ANNOUNCING, *SILENT, "wav:pcm_s16le", "flac:flac", "mp3:mp3", "m4a:aac", "mka:aac"])
def test_a_whole_recording_gives_no_notice(tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str) -> None:
    read_audio(made(tmp_path, kind))
    assert not caplog.records


@pytest.mark.parametrize(
    ("kind", "place", "mark"), [("wav:pcm_s16le", 40, b"\xff" * 4), ("au:pcm_s16be", 8, b"\xff" * 4)]
)
def test_a_size_that_was_not_known_is_respected(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str, place: int, mark: bytes
) -> None:
    path = made(tmp_path, kind)
    content = bytearray(path.read_bytes())
    start = content.index(b"data") + 4 if kind.startswith("wav") else place
    content[start : start + 4] = mark
    path.write_bytes(content)
    assert len(read_audio(path)) == pytest.approx(64_000, rel=0.01)
    assert not caplog.records


@pytest.mark.parametrize("kind", [*ANNOUNCING, "mxf:pcm_s16le", "m4a:aac", "mka:aac", "wav:pcm_s16le"])
def test_damaged_heads_are_read_without_a_fault(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a"
    whole = b"" if kind.startswith("mxf") else made(tmp_path, kind).read_bytes()[:3000]
    random = np.random.default_rng(0)
    for _ in range(100):
        content = bytearray(whole or b"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02\x01\x01" + bytes(200))
        for place in random.integers(0, len(content), 30):
            content[place] = random.integers(256)
        content = content[: random.integers(0, len(content))]
        path.write_bytes(content)
        announced = announced_bytes(path, len(content))
        assert announced is None or announced >= 0


@pytest.mark.parametrize(("text", "wanted"), [("00:01:04.5", 64.5), ("4", None), ("a:b:c", None), ("", None)])
def test_times_are_read(text: str, wanted: float | None) -> None:
    assert seconds(text) == wanted

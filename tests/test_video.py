from fractions import Fraction
from itertools import accumulate
from pathlib import Path

import av
import numpy as np
import pytest
from factories.media import blob_picture, shorten, sine, write_pcm, write_video

from kfusion.errors import InputError
from kfusion.video import video_frames

VARIABLE = list(accumulate([0.03, 0.05, 0.02, 0.1, 0.04, 0.033] * 4))


def grey(time_s: float) -> np.ndarray:
    return np.full((48, 64, 3), min(255, round(time_s * 100)), np.uint8)


@pytest.mark.parametrize("ending", ["mp4", "mkv", "mov"])
@pytest.mark.parametrize(
    "times_s",
    [[i / 25 for i in range(30)], [i * 1001 / 30000 for i in range(30)], [0.5 + i / 30 for i in range(30)], VARIABLE],
    ids=["25", "29.97", "30-late", "variable"],
)
def test_every_picture_comes_with_its_time_stamp(tmp_path: Path, ending: str, times_s: list[float]) -> None:
    frames = list(video_frames(write_video(tmp_path / f"a.{ending}", times_s, grey)))
    np.testing.assert_allclose([time_s for time_s, _ in frames], times_s, atol=0.00051)
    np.testing.assert_allclose([picture.mean() / 100 for _, picture in frames], times_s, atol=0.03)


def test_pictures_are_rgb(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mkv", [0.0, 0.04], lambda _: blob_picture((160, 140)))
    _, picture = next(iter(video_frames(path)))
    assert picture.shape == (240, 320, 3)
    assert picture[140, 160, 0] > 200
    assert picture[80, 200, 1] > 200
    assert picture[80, 120, 2] > 200


@pytest.mark.parametrize(("degrees", "corner"), [(90, (-1, 0)), (180, (-1, -1)), (270, (0, -1))])
def test_a_video_held_sideways_is_turned_upright(tmp_path: Path, degrees: int, corner: tuple[int, int]) -> None:
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:8, :8] = 255
    path = write_video(tmp_path / "a.mp4", [0.0, 0.04], lambda _: picture)
    path.write_bytes(turned(path.read_bytes(), degrees))
    _, upright = next(iter(video_frames(path)))
    assert upright.shape == ((64, 48, 3) if degrees % 180 else (48, 64, 3))
    assert upright[corner].mean() > 200
    assert upright.mean() < 20


def turned(content: bytes, degrees: int) -> bytes:
    """An MP4 with the display matrix of its video track turned counterclockwise."""
    cosine, sine_ = {90: (0, 1), 180: (-1, 0), 270: (0, -1)}[degrees]
    plain = b"".join(value.to_bytes(4, "big", signed=True) for value in (1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30))
    entries = [cosine << 16, -sine_ << 16, 0, sine_ << 16, cosine << 16, 0, 0, 0, 1 << 30]
    place = content.index(plain, content.index(b"tkhd"))
    matrix = b"".join(value.to_bytes(4, "big", signed=True) for value in entries)
    return content[:place] + matrix + content[place + len(plain) :]


def test_pixels_that_are_not_square_are_made_square(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 60, 48, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(16, 15)
        for _ in range(3):
            frame = av.VideoFrame.from_ndarray(np.zeros((48, 60, 3), np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert {picture.shape for _, picture in video_frames(path)} == {(48, 64, 3)}


@pytest.mark.parametrize("ending", ["mkv", "mp4"])
def test_a_truncated_video_is_an_error(tmp_path: Path, ending: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (60, 48, 64, 3), np.uint8)
    path = write_video(tmp_path / f"a.{ending}", [i / 25 for i in range(60)], lambda time_s: noise[round(time_s * 25)])
    with pytest.raises(InputError, match="truncated"):
        list(video_frames(shorten(path, 0.5)))


def test_a_last_picture_that_stays_long_is_no_truncation(tmp_path: Path) -> None:
    sound = sine(3.0, 48_000)
    path = write_video(tmp_path / "a.mp4", [0, 0.04, 0.08, 1.5], grey, sound=sound, audio_codec="aac")
    assert len(list(video_frames(path))) == 4


def test_a_time_stamp_far_ahead_is_refused_with_the_reason(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mkv", [0.0, 0.04, 0.08, 70_000.0], grey)
    with pytest.raises(InputError, match=r"there is no picture for 69999\.92 s at 0\.08 s"):
        list(video_frames(path))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("missing.mp4", None, "no such video"),
        ("empty.mp4", b"", "0 bytes"),
        ("text.mp4", b"no video" * 99, "cannot decode"),
    ],
)
def test_a_file_without_video_gives_one_clear_line(
    tmp_path: Path, name: str, content: bytes | None, words: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=words) as caught:
        list(video_frames(tmp_path / name))
    assert "\n" not in str(caught.value)


def test_a_recording_is_no_video(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no video track"):
        list(video_frames(write_pcm(tmp_path / "a.wav", sine(0.2), 16_000)))

"""A clip that is decoded once gives the crops of one that is decoded twice, to the bit."""

from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from factories.media import BlobFinder, blob_picture, plain_face

from kfusion.data import pictures
from kfusion.data.pictures import Reel, watch
from kfusion.landmarks import Points
from kfusion.video import Image, video_frames

TIMES_S = [i / 25 for i in range(25)]


def drawn(time_s: float, size: tuple[int, int]) -> Image:
    """A face in a picture full of detail."""
    noise = np.random.default_rng(1).integers(0, 50, (size[1], size[0], 3), dtype=np.uint8)
    return np.maximum(noise, blob_picture((160 + 20 * time_s, 140), size))


def film(path: Path, size: tuple[int, int], codec: str = "libx264", pixels: str = "yuv420p") -> Path:
    with av.open(str(path), "w") as container:
        video = container.add_stream(codec, rate=25)
        (video.width, video.height), video.pix_fmt = size, pixels
        for time_s in TIMES_S:
            container.mux(video.encode(av.VideoFrame.from_ndarray(drawn(time_s, size), format="rgb24")))
        container.mux(video.encode(None))
    return path


def twice_decoded(reel: Reel) -> list[Image]:
    return [reel.crop.image(picture) for _, picture in video_frames(reel.video)]


CODINGS = {
    "libx264": ("yuv420p", "yuvj420p", "yuv444p", "yuv422p"),
    "mpeg2video": ("yuv420p",),
    "mjpeg": ("yuvj420p", "yuvj444p"),
    "ffv1": ("yuv444p",),
}


@pytest.mark.parametrize(("codec", "pixels"), [(codec, one) for codec, found in CODINGS.items() for one in found])
@pytest.mark.parametrize("size", [(320, 240), (386, 290), (898, 500)])
def test_crops_are_the_same_to_the_bit(tmp_path: Path, size: tuple[int, int], codec: str, pixels: str) -> None:
    reel = watch(film(tmp_path / "a.mkv", size, codec, pixels), BlobFinder())
    assert (reel.pieces is not None) == (pixels != "yuv422p")
    found = list(reel.crops())
    assert [time_s for time_s, _ in found] == pytest.approx(TIMES_S, abs=1e-3)
    for (_, crop), expected in zip(found, twice_decoded(reel), strict=True):
        np.testing.assert_array_equal(crop, expected)


class CornerFinder:
    """Sees a face that reaches out of the picture at a corner."""

    def __init__(self, at: tuple[float, float]) -> None:
        self.at = np.array(at, np.float32)

    def find(self, image: Image) -> list[Points]:
        return [(plain_face() - plain_face().mean(0) + self.at).astype(np.float32)]


@pytest.mark.parametrize("at", [(5, 5), (315, 5), (5, 235), (318, 238), (160, 120)])
def test_a_crop_that_reaches_out_of_the_picture_is_black_there(tmp_path: Path, at: tuple[float, float]) -> None:
    reel = watch(film(tmp_path / "a.mkv", (320, 240)), CornerFinder(at))
    assert reel.pieces is not None
    for (_, crop), expected in zip(reel.crops(), twice_decoded(reel), strict=True):
        np.testing.assert_array_equal(crop, expected)


class RunningFinder(BlobFinder):
    """Sees a face that runs from one side of the picture to the other."""

    def __init__(self) -> None:
        self.looks = 0

    def find(self, image: Image) -> list[Points]:
        self.looks += 1
        return [(plain_face() + np.array([60 * self.looks, 0])).astype(np.float32)]


def test_a_face_that_leaves_what_is_kept_is_decoded_again(tmp_path: Path) -> None:
    reel = watch(film(tmp_path / "a.mkv", (898, 500)), RunningFinder())
    assert reel.pieces is None
    assert len(list(reel.crops())) == len(TIMES_S)


def test_a_clip_that_would_fill_the_memory_is_decoded_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MAX_KEPT_BYTES", 500_000)
    reel = watch(film(tmp_path / "a.mkv", (320, 240)), BlobFinder())
    assert reel.pieces is None
    for (_, crop), expected in zip(reel.crops(), twice_decoded(reel), strict=True):
        np.testing.assert_array_equal(crop, expected)


class LateFinder(BlobFinder):
    """Sees no face at first."""

    looks = 0

    def find(self, image: Image) -> list[Points]:
        if image.shape[:2] == (240, 320):
            self.looks += 1
        return super().find(image) if self.looks > 2 else []


def test_a_face_that_comes_late_is_found_from_the_first_picture_on(tmp_path: Path) -> None:
    reel = watch(film(tmp_path / "a.mkv", (320, 240)), LateFinder())
    found = [time_s for time_s, _ in reel.crops()]
    assert len(found) == len(TIMES_S)
    assert all(first < second for first, second in pairwise(found))


class PairFinder:
    """Sees two faces side by side, the second as large as it is told."""

    def __init__(self, share: float) -> None:
        self.share = share

    def find(self, image: Image) -> list[Points]:
        face = plain_face()
        return [face, (face * self.share + [200, 0]).astype(np.float32)]


@pytest.mark.parametrize(("share", "told"), [(0.9, True), (0.2, False)])
def test_a_second_face_is_noted_unless_it_is_in_the_background(tmp_path: Path, share: float, told: bool) -> None:
    path = film(tmp_path / "a.mkv", (320, 240))
    notes = watch(path, PairFinder(share), PairFinder(share)).notes
    assert bool(notes) == told
    assert not told or notes == ("2 faces: the one that is seen most often is taken",)
    assert not watch(path, PairFinder(share)).notes

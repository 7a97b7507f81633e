"""Faces that move as the default weights say to the packaged speech, in arrays and in videos."""

from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from factories.media import write_video
from numpy.typing import NDArray

from kfusion import assets
from kfusion.audio import SAMPLE_RATE_HZ, Samples, read_audio
from kfusion.data.crop import CROP_MARGIN
from kfusion.inference.generator import load
from kfusion.landmarks import LandmarkSequence, Points, mouth_opening


@cache
def speech() -> Samples:
    """9.4 s."""
    return read_audio(assets.SAMPLE_SPEECH)


@cache
def spoken() -> LandmarkSequence:
    """What the default weights make of it, at 30 fps."""
    return load(threads=1).generate(speech())


def moved(samples: Samples, late_ms: float) -> Samples:
    """The sound so much later, as long as before: cut at one end, silence at the other."""
    count = round(abs(late_ms) * SAMPLE_RATE_HZ / 1000)
    silence = np.zeros(count, np.float32)
    if late_ms >= 0:
        return np.concatenate([silence, samples[: len(samples) - count]])
    return np.concatenate([samples[count:], silence])


class TalkingFinder:
    """Sees one face in the middle of every picture, its mouth the wider open the brighter the middle is."""

    def __init__(self) -> None:
        points = spoken().points
        openness = mouth_opening(points)
        shut, wide = points[openness.argmin()], points[openness.argmax()]
        middle, side = (shut.max(0) + shut.min(0)) / 2, np.ptp(shut, axis=0).max() * CROP_MARGIN
        self._shut, self._wide = (shut - middle) / side, (wide - middle) / side

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def find(self, image: NDArray[np.uint8]) -> list[Points]:
        height, width = image.shape[:2]
        share = image[height // 2, width // 2, 0] / 255
        face = (1 - share) * self._shut + share * self._wide
        return [(face * min(height, width) + [width / 2, height / 2]).astype(np.float32)]


def write_talking(path: Path, late_ms: float, *, seconds: float = 9.0, fps: float = 25, **settings: Any) -> Path:
    """A video for `TalkingFinder`, its sound so much later than the lips."""
    sequence = spoken()
    openness = mouth_opening(sequence.points)
    shares = (openness - openness.min()) / np.ptp(openness)

    def draw(time_s: float) -> NDArray[np.uint8]:
        return np.full((48, 64, 3), round(255 * np.interp(time_s, sequence.times_s, shares)), np.uint8)

    sound = moved(speech(), late_ms)[: round(seconds * SAMPLE_RATE_HZ)]
    times_s = [index / fps for index in range(round(seconds * fps))]
    return write_video(path, times_s, draw, sound=sound, rate_hz=SAMPLE_RATE_HZ, **settings)

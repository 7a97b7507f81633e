"""A portrait in a call whose time is told by a test: minutes pass as fast as the pictures are drawn."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import numpy as np
from factories.inputs import SAMPLE_RATE_HZ
from factories.portraits import painted_portrait
from numpy.typing import NDArray

from kfusion.inference.generator import Generator
from kfusion.inference.identity import Identity, Portrait
from kfusion.integrations.talking_call import CallMoment, CallOptions, Carried, TalkingCall
from kfusion.picture.sitter import Sitter


class ToldClock:
    """Time that goes by only where somebody waits for it."""

    def __init__(self) -> None:
        self.time_s = 100.0

    def now(self) -> float:
        return self.time_s

    async def sleep(self, delay_s: float) -> None:
        self.time_s += delay_s
        await asyncio.sleep(0)


def painted_sitter(size: int = 96) -> Sitter:
    picture, points = painted_portrait(size, size)
    portrait = Portrait(picture=picture, size_px=(size, size))
    return Sitter(picture, points, 1.0, Identity(points=points, portrait=portrait))


def make_call(generator: Generator, clock: object = None, **options: object) -> TalkingCall:
    """Of a small portrait that does nothing but speak, unless told otherwise."""
    options = {"life": None, **options}
    return TalkingCall(generator, painted_sitter(), CallOptions(**options), clock=clock)


def pcm_of(samples: NDArray[np.float32]) -> bytes:
    return np.round(samples * 32767).astype("<i2").tobytes()


def babble(duration_s: float, rate_hz: int = SAMPLE_RATE_HZ, seed: int = 0) -> NDArray[np.float32]:
    """A tone in bursts that never repeat, (N,), so that a shift of it can be found."""
    random = np.random.default_rng(seed)
    knots = np.arange(0, duration_s + 0.2, 0.1)
    level = np.interp(np.arange(round(duration_s * rate_hz)) / rate_hz, knots, random.uniform(0, 1, len(knots)) ** 2)
    return (0.6 * level * np.sin(2 * np.pi * 220 * np.arange(len(level)) / rate_hz)).astype(np.float32)


def pieces(samples: NDArray[np.float32], rate_hz: int, piece_s: float = 0.02) -> Iterator[bytes]:
    step = round(piece_s * rate_hz)
    for start in range(0, len(samples), step):
        yield pcm_of(samples[start : start + step])


async def until_carried(moments: AsyncIterator[CallMoment | Carried], thing: object) -> list[CallMoment]:
    """What goes out before something does."""
    given = []
    async for moment in moments:
        if isinstance(moment, Carried):
            if moment.thing == thing:
                return given
            continue
        given.append(moment)
    raise AssertionError("the call has ended")


def openings(pictures: list[NDArray[np.uint8]], rest: NDArray[np.uint8]) -> NDArray[np.float64]:
    """How much the mouth of each picture differs from that at rest."""
    half = rest.shape[0] // 2
    return np.array([np.abs(picture[half:].astype(int) - rest[half:]).mean() for picture in pictures])


def lag_s(pictures_seen: NDArray[np.float64], sound: bytes, rate_hz: int, fps: float) -> float:
    """How much later mouths open than the sound gets loud, of pictures from the start of the sound on."""
    level = np.abs(np.frombuffer(sound, "<i2").astype(float))
    sums = np.concatenate([[0], level.cumsum()])
    inner = np.arange(6, len(pictures_seen) - 6)

    def fit(shift_s: float) -> float:
        edges = [np.round(((inner + side) / fps - shift_s) * rate_hz).astype(int) for side in (-0.5, 0.5)]
        return float(np.corrcoef(pictures_seen[inner], sums[edges[1]] - sums[edges[0]])[0, 1])

    shifts_s = np.arange(-0.12, 0.12, 0.002)
    return float(shifts_s[int(np.argmax([fit(shift_s) for shift_s in shifts_s]))])


def check_in_step(pictures: list[NDArray[np.uint8]], rest: NDArray[np.uint8], sound: bytes, rate_hz: int) -> None:
    """That a minute of speech at 30 pictures a second drifts less than 20 ms, seen in the pictures themselves."""
    seen, per_frame = openings(pictures, rest), rate_hz * 2 // 30
    assert len(sound) == per_frame * len(pictures)
    parts = (slice(0, 600), slice(len(pictures) - 600, len(pictures)))
    first, last = (
        lag_s(seen[part], sound[per_frame * part.start : per_frame * part.stop], rate_hz, 30) for part in parts
    )
    assert abs(last - first) < 0.020
    assert max(abs(first), abs(last)) < 0.020

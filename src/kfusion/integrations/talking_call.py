"""A portrait that talks in a call: a voice comes in, pictures and sound go out in step, whoever carries them.

The pictures are the clock. Every one of them goes with the sound up to the next, so that nothing can drift: the sound
is that of a voice while there is one, and none at rest.
"""

import asyncio
import math
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from kfusion.errors import InputError
from kfusion.inference.generator import Generator
from kfusion.inference.identity import IdentityLike
from kfusion.integrations.call_face import CallFace, read_call_sitter
from kfusion.integrations.follower import VoiceFollower
from kfusion.integrations.pcm import check_rate
from kfusion.integrations.said import SpokenMoment, WaitingSpeech
from kfusion.motion.life import LifeOptions
from kfusion.picture.sitter import Sitter
from kfusion.video import Image

MIN_FPS, MAX_FPS = 10, 60
CUSHION_S = 0.15
"""Speech begins once this much of it can be shown, or all of it: a voice that comes in pieces does not stutter."""
BLOCKED_S = 0.001
"""Who takes a moment and comes back later than this was waiting for its turn to send it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CallOptions:
    """How a call looks and sounds."""

    fps: float = 30
    """Pictures a second."""
    rate_hz: int = 24_000
    """Samples a second of the sound that goes out."""
    largest_px: int = 640
    """The longer side of the pictures, at most."""
    life: LifeOptions | None = field(default_factory=LifeOptions)
    """What the face does beside speaking; None for nothing."""
    ahead_s: float = 0.1
    """How long before its time a moment of speech may go out; whoever carries it holds it back until then."""
    emotion: str | None = None
    """One of `kfusion.emotion.EMOTIONS`; None for unknown."""
    intensity: int | None = None
    """1, 2 or 3, with an emotion."""

    def __post_init__(self) -> None:
        check_rate(self.rate_hz)
        if not MIN_FPS <= self.fps <= MAX_FPS:
            raise InputError(f"fps is {self.fps}: use a number from {MIN_FPS} to {MAX_FPS}")
        if not 0 <= self.ahead_s <= 1:
            raise InputError(f"ahead_s is {self.ahead_s}: use a number from 0 to 1")


class CallClock(Protocol):
    """The time that a call goes by."""

    def now(self) -> float:
        """Seconds since some moment."""

    async def sleep(self, delay_s: float) -> None:
        """Come back so much later."""


class LoopClock:
    """The clock of the running event loop."""

    def now(self) -> float:
        """Seconds since some moment."""
        return asyncio.get_running_loop().time()

    async def sleep(self, delay_s: float) -> None:
        """Come back so much later."""
        await asyncio.sleep(delay_s)


@dataclass(frozen=True, slots=True, eq=False)
class CallMoment:
    """One picture, and the sound from its instant to that of the next one."""

    picture: Image
    """(H, W, 3), RGB; may be the same array as the one before."""
    sound: bytes
    """16-bit little-endian mono PCM, as long as the picture shows; empty where nobody speaks."""
    begins: bool
    """Whether speech begins here, after a rest or a hole: its instant is now, whatever was sent before."""
    interruptions: int
    """How many there were in its call before it was drawn."""


@dataclass(frozen=True, slots=True)
class Carried:
    """Something that was handed over between the sound, at its place."""

    thing: Any


class TalkingCall:
    """The portrait of one side of a call. All methods belong to one event loop."""

    def __init__(
        self,
        generator: Generator,
        portrait: IdentityLike | Sitter,
        options: CallOptions | None = None,
        *,
        clock: CallClock | None = None,
    ) -> None:
        """A portrait that waits for a voice.

        Args:
            generator: what `kfusion.load` returned; many calls may share it.
            portrait: a picture of a face: a path, an array (H, W, 3), or what `read_sitter` gave.
            options: how it looks and sounds.
            clock: the time that it goes by; None for that of the event loop.

        Raises:
            InputError: the portrait cannot be used.
        """
        self.options = options or CallOptions()
        sitter = read_call_sitter(portrait, self.options.largest_px)
        fps = self.options.fps
        self._generator = generator
        self._face = CallFace(sitter, fps, self.options.life)
        self.size_px = self._face.size_px
        """Width and height of the pictures, both even."""
        self._follower = VoiceFollower(
            generator, sitter.identity, fps=fps, emotion=self.options.emotion, intensity=self.options.intensity
        )
        self._painter = ThreadPoolExecutor(1, thread_name_prefix="kfusion-picture")
        self._speech = WaitingSpeech(self.options.rate_hz, fps)
        self._clock = clock or LoopClock()
        self._pace = _CallPace(self._clock, fps)
        self._cushion = math.ceil(CUSHION_S * fps)
        self.interruptions = 0
        """How many there were: a moment with another number is not to go out any more."""
        self._speaking = self._shows_speech = False
        """Whether the next moment may follow from speech, and whether the last picture showed some."""
        self._last: Image | None = None
        self._drawing_s = 0.0

    @property
    def is_speaking(self) -> bool:
        """Whether there is speech that has not gone out."""
        return bool(self._speech)

    async def prepare(self) -> None:
        """Load what is loaded at first use, so that the first sound does not wait for it.

        Raises:
            KfusionError: the weights or the options cannot be used.
        """
        await self._follower.prepare()
        await asyncio.wrap_future(self._painter.submit(self._face.prepare, self._generator))

    async def hear(self, pcm: bytes, rate_hz: int, channels: int = 1) -> None:
        """The voice says more.

        Args:
            pcm: interleaved signed 16-bit little-endian samples.
            rate_hz: samples a second, 8 to 192 kHz.
            channels: samples at a time.

        Raises:
            InputError: the sound cannot be used; it is left out.
        """
        said = self._speech.open
        said.hear(pcm, rate_hz, channels)
        faces = await self._follower.hear(pcm, rate_hz, channels)
        said.see(face.points for face in faces)

    async def end(self, *carried: object) -> None:
        """The utterance is complete; the next sound begins another one. `carried` leaves after its last picture."""
        said = self._speech.close()
        for thing in carried:
            said.carry(thing)
        faces = await self._follower.end()
        said.see(face.points for face in faces)
        said.end()

    def carry(self, thing: object) -> None:
        """Something that came after the sound so far, and leaves when that does."""
        self._speech.open.carry(thing)

    def interrupt(self) -> list[Any]:
        """Be silent at once: what was not yet given is dropped. What was carried with it comes back."""
        self.interruptions += 1
        self._speaking = False
        self._follower.restart()
        self._pace.restart()
        return self._speech.drop()

    def close(self) -> None:
        """Let the worker threads go; the call cannot be used afterwards."""
        self._follower.close()
        self._painter.shutdown(wait=False, cancel_futures=True)

    async def moments(self) -> AsyncIterator[CallMoment | Carried]:
        """What goes out, each at its time, without end: to be read by one reader.

        While the portrait speaks, moments come up to `ahead_s` early. Where drawing cannot keep up, pictures are
        repeated, and the sound goes on.
        """
        while True:
            await self._pace.until_due(self.options.ahead_s if self._speaking else 0)
            for thing in self._speech.carried():
                yield Carried(thing)
            spoken = self._speech.take(1 if self._speaking else self._cushion)
            if spoken is None and self._speaking:  # over, or it falters: what was given is still to be heard
                self._speaking = False
                continue
            begins = spoken is not None and (not self._speaking or self._pace.is_lost)
            self._speaking = spoken is not None
            interruptions, picture = self.interruptions, await self._picture(spoken, begins)
            if interruptions == self.interruptions:
                self._pace.give(anew=begins)
                yield CallMoment(picture, spoken.sound if spoken else b"", begins, interruptions)
                self._pace.come_back()

    async def _picture(self, spoken: SpokenMoment | None, begins: bool) -> Image:
        follows = not begins and not spoken.is_first if spoken else not self._shows_speech
        self._shows_speech = spoken is not None
        if self._last is not None and spoken and follows and self._pace.is_short_of(self._drawing_s):
            return self._last
        began = self._clock.now()
        draw = partial(self._face.draw, spoken.points if spoken else None, follows=follows)
        self._last = await asyncio.wrap_future(self._painter.submit(draw))
        self._drawing_s = self._clock.now() - began
        return self._last


class _CallPace:
    """When the next moment is due."""

    def __init__(self, clock: CallClock, fps: float) -> None:
        self._clock, self._frame_s = clock, 1 / fps
        self._due: float | None = None
        self._gave = 0.0

    async def until_due(self, ahead_s: float) -> None:
        """Wait for the next moment, or until so long before it."""
        now = self._clock.now()
        if self._due is None or (ahead_s == 0 and now > self._due + self._frame_s):
            self._due = now
        if now < self._due - ahead_s:
            await self._clock.sleep(self._due - ahead_s - now)

    def is_short_of(self, time_s: float) -> bool:
        """Whether less than this is left until the moment is due."""
        return self._due is not None and self._clock.now() + time_s > self._due

    @property
    def is_lost(self) -> bool:
        """Whether the moment should have gone out so long ago that its sound has a hole."""
        return self.is_short_of(-self._frame_s)

    def give(self, *, anew: bool) -> None:
        """A moment goes out, at the time it is due or, if all begins `anew`, now."""
        self._gave = self._clock.now()
        self._due = (self._gave if self._due is None or anew else self._due) + self._frame_s

    def come_back(self) -> None:
        """Who took it asks for the next: if he had to wait for his turn, his clock is behind, and right."""
        now = self._clock.now()
        if self._due is not None and now - self._gave > BLOCKED_S:
            self._due += min(now - self._gave, max(0.0, now - self._due))

    def restart(self) -> None:
        """The next moment is due now."""
        self._due = None

"""What a voice has said and nobody has seen yet: faces and their sound, cut into moments that end together."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from kfusion.audio import Samples
from kfusion.integrations.pcm import BYTES_PER_SAMPLE, FULL_SCALE, PcmReader
from kfusion.landmarks import Points


class SpokenMoment(NamedTuple):
    """A face, and the sound from its instant to that of the next one."""

    points: Points
    """(68, 2)"""
    sound: bytes
    """16-bit mono PCM."""
    is_first: bool
    """Whether an utterance begins."""


@dataclass(slots=True, eq=False)
class Said:
    """One utterance, as it comes in and is taken out again."""

    rate_hz: int
    """Of the sound as it is taken out."""
    fps: float
    ended: bool = False
    """Whether nothing more comes."""
    _reader: PcmReader = field(init=False)
    _faces: deque[Points] = field(default_factory=deque)
    _sound: bytearray = field(default_factory=bytearray)
    """From the next moment on."""
    _carried: deque[tuple[int, Any]] = field(default_factory=deque)
    """What came with the sound, and after how many of its samples."""
    _taken: int = 0
    """How many moments."""

    def __post_init__(self) -> None:
        self._reader = PcmReader(self.rate_hz)

    def hear(self, pcm: bytes, rate_hz: int, channels: int) -> None:
        """More sound came.

        Raises:
            InputError: it cannot be used, which changes nothing.
        """
        self._sound += _pcm(self._reader(pcm, rate_hz, channels))

    def see(self, faces: Iterable[Points]) -> None:
        """The next faces came."""
        self._faces.extend(faces)

    def end(self) -> None:
        """All has come."""
        self.ended = True

    def finish_sound(self) -> None:
        """No more sound comes, though faces may."""
        self._sound += _pcm(self._reader.flush())

    def carry(self, thing: object) -> None:
        """Something came that leaves when the sound before it has."""
        self._carried.append((self._edge(self._taken) + len(self._sound) // BYTES_PER_SAMPLE, thing))

    def carried(self) -> list[Any]:
        """What leaves before the next moment, or after the last."""
        due = []
        while self._carried and (self._is_over or self._carried[0][0] <= self._edge(self._taken)):
            due.append(self._carried.popleft()[1])
        return due

    @property
    def ready(self) -> int:
        """How many moments can be taken."""
        if self.ended:
            return len(self._faces)
        heard = self._edge(self._taken) + len(self._sound) // BYTES_PER_SAMPLE
        whole = int(heard * self.fps / self.rate_hz) + 1
        while self._edge(whole) > heard:
            whole -= 1
        return max(0, min(len(self._faces), whole - self._taken))

    @property
    def is_done(self) -> bool:
        """Whether nothing is left, and nothing more comes."""
        return self._is_over and not self._carried

    def take(self) -> SpokenMoment:
        """The next moment; the last one ends in silence, so that the sound is as long as the pictures."""
        size = BYTES_PER_SAMPLE * (self._edge(self._taken + 1) - self._edge(self._taken))
        sound = bytes(self._sound[:size]).ljust(size, b"\0")
        del self._sound[:size]
        self._taken += 1
        return SpokenMoment(self._faces.popleft(), sound, self._taken == 1)

    def rest(self) -> list[Any]:
        """Everything that was carried and has not left."""
        return [thing for _, thing in self._carried]

    @property
    def _is_over(self) -> bool:
        return self.ended and not self._faces

    def _edge(self, moment: int) -> int:
        """The sample at which a moment begins."""
        return round(moment * self.rate_hz / self.fps)


class WaitingSpeech:
    """The utterances that wait to be seen, in order; the last of them may still be coming in."""

    def __init__(self, rate_hz: int, fps: float) -> None:
        self._rate_hz, self._fps = rate_hz, fps
        self._waiting: deque[Said] = deque()
        self._open: Said | None = None

    def __bool__(self) -> bool:
        """Whether there is anything that has not left."""
        return any(not said.is_done for said in self._waiting)

    @property
    def open(self) -> Said:
        """The utterance that is coming in."""
        if self._open is None:
            self._open = Said(self._rate_hz, self._fps)
            self._waiting.append(self._open)
        return self._open

    def close(self) -> Said:
        """The utterance that was coming in, whose last faces are still to be seen; what comes next is another."""
        said, self._open = self.open, None
        said.finish_sound()
        return said

    def carried(self) -> list[Any]:
        """What leaves now."""
        due: list[Any] = []
        while self._waiting:
            due += self._waiting[0].carried()
            if not self._waiting[0].is_done:
                break
            self._waiting.popleft()
        return due

    def take(self, at_least: int = 1) -> SpokenMoment | None:
        """The next moment; None where it has not come, or fewer than `at_least` have and more will."""
        if not self._waiting:
            return None
        said = self._waiting[0]
        enough = said.ready >= at_least or (said.ended and said.ready)
        return said.take() if enough else None

    def drop(self) -> list[Any]:
        """Forget it all, but for what was carried, which comes back."""
        left = [thing for said in self._waiting for thing in said.rest()]
        self._waiting.clear()
        self._open = None
        return left


def _pcm(samples: Samples) -> bytes:
    return np.round(samples * FULL_SCALE).clip(-FULL_SCALE, FULL_SCALE - 1).astype("<i2").tobytes()

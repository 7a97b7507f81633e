"""What a face does beside speaking: blinks, small motions of gaze and brows, a swaying head, breath.

Numbers from published measurements of people who talk:

blinks      26 a minute in conversation, 17 at rest (Bentivoglio et al. 1997). The lid falls in about 0.1 s and rises in
            about twice that (VanderWerf et al. 2003); a whole blink takes 0.2 to 0.4 s (Caffier et al. 2003). Both eyes
            blink at once, and speakers blink in the pauses of their speech (Nakano and Kitazawa 2010).
gaze        small steps that hold for a second or so, as eyes that rest on a face do.
head        slow turns and shifts, below 1 Hz, as heads of speakers have them between their nods (Hadar et al. 1983).
breath      15 a minute.

Everything follows from a seed and the frames' own numbers, so that a stream shows what the whole recording shows.
"""

from dataclasses import dataclass
from math import pi, sin, sqrt

import numpy as np

from kfusion.landmarks import eased

BLINKS_PER_MIN = 22.0
LEAST_BETWEEN_S = 0.7
FALL_S, HOLD_S, RISE_S = 0.10, 0.03, 0.19
PAUSE_S = 0.2
"""Lips that rest this long make a pause."""
PAUSE_SHARE = 0.5
"""From this share of its interval on, a blink comes early where a pause begins."""
STILL_SPEED = 0.15
"""Of resting lips: change of their opening in eye distances a second, at most."""
_BREATHS_PER_S = 0.25
_SWAY_HZ = (0.11, 0.19, 0.31, 0.47)


@dataclass(frozen=True, slots=True)
class LifeSigns:
    """What a living face does at one moment beside speaking; all zero: nothing. Lengths in eye distances."""

    closed: float = 0.0
    """How far both eyes are shut, 0 to 1."""
    gaze: tuple[float, float] = (0.0, 0.0)
    """Where the eyes look, to the picture's right and down."""
    brows: float = 0.0
    """How much the brows are raised."""
    shift: tuple[float, float] = (0.0, 0.0)
    """Of the head, to the picture's right and down."""
    roll: float = 0.0
    """Of the head, radians, clockwise in the picture."""
    nearer: float = 0.0
    """How much larger the head is."""


STILL = LifeSigns()


@dataclass(frozen=True, kw_only=True, slots=True)
class LifeOptions:
    """Which signs of life there are."""

    blinks: bool = True
    gaze: bool = True
    brows: bool = True
    sway: bool = True
    breath: bool = True
    seed: int = 0


class Life:
    """The signs of life of one face, frame after frame."""

    def __init__(self, fps: float, options: LifeOptions | None = None) -> None:
        self._options = options or LifeOptions()
        self._fps = fps
        self._frame = 0
        self._blinks = _Blinks(np.random.default_rng((self._options.seed, 0)))
        self._gaze = _Gaze(np.random.default_rng((self._options.seed, 1)))
        phases = np.random.default_rng((self._options.seed, 2)).uniform(0, 2 * pi, (5, len(_SWAY_HZ)))
        self._phases = phases.tolist()
        self._lips = _Lips()

    def step(self, opening: float) -> LifeSigns:
        """The signs of the next frame, whose lips are `opening` apart, in eye distances."""
        time_s, frame_s = self._frame / self._fps, 1 / self._fps
        self._frame += 1
        rests_s = self._lips.step(opening, frame_s)
        closed = self._blinks.step(time_s, frame_s, rests_s)
        gaze = self._gaze.step(time_s, closed)
        return self._chosen(closed, gaze, time_s)

    def _chosen(self, closed: float, gaze: tuple[float, float], time_s: float) -> LifeSigns:
        chosen = self._options
        x, y, roll, nearer, brows = (self._slow(phases, time_s) for phases in self._phases)
        breath = sin(2 * pi * _BREATHS_PER_S * time_s) if chosen.breath else 0.0
        sway = 1.0 if chosen.sway else 0.0
        return LifeSigns(
            closed=closed if chosen.blinks else 0.0,
            gaze=gaze if chosen.gaze else (0.0, 0.0),
            brows=(0.012 * max(0.0, brows) ** 2 - 0.008 * closed) if chosen.brows else 0.0,
            shift=(0.022 * sway * x, 0.012 * sway * y + 0.004 * breath),
            roll=0.012 * sway * roll,
            nearer=0.006 * sway * nearer + 0.0015 * breath,
        )

    @staticmethod
    def _slow(phases: list[float], time_s: float) -> float:
        """A slow wandering about 0, of about 1."""
        waves = (sin(2 * pi * rate * time_s + phase) for rate, phase in zip(_SWAY_HZ, phases, strict=True))
        return sum(waves) / sqrt(len(_SWAY_HZ))


class _Lips:
    """How long lips have been at rest."""

    def __init__(self) -> None:
        self._last: float | None = None
        self._rests_s = 0.0

    def step(self, opening: float, frame_s: float) -> float:
        moved = self._last is not None and abs(opening - self._last) > STILL_SPEED * frame_s
        self._last = opening
        self._rests_s = 0.0 if moved else self._rests_s + frame_s
        return self._rests_s


class _Blinks:
    """When the lids fall: a log-normal interval after the last blink, or a pause somewhat before that."""

    def __init__(self, random: np.random.Generator) -> None:
        self._random = random
        self._began_s = -10.0
        self._due_s = self._interval_s() * float(random.uniform(0.2, 1.0))

    def step(self, time_s: float, frame_s: float, rests_s: float) -> float:
        """How far the eyes are shut."""
        interval_s = self._due_s - self._began_s
        pause_begins = PAUSE_S <= rests_s < PAUSE_S + frame_s
        early = pause_begins and time_s - self._began_s > max(LEAST_BETWEEN_S, PAUSE_SHARE * interval_s)
        if time_s >= self._due_s or early:
            self._began_s, self._due_s = time_s, time_s + self._interval_s()
        return lid_at(time_s - self._began_s)

    def _interval_s(self) -> float:
        mean_s, spread = 60 / BLINKS_PER_MIN, 0.6
        drawn = float(self._random.lognormal(np.log(mean_s) - spread**2 / 2, spread))
        return max(FALL_S + HOLD_S + RISE_S + LEAST_BETWEEN_S, drawn)


def lid_at(since_s: float) -> float:
    """How far the lids are shut, 0 to 1, so long after a blink began: they fall fast and rise slowly."""
    if since_s < 0 or since_s >= FALL_S + HOLD_S + RISE_S:
        return 0.0
    if since_s < FALL_S:
        return float(eased(since_s / FALL_S))
    if since_s < FALL_S + HOLD_S:
        return 1.0
    return 1 - float(eased((since_s - FALL_S - HOLD_S) / RISE_S))


class _Gaze:
    """Where the eyes look: near the middle, in quick steps, often hidden by a blink."""

    def __init__(self, random: np.random.Generator) -> None:
        self._random = random
        self._next_s = float(random.uniform(0.5, 2.0))
        self._from = self._to = (0.0, 0.0)
        self._began_s = -1.0

    def step(self, time_s: float, closed: float) -> tuple[float, float]:
        if time_s >= self._next_s or (closed == 1.0 and time_s > self._began_s + 0.5):
            self._from, self._began_s = self._to, time_s
            x, y = self._random.normal(0, 1, 2).clip(-1.5, 1.5).tolist()
            self._to = (0.008 * x, 0.003 * y)
            self._next_s = time_s + float(self._random.uniform(0.7, 3.0))
        share = float(eased((time_s - self._began_s) / 0.06))
        return tuple(a + (b - a) * share for a, b in zip(self._from, self._to, strict=True))  # type: ignore[return-value]

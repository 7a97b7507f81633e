from itertools import pairwise

import numpy as np
import pytest

from kfusion.motion.life import BLINKS_PER_MIN, FALL_S, HOLD_S, PAUSE_S, RISE_S, Life, LifeOptions, LifeSigns, lid_at

FPS = 30.0


def lived(openings: np.ndarray, options: LifeOptions | None = None, fps: float = FPS) -> list[LifeSigns]:
    life = Life(fps, options)
    return [life.step(float(opening)) for opening in openings]


def talking_without_pause(seconds: float, fps: float = FPS) -> np.ndarray:
    return 0.1 + 0.1 * np.sin(2 * np.pi * 4 * np.arange(round(seconds * fps)) / fps + 0.3)


def blinks(signs: list[LifeSigns]) -> list[int]:
    """The frames in which a blink begins."""
    closed = [sign.closed > 0 for sign in signs]
    return [frame for frame, (before, now) in enumerate(pairwise([False, *closed])) if now and not before]


def test_people_blink_about_as_often_as_was_measured() -> None:
    minutes = 20
    rates = [
        len(blinks(lived(talking_without_pause(60 * minutes), LifeOptions(seed=seed)))) / minutes for seed in range(3)
    ]
    assert np.mean(rates) == pytest.approx(BLINKS_PER_MIN, rel=0.2)


def test_a_blink_falls_faster_than_it_rises_and_shuts_the_eyes() -> None:
    times_s = np.arange(-0.1, 0.5, 0.001)
    closed = np.array([lid_at(time_s) for time_s in times_s])
    shut = times_s[closed == 1]
    assert shut[0] == pytest.approx(FALL_S, abs=0.002)
    assert shut[-1] == pytest.approx(FALL_S + HOLD_S, abs=0.002)
    assert times_s[closed > 0][-1] == pytest.approx(FALL_S + HOLD_S + RISE_S, abs=0.003)
    assert RISE_S > FALL_S


@pytest.mark.parametrize("fps", [25, 30, 60])
def test_every_blink_shuts_the_eyes_nearly_at_any_frame_rate(fps: float) -> None:
    signs = lived(talking_without_pause(120, fps), fps=fps)
    highest = [max(sign.closed for sign in signs[start : start + round(0.3 * fps)]) for start in blinks(signs)]
    assert len(highest) > 20
    assert min(highest) > 0.85


def test_more_blinks_begin_where_a_pause_begins_than_elsewhere() -> None:
    turn = np.concatenate([talking_without_pause(2.5), np.zeros(round(1.0 * FPS))])
    signs = lived(np.tile(turn, 120))
    into_pause = np.array([start % len(turn) / FPS - 2.5 for start in blinks(signs)])
    at_pause = (abs(into_pause - PAUSE_S) < 0.1).mean()
    assert at_pause > 2 * 0.2 / 3.5


def test_the_same_seed_lives_the_same_and_another_does_not() -> None:
    openings = talking_without_pause(20)
    first, again, other = (lived(openings, LifeOptions(seed=seed)) for seed in (3, 3, 4))
    assert first == again
    assert first != other


@pytest.mark.parametrize(
    ("option", "fields"),
    [
        ("blinks", ("closed",)),
        ("gaze", ("gaze",)),
        ("brows", ("brows",)),
        ("sway", ("roll",)),
    ],
)
def test_each_sign_of_life_can_be_left_out_alone(option: str, fields: tuple[str, ...]) -> None:
    openings = talking_without_pause(30)
    without = lived(openings, LifeOptions(**{option: False}))
    for field in ("closed", "gaze", "brows", "roll"):
        values = np.array([getattr(sign, field) for sign in without])
        assert (abs(values).max() > 0) == (field not in fields)


def test_without_any_sign_of_life_nothing_moves() -> None:
    none = LifeOptions(blinks=False, gaze=False, brows=False, sway=False, breath=False)
    assert set(lived(talking_without_pause(20), none)) == {LifeSigns()}


def test_motion_of_the_head_is_gentle() -> None:
    signs = lived(talking_without_pause(60))
    shift = np.array([sign.shift for sign in signs])
    roll = np.array([sign.roll for sign in signs])
    assert 0.01 < np.abs(shift).max() < 0.06
    assert np.abs(np.diff(shift, axis=0)).max() < 0.006
    assert np.degrees(np.abs(roll)).max() < 2

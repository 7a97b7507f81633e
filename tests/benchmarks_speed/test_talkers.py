import numpy as np
import pytest
from speed.talkers import MESSAGE_SAMPLES, Talker

MESSAGE_S = 0.02


def talker(seconds: float) -> Talker:
    """One that has sent everything on time, from second 100 on, with a look-ahead of 0.15 s."""
    found = Talker(np.zeros(round(16_000 * seconds), np.int16), offset_s=0.0)
    found.begun, found.look_ahead_s = 100.0, 0.15
    found.sent = [100 + (number + 1) * MESSAGE_S for number in range(len(found.sound) // MESSAGE_SAMPLES)]
    return found


def test_a_frame_is_late_by_what_passes_after_the_last_sound_it_needs_was_sent() -> None:
    found = talker(0.4)
    # Blocks at 0, 0.1 and 0.2 s need sound up to 0.15, 0.25 and 0.35 s: messages that end at 0.16, 0.26 and 0.36 s.
    found.arrived = [100.165] * 3 + [100.27] * 3 + [100.38] * 3
    assert found.lateness() == pytest.approx([0.005] * 3 + [0.01] * 3 + [0.02] * 3)


def test_a_frame_is_as_old_as_the_time_since_the_moment_that_it_shows() -> None:
    found = talker(0.4)
    found.arrived = [100.165] * 3
    assert found.ages() == pytest.approx([0.165, 0.165 - 1 / 30, 0.165 - 2 / 30])


def test_frames_that_wait_for_the_flush_have_no_lateness() -> None:
    found = talker(0.4)
    found.arrived = [100.165] * 3 + [100.27] * 3 + [100.38] * 3 + [100.41] * 3
    assert len(found.lateness()) == 9
    assert found.missing == 0


def test_frames_that_do_not_come_or_come_in_the_wrong_order_are_missing() -> None:
    found = talker(1.0)
    found.arrived = [101.0] * 28
    assert found.missing == 2
    found.in_order = False
    assert found.missing == 30

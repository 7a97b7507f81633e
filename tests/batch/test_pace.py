import pytest

from kfusion.batch.pace import SURE_ITEMS, BatchPace, shown_time


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_nothing_is_said_of_the_end_before_something_is_known() -> None:
    clock = Clock()
    pace = BatchPace(1000, 2, clock)
    for _ in range(SURE_ITEMS - 1):
        clock.now += 1
        pace.count(3.0)
    assert pace.left_s() is None
    assert "cannot be told yet" in pace.line()


def test_an_even_pace_gives_an_interval_that_holds_the_end_and_narrows() -> None:
    clock, widths = Clock(), []
    pace = BatchPace(1000, 2, clock)
    pace.before = 100
    for ended in range(1, 801):
        clock.now += 1
        pace.count(3.0 if ended % 10 else None)
        if ended in (50, 800):
            left = pace.left_s()
            assert left is not None
            assert left[0] < 900 - ended < left[1]
            widths.append((left[1] - left[0]) / (900 - ended))
    assert widths[1] < widths[0] / 3
    # 720 recordings of 3 s in 800 s on two lanes.
    assert pace.speech_per_lane == pytest.approx(720 * 3 / 800 / 2)
    assert "900 of 1000 recordings, 80 failed" in pace.line()


def test_a_run_that_slows_down_says_so() -> None:
    clock = Clock()
    pace = BatchPace(10_000, 1, clock)
    for ended in range(2000):
        clock.now += 0.1 if ended < 1000 else 2.0
        pace.count(1.0)
    left = pace.left_s()
    assert left is not None
    assert left[0] < 8000 * 2100 / 2000 < 8000 * 2 < left[1]


def test_times_are_told_as_people_tell_them() -> None:
    assert [shown_time(seconds) for seconds in (40, 720, 12_000, 432_000)] == [
        "40 s",
        "12 min",
        "3 h 20 min",
        "5.0 days",
    ]

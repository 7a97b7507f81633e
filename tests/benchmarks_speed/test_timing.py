import time

import pytest
from speed.timing import ENOUGH, Spread, in_turns, percentile, ratios, spent


def test_a_percentile_is_the_smallest_value_that_so_many_do_not_exceed() -> None:
    values = [float(value) for value in (3, 1, 2, 5, 4, 10, 9, 8, 7, 6)]
    assert [percentile(values, share) for share in (0.5, 0.9, 0.95, 0.99, 1.0)] == [5, 9, 10, 10, 10]
    assert percentile([7.0], 0.5) == 7
    assert percentile([float(value) for value in range(1, 101)], 0.29) == 29


def test_a_spread_has_its_ends_and_its_middle() -> None:
    assert Spread.of([4.0, 1.0, 2.0]).text(1) == "2.0 (1.0 to 4.0)"
    assert Spread.of([4.0, 1.0]).median == 2.5


def test_ratios_are_of_the_same_round() -> None:
    found = ratios([2.0, 30.0, 4.0], [1.0, 10.0, 4.0])
    assert (found.low, found.median, found.high) == (1, 2, 3)
    assert ratios([2.0, 30.0, 4.0], [1.0]).high == 2


def test_works_take_turns_in_alternating_order_after_the_warm_up() -> None:
    order: list[str] = []
    found = in_turns({name: lambda n=name: order.append(n) for name in "ab"}, 3, warm_up=1)
    assert "".join(order) == "ba" + "ab" + "ba" + "ab"
    assert [len(runs) for runs in found.values()] == [3, 3]


def test_a_slow_work_is_left_out_once_it_was_measured_often_enough() -> None:
    found = in_turns({"slow": lambda: time.sleep(0.002), "fast": lambda: None}, 6, warm_up=0, limit_s=0.001)
    assert (len(found["slow"]), len(found["fast"])) == (ENOUGH, 6)


def test_waiting_costs_wall_clock_and_no_cpu() -> None:
    found = spent(lambda: time.sleep(0.02))
    assert found.wall_s >= 0.02
    assert found.cpu_s == pytest.approx(0, abs=0.015)

"""Work in order on any number of threads."""

import threading
import time
from collections.abc import Iterator

import pytest

from kfusion.errors import InputError
from kfusion.inference.workers import Workers


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_results_come_in_order(threads: int) -> None:
    def slow_first(item: int) -> int:
        time.sleep(0.02 if item % 3 == 0 else 0)
        return item * item

    assert [*Workers(threads).map(slow_first, range(20))] == [item * item for item in range(20)]


def test_one_thread_is_the_callers_own() -> None:
    assert {*Workers(1).map(lambda _: threading.get_ident(), range(3))} == {threading.get_ident()}
    assert threading.get_ident() not in {*Workers(2).map(lambda _: threading.get_ident(), range(3))}


def test_items_are_drawn_only_a_few_ahead() -> None:
    drawn: list[int] = []

    def items() -> Iterator[int]:
        for number in range(1000):
            drawn.append(number)
            yield number

    for count, _ in enumerate(Workers(2).map(lambda item: item, items()), start=1):
        assert len(drawn) <= count + 2
        if count == 50:
            break


def test_an_error_of_a_task_or_of_an_item_reaches_the_caller() -> None:
    def items() -> Iterator[int]:
        yield from range(5)
        raise InputError("the sixth is bad")

    for threads in (1, 2):
        with pytest.raises(ZeroDivisionError):
            [*Workers(threads).map(lambda item: 1 // item, range(5))]
        with pytest.raises(InputError, match="the sixth"):
            [*Workers(threads).map(abs, items())]


def test_many_callers_share_the_threads_and_none_waits_for_ever() -> None:
    workers, running, most = Workers(2), [], []

    def task(item: int) -> int:
        running.append(item)
        most.append(len(running))
        time.sleep(0.001)
        running.remove(item)
        return item

    results: dict[int, list[int]] = {}

    def call(start: int) -> None:
        results[start] = [*workers.map(task, range(start, start + 20))]

    callers = [threading.Thread(target=call, args=(100 * number,)) for number in range(6)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(20)
    assert results == {100 * number: [*range(100 * number, 100 * number + 20)] for number in range(6)}
    assert max(most) <= 2


@pytest.mark.parametrize("threads", [0, -3])
def test_fewer_threads_than_one_are_refused(threads: int) -> None:
    with pytest.raises(InputError, match=f"threads is {threads}: use 1 or more"):
        Workers(threads)


def test_all_cores_are_used_unless_told() -> None:
    assert Workers().threads >= 1

"""Threads that share the work: each piece runs on one of them, so that results do not depend on how many there are."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import BoundedSemaphore
from typing import Generic, NamedTuple, TypeVar
from weakref import WeakSet

from kfusion.errors import InputError

Item = TypeVar("Item")
Result = TypeVar("Result")


class Workers:
    """Threads for any number of callers at once; no more items are held than the threads and one more.

    A forked process has none of its parent's threads, and locks as they happened to stand: there every `Workers` gets
    new ones, and what a `map` had handed out is done again.

    Args:
        threads: how many; None for all cores that this process may use. With one, work runs on the caller's own.

    Raises:
        InputError: fewer than one.
    """

    def __init__(self, threads: int | None = None) -> None:
        if threads is not None and threads < 1:
            raise InputError(f"threads is {threads}: use 1 or more, or None for all cores")
        self.threads = threads or cores()
        self._crew = _Crew.of(self.threads)
        _everyone.add(self)

    def map(self, task: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """`task(item)` of every item, in order; items are drawn on the caller's thread, a few ahead of the results."""
        if self.threads == 1:
            yield from map(task, items)
            return
        pending: deque[_Submitted[Item, Result]] = deque()
        try:
            for item in items:
                pending.append(self._submit(task, item))
                if len(pending) > self.threads:
                    yield self._result(task, pending.popleft())
            while pending:
                yield self._result(task, pending.popleft())
        finally:
            for job in pending:
                if job.crew is self._crew:
                    job.future.cancel()

    def renew(self) -> None:
        """New threads and locks, which start when they are needed."""
        self._crew = _Crew.of(self.threads)

    def _submit(self, task: Callable[[Item], Result], item: Item) -> "_Submitted[Item, Result]":
        crew = self._crew
        crew.places.acquire()
        future = crew.pool.submit(task, item)
        future.add_done_callback(lambda _: crew.places.release())
        return _Submitted(crew, item, future)

    def _result(self, task: Callable[[Item], Result], job: "_Submitted[Item, Result]") -> Result:
        """Of a job of another process not even the locks can be trusted."""
        return (job if job.crew is self._crew else self._submit(task, job.item)).future.result()


class _Crew(NamedTuple):
    """The threads of one process."""

    pool: ThreadPoolExecutor
    places: BoundedSemaphore

    @classmethod
    def of(cls, threads: int) -> "_Crew":
        return cls(ThreadPoolExecutor(threads, thread_name_prefix="kfusion"), BoundedSemaphore(threads + 1))


class _Submitted(NamedTuple, Generic[Item, Result]):
    crew: _Crew
    item: Item
    future: Future[Result]


_everyone: WeakSet[Workers] = WeakSet()


def _renew_all() -> None:
    for workers in list(_everyone):
        workers.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_all)


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

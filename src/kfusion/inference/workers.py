"""Threads that share the work: each piece runs on one of them, so that results do not depend on how many there are."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import BoundedSemaphore
from typing import TypeVar

from kfusion.errors import InputError

Item = TypeVar("Item")
Result = TypeVar("Result")


class Workers:
    """Threads for any number of callers at once; no more items are held than the threads and one more.

    Args:
        threads: how many; None for all cores that this process may use. With one, work runs on the caller's own.

    Raises:
        InputError: fewer than one.
    """

    def __init__(self, threads: int | None = None) -> None:
        if threads is not None and threads < 1:
            raise InputError(f"threads is {threads}: use 1 or more, or None for all cores")
        self.threads = threads or cores()
        self._pool = ThreadPoolExecutor(self.threads, thread_name_prefix="kfusion") if self.threads > 1 else None
        self._places = BoundedSemaphore(self.threads + 1)

    def map(self, task: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """`task(item)` of every item, in order; items are drawn on the caller's thread, a few ahead of the results."""
        if self._pool is None:
            yield from map(task, items)
            return
        pending: deque[Future[Result]] = deque()
        try:
            for item in items:
                pending.append(self._submit(self._pool, task, item))
                if len(pending) > self.threads:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()

    def _submit(self, pool: ThreadPoolExecutor, task: Callable[[Item], Result], item: Item) -> Future[Result]:
        self._places.acquire()
        future = pool.submit(task, item)
        future.add_done_callback(lambda _: self._places.release())
        return future


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

"""Bounded work: how many clients are served, and on how many threads."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

from kfusion.serve.refusal import RefusedError

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class Slots:
    """A number of places; who finds none is sent away at once. For one event loop."""

    def __init__(self, what: str, limit: int) -> None:
        self._what, self.limit, self.taken = what, limit, 0

    @contextmanager
    def take(self) -> Iterator[None]:
        """One place while the block runs.

        Raises:
            RefusedError: all are taken.
        """
        if self.taken >= self.limit:
            raise RefusedError("busy", f"the server has {self.limit} {self._what} already: try again later")
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1


class Threads:
    """Threads that take tasks in the order they come, so that many small tasks of many clients share them fairly."""

    def __init__(self, name: str, threads: int) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=f"kfusion-{name}")

    async def run(
        self, task: Callable[Arguments, Result], *arguments: Arguments.args, **named: Arguments.kwargs
    ) -> Result:
        """What `task` returns, on one of the threads."""
        return await asyncio.wrap_future(self._threads.submit(task, *arguments, **named))

    def close(self) -> None:
        """Drop what has not begun; what has begun ends by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)

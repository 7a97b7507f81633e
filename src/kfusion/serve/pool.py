"""Bounded work: how many clients are served, and on how many threads."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from typing import ParamSpec, TypeVar

from kfusion.serve.refusal import RefusedError

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class Slot:
    """What one client holds while it is served."""

    def __init__(self) -> None:
        self.silent_since: float | None = None
        """Since when the client lets the server wait (`time.monotonic`); None while it does not."""
        self._refusal: RefusedError | None = None
        self._scope: asyncio.Timeout | None = None

    def spoke(self) -> None:
        """The client sent something worth the wait; from now on the next is waited for."""
        self.silent_since = time.monotonic()

    def at_work(self) -> None:
        """Nothing is expected of the client."""
        self.silent_since = None

    @asynccontextmanager
    async def kept(self, limit_s: float | None = None) -> AsyncIterator[None]:
        """The block, as long as the slot is not needed otherwise.

        Raises:
            RefusedError: the slot was taken away.
            TimeoutError: the block took longer than `limit_s`.
        """
        try:
            async with asyncio.timeout(limit_s) as self._scope:
                yield
        except TimeoutError as error:
            if self._refusal is not None:
                raise self._refusal from error
            raise
        finally:
            self._scope = None

    def take_away(self, reason: str, code: str = "busy") -> None:
        """Break the block of `kept` off."""
        self._refusal = RefusedError(code, reason)
        if self._scope is not None and not self._scope.expired():
            self._scope.reschedule(0)


class Slots:
    """A number of slots; who finds none is sent away at once. For one event loop.

    Args:
        what: takes the slots, for the message.
        limit: how many there are.
        patience_s: for so long a client may be silent before it must give way to a new one.
    """

    def __init__(self, what: str, limit: int, patience_s: float = float("inf")) -> None:
        self._what, self.limit, self._patience_s = what, limit, patience_s
        self._slots: set[Slot] = set()
        self._closed: str | None = None

    @property
    def taken(self) -> int:
        """How many are taken."""
        return len(self._slots)

    @contextmanager
    def take(self) -> Iterator[Slot]:
        """One slot while the block runs.

        Raises:
            RefusedError: all are taken by clients that are at work, or no more are given out.
        """
        if self._closed is not None:
            raise RefusedError("restarting", self._closed)
        if self.taken >= self.limit:
            self._make_room()
        slot = Slot()
        self._slots.add(slot)
        try:
            yield slot
        finally:
            self._slots.discard(slot)

    def close(self, reason: str) -> None:
        """Give no more out."""
        self._closed = reason

    def clear(self, reason: str, code: str = "busy") -> None:
        """Take every slot away."""
        for slot in self._slots:
            slot.take_away(reason, code)

    def _make_room(self) -> None:
        """Send the client away that has been silent for longest."""
        latest = time.monotonic() - self._patience_s
        silent = [(since, slot) for slot in self._slots if (since := slot.silent_since) is not None]
        since, slot = min(silent, key=lambda pair: pair[0], default=(float("inf"), None))
        if slot is None or since > latest:
            raise RefusedError("busy", f"the server has {self.limit} {self._what} already: try again later")
        self._slots.discard(slot)
        slot.take_away(f"nothing came while others waited, the server has {self.limit} {self._what}: try again")


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

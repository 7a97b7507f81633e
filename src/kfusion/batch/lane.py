"""A process that animates one item after another, and the next process when that one is lost.

It may crash, hang, or want more memory than it may have: that costs the item at hand, never the run.
"""

import multiprocessing
import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path

from kfusion.batch.addresses import is_address, store_of
from kfusion.batch.animator import Animator, BatchOptions, Outcome
from kfusion.batch.manifest_item import Item
from kfusion.errors import KfusionError, error_of
from kfusion.serve.confine import Limits, die_with_parent, limit

ATTEMPTS = 2
"""For an item whose process dies or has no memory left, which others before it or beside it may have taken."""
_READY, _FETCHED = "ready", "fetched"
_START_S = 300.0
_DEATH_S = 2.0
_LONG_S, _LONG_MB = 1e8, 1e6
"""Limits that are none: the clock of the lane ends what takes too long, and a store's file is measured as it comes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ItemLimits:
    """What one item may take."""

    time_s: float = 600.0
    """By the clock, from asking its store on."""
    memory_mb: float = 2000.0
    """Of the process that works on it, the model included."""


@dataclass(slots=True)
class _Process:
    process: multiprocessing.process.BaseProcess
    pipe: Connection
    is_ready: bool = False


class BatchLane:
    """One process at a time, which begins when the first item comes.

    Args:
        options: what is asked of every item.
        limits: of one item.
        folder: an existing one, for the files of results: `row-17/` for those of row 17.
    """

    def __init__(self, options: BatchOptions, limits: ItemLimits, folder: Path) -> None:
        self._options, self._limits, self._folder = options, limits, folder
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="kfusion-lane")
        self._at_work: _Process | None = None
        self._ended = False

    def submit(self, item: Item) -> Future[Outcome]:
        """Animate one item, when the last one is done."""
        return self._thread.submit(self.run, item)

    def run(self, item: Item) -> Outcome:
        """The same, waiting for it.

        Raises:
            KfusionError: no process can be started.
        """
        outcome = Outcome(row=item.row)
        for _ in range(ATTEMPTS):
            process = self._process()
            try:
                outcome = self._ask(item, process.pipe)
                if not outcome.out_of_memory:
                    break
                self._end_process()
            except EOFError:
                death = self._end_process(_DEATH_S)
                reason = (
                    f"{item.shown_speech}: its worker process died {ATTEMPTS} times ({death}; out of memory, or a "
                    "crash in a decoder): convert the file"
                )
                outcome = Outcome(row=item.row, reason=reason)
                self._clean(item)
        return outcome

    def close(self) -> None:
        """End the process at once, whatever it does."""
        self._ended = True
        self._end_process()
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _ask(self, item: Item, pipe: Connection) -> Outcome:
        """What the process answers.

        Raises:
            EOFError: it died.
        """
        until, fetching = time.monotonic() + self._limits.time_s, True
        with _as_death():
            pipe.send(item)
            while pipe.poll(max(0.0, until - time.monotonic())):
                answer = pipe.recv()
                if isinstance(answer, Outcome):
                    return answer
                fetching = answer != _FETCHED
        self._end_process()
        self._clean(item)
        reason = f"{item.shown_speech}: took more than {self._limits.time_s:g} s: pass a shorter one, or a longer time"
        stored = [written for written in (item.speech, item.face) if written and is_address(written)]
        store = store_of(stored[0]) if fetching and stored else None
        return Outcome(row=item.row, reason=reason, again=store is not None, lost_store=store)

    def _process(self) -> _Process:
        """The process at work, or a new one.

        Raises:
            KfusionError: it cannot begin.
        """
        death = ""
        for _ in range(ATTEMPTS):
            if self._at_work is None and not self._ended:
                self._at_work = self._started()
            process = self._at_work
            if process is None or self._ended:
                raise KfusionError("the run was ended")
            if process.is_ready:
                return process
            try:
                self._await(process)
            except EOFError:
                death = self._end_process(_DEATH_S)
        raise KfusionError(
            f"a worker process died before it could begin ({death}): give it more than {self._limits.memory_mb:g} MB "
            "(--memory-mb), or run fewer (--jobs)"
        )

    def _started(self) -> _Process:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        words = (theirs, self._options, self._limits, self._folder)
        process = context.Process(target=_work, args=words, daemon=True)
        process.start()
        theirs.close()
        return _Process(process, ours)

    def _await(self, process: _Process) -> None:
        """Wait until a new process has loaded the model.

        Raises:
            KfusionError: it cannot.
            EOFError: it died.
        """
        with _as_death():
            if not process.pipe.poll(_START_S):
                raise EOFError
            said = process.pipe.recv()
        if isinstance(said, KfusionError):
            self._end_process()
            raise said
        process.is_ready = True

    def _end_process(self, wait_s: float = 0.0) -> str:
        """How it ended, in words, for it may be about to."""
        lost, self._at_work = self._at_work, None
        if lost is None:
            return "ended"
        lost.process.join(wait_s)
        lost.process.kill()
        lost.process.join()
        lost.pipe.close()
        return _death(lost.process.exitcode or 0)

    def _clean(self, item: Item) -> None:
        """Remove what an item left that did not end well."""
        for folder in (item_folder(self._folder, item.row), self._folder / f"fetched-{item.row}"):
            shutil.rmtree(folder, ignore_errors=True)


def item_folder(folder: Path, row: int) -> Path:
    """Where the files of the result of a row lie, among those of other rows in `folder`."""
    return folder / f"row-{row}"


@contextmanager
def _as_death() -> Iterator[None]:
    """Whatever a pipe says when the other side is gone, as `EOFError`."""
    try:
        yield
    except OSError as error:
        raise EOFError from error


def _death(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    with suppress(ValueError):
        return signal.Signals(-code).name
    return f"signal {-code}"


def _work(pipe: Connection, options: BatchOptions, limits: ItemLimits, folder: Path) -> None:
    """Animate what comes until nothing comes any more, in a process that does nothing else."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends this process
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if not die_with_parent():
        threading.Thread(target=_leave_with_parent, daemon=True).start()
    _be_silent()
    limit(Limits(cpu_s=_LONG_S, memory_mb=limits.memory_mb, file_mb=_LONG_MB, niceness=0))
    try:
        animate = Animator(options)
    except Exception as error:  # noqa: BLE001 - the parent is told
        pipe.send(error_of("worker process", error))
        return
    pipe.send(_READY)
    with suppress(EOFError, OSError):  # the parent is gone
        last = -1
        while True:
            item = pipe.recv()
            shutil.rmtree(item_folder(folder, last), ignore_errors=True)  # what is in it was moved to its place
            pipe.send(_one(animate, item, folder, pipe))
            last = item.row


def _one(animate: Animator, item: Item, folder: Path, pipe: Connection) -> Outcome:
    place, fetched = item_folder(folder, item.row), folder / f"fetched-{item.row}"
    try:
        for made in (place, fetched):
            made.mkdir(exist_ok=True)
    except OSError as error:
        return Outcome(row=item.row, full=f"{folder}: cannot write ({error.strerror}): choose another place")
    try:
        outcome = animate(item, place, fetched, lambda: pipe.send(_FETCHED))
        if not outcome.files:
            shutil.rmtree(place, ignore_errors=True)
        return outcome
    finally:
        shutil.rmtree(fetched, ignore_errors=True)


def _be_silent() -> None:
    """What native libraries write goes nowhere: the terminal is the parent's."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for number in (1, 2):
        os.dup2(nowhere, number)


def _leave_with_parent() -> None:
    if (parent := multiprocessing.parent_process()) is not None:
        wait([parent.sentinel])
    os._exit(1)

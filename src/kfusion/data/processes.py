"""Clips shared out to workers, so that a clip can cost no more than the worker that has it."""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

from kfusion.data.clip import Clip
from kfusion.errors import KfusionError
from kfusion.face import Finder

Reasons = Generator[tuple[Clip, str | None], None, None]
DIED = "its worker process died, also when nothing else ran (out of memory, or a crash in a decoder): convert the file"
_In = TypeVar("_In")
_Out = TypeVar("_Out")
_WORK = list[Callable[[Any], Any]]()
"""What a process of `in_order_by` does."""
_MOST_DEATHS = 10
"""So many clips in a row: no clip is to blame."""


@dataclass(frozen=True, slots=True)
class ClipFinders:
    """What looks for faces in a worker."""

    far: Finder
    """In a whole picture."""
    near: Finder
    """In a crop."""
    crowd: Finder
    """For several."""


MakeFinder = Callable[[], Finder | ClipFinders]
"""Makes the face finders of a worker, or the one that does for all; must be importable there."""


class Lane(Protocol):
    """One worker, or the next one when it has died. It has one clip at a time, so the one to blame is known."""

    def submit(self, clip: Clip) -> "Future[Any]":
        """Let it work on a clip."""

    def reason(self, clip: Clip, job: "Future[Any]") -> str | None:
        """Why a job that is done left no part: `DIED` where the worker died; None where it left one."""

    def close(self) -> None:
        """Let the worker go."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Workforce:
    """Who extracts."""

    new_lane: Callable[[Path, MakeFinder], Lane]
    """Makes a worker whose parts go to that output folder."""
    rounds: tuple[int, ...]
    """How many workers take all clips, how many those whose worker died, and so on; after the last it is the clip."""
    spare_deaths: int = 0
    """So many workers more may die in a row, because they die together where a machine is lost."""


def processes(count: int) -> Workforce:
    """Processes here; a clip whose process died is tried once more, alone: another clip may have had its memory."""
    return Workforce(new_lane=_ProcessLane, rounds=(count, 1))


def extract_all(clips: list[Clip], workforce: Workforce, out: Path, make_finder: MakeFinder) -> Reasons:
    """Every clip with the reason why it failed, or None, as they end.

    Raises:
        KfusionError: workers die whatever they work on; or what a worker raises that is no fault of a clip.
    """
    for number, count in enumerate(workforce.rounds):
        again, deaths = list[Clip](), 0
        with closing(_share_out(clips, partial(workforce.new_lane, out, make_finder), count)) as outcomes:
            for clip, outcome in outcomes:
                deaths = deaths + 1 if outcome is DIED else 0
                if deaths == _MOST_DEATHS + workforce.spare_deaths:
                    raise KfusionError(
                        f"{deaths} worker processes died one after another (killed, or out of memory?), the last at "
                        f"{clip.clip_id}: what is finished is kept: run the command again, with fewer --workers"
                    )
                if outcome is DIED and number < len(workforce.rounds) - 1:
                    again.append(clip)
                else:
                    yield clip, outcome
        clips = again


def _share_out(clips: list[Clip], new_lane: Callable[[], Lane], count: int) -> Reasons:
    """Every clip with its reason, or `DIED`."""
    waiting, running = iter(clips), dict[Future[Any], tuple[Clip, Lane]]()
    lanes = [new_lane() for _ in range(min(count, len(clips)))]

    def go_on(lane: Lane) -> None:
        for clip in waiting:
            running[lane.submit(clip)] = clip, lane
            return
        lane.close()

    try:
        for lane in lanes:
            go_on(lane)
        while running:
            for job in wait(running, return_when=FIRST_COMPLETED).done:
                clip, lane = running.pop(job)
                reason = lane.reason(clip, job)
                go_on(lane)
                yield clip, reason
    finally:
        for lane in lanes:
            lane.close()


class _ProcessLane:
    """A process of this machine."""

    def __init__(self, out: Path, make_finder: MakeFinder) -> None:
        from kfusion.data.one_clip import extract_into_part

        self._extract = partial(extract_into_part, out=out, make_finder=make_finder)
        self._pool = _new_process()

    def submit(self, clip: Clip) -> "Future[Any]":
        """Let it work on a clip."""
        try:
            return self._pool.submit(self._extract, clip)
        except BrokenProcessPool:
            self.close()
            self._pool = _new_process()
            return self._pool.submit(self._extract, clip)

    def reason(self, clip: Clip, job: "Future[Any]") -> str | None:
        """Why a job left no part."""
        died = isinstance(job.exception(), BrokenProcessPool)
        return DIED if died else job.result()

    def close(self) -> None:
        """Let the clip at hand end."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def in_order_by(work: Callable[[_In], _Out], items: Iterable[_In], workers: int) -> Generator[_Out, None, None]:
    """What `work` makes of each item, in their order, by so many processes that are a few items ahead.

    Raises:
        KfusionError: a process died; or what `work` raises.
    """
    if workers == 1:
        yield from map(work, items)
        return
    context, ahead = multiprocessing.get_context("spawn"), deque[Future[Any]]()
    with ProcessPoolExecutor(workers, context, initializer=_start_with, initargs=(work,)) as pool:
        try:
            for item in items:
                ahead.append(pool.submit(_do, item))
                if len(ahead) > 4 * workers:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        except BrokenProcessPool as error:
            raise KfusionError("a worker process died (killed, or out of memory?): use fewer --workers") from error
        finally:
            pool.shutdown(cancel_futures=True)


def _start_with(work: Callable[[Any], Any]) -> None:
    """Let this process do one kind of work, and load what it needs once."""
    _start_worker()
    _WORK.append(work)


def _do(item: Any) -> Any:
    return _WORK[-1](item)


def _new_process() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"), initializer=_start_worker)


def _start_worker() -> None:
    """Leave Ctrl-C to the parent, which lets the clips at hand end, and never outlive it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with_parent, daemon=True).start()


def _leave_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)

"""Clips shared out to processes, so that a clip can cost no more than the process that works on it."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing

from kfusion.data.clip import Clip
from kfusion.errors import KfusionError

Extract = Callable[[Clip], str | None]
"""Works on one clip in a process; the reason where that fails. Must be importable there."""
Reasons = Generator[tuple[Clip, str | None], None, None]
DIED = "its worker process died, also when nothing else ran (out of memory, or a crash in a decoder): convert the file"
_MOST_DEATHS = 10
"""So many clips in a row: no clip is to blame."""


def extract_all(clips: list[Clip], extract: Extract, workers: int) -> Reasons:
    """Every clip with the reason why it failed, or None, as they end.

    A clip whose process dies is tried again when the others are done, alone, for it may have been the memory that
    another one took. If that process dies as well, this is the reason.

    Raises:
        KfusionError: processes die whatever they work on; or what `extract` raises.
    """
    alone: list[Clip] = []
    for clips_now, count in ((clips, workers), (alone, 1)):
        deaths = 0
        with closing(_share_out(clips_now, extract, count)) as outcomes:
            for clip, outcome in outcomes:
                deaths = deaths + 1 if outcome is DIED else 0
                if deaths == _MOST_DEATHS:
                    raise KfusionError(
                        f"{deaths} worker processes died one after another (killed, or out of memory?), the last at "
                        f"{clip.clip_id}: what is finished is kept: run the command again, with fewer --workers"
                    )
                if outcome is DIED and clips_now is clips:
                    alone.append(clip)
                else:
                    yield clip, outcome


def _share_out(clips: list[Clip], extract: Extract, count: int) -> Reasons:
    """Every clip with its reason, or `DIED`; each process has one clip at a time, so that it is known who it was."""
    waiting, running = iter(clips), dict[Future[str | None], Clip]()
    lanes = [_Lane() for _ in range(min(count, len(clips)))]
    busy = dict[Future[str | None], _Lane]()

    def go_on(lane: _Lane) -> None:
        for clip in waiting:
            job = lane.submit(extract, clip)
            running[job], busy[job] = clip, lane
            return

    try:
        for lane in lanes:
            go_on(lane)
        while running:
            for job in wait(running, return_when=FIRST_COMPLETED).done:
                died = isinstance(job.exception(), BrokenProcessPool)
                go_on(busy.pop(job))
                yield running.pop(job), DIED if died else job.result()
    finally:
        for lane in lanes:
            lane.close()


class _Lane:
    """One process, or the next one when it has died."""

    def __init__(self) -> None:
        self._pool = _new_process()

    def submit(self, extract: Extract, clip: Clip) -> Future[str | None]:
        try:
            return self._pool.submit(extract, clip)
        except BrokenProcessPool:
            self.close()
            self._pool = _new_process()
            return self._pool.submit(extract, clip)

    def close(self) -> None:
        """Let the clip at hand end."""
        self._pool.shutdown(wait=True, cancel_futures=True)


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

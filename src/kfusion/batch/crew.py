"""Who works on the items of a run at the same time, and who gets the next one."""

from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Protocol, TypeAlias

from kfusion.batch.animator import Outcome
from kfusion.batch.manifest_item import Item
from kfusion.errors import KfusionError, one_line


class AnyLane(Protocol):
    """Works on one item at a time, here or elsewhere."""

    def submit(self, item: Item) -> "Future[Outcome]":
        """How it ends."""

    def close(self) -> None:
        """End at once."""


Endings: TypeAlias = "Iterator[tuple[Item, Outcome]]"


def share_out(items: Iterator[Item], lanes: Sequence[AnyLane]) -> Endings:
    """Every item with how it ended, as they end; items are drawn when a lane is free, so that none wait in between.

    Raises:
        KfusionError: a lane cannot work at all.
    """
    running = dict[Future[Outcome], tuple[Item, AnyLane]]()

    def go_on(lane: AnyLane) -> None:
        for item in items:
            running[lane.submit(item)] = (item, lane)
            return

    for lane in lanes:
        go_on(lane)
    while running:
        for job in wait(running, return_when=FIRST_COMPLETED).done:
            item, lane = running.pop(job)
            outcome = _ended(item, job)
            yield item, outcome
            go_on(lane)


def closing_all(lanes: Sequence[AnyLane]) -> None:
    """End every lane, whatever the others say to it."""
    for lane in lanes:
        lane.close()


def _ended(item: Item, job: "Future[Outcome]") -> Outcome:
    error = job.exception()
    if error is None:
        return job.result()
    if isinstance(error, KfusionError):
        raise error
    if not isinstance(error, Exception):
        raise error
    reason = f"{item.shown_speech}: its machine was lost ({one_line(error)[:200]}): run the command again"
    return Outcome(row=item.row, reason=reason, again=True)

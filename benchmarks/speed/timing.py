"""Times of things that are measured in turns, so that a busy machine slows all of them alike."""

import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

ENOUGH = 3
"""Measurements after which a slow candidate may be left out of further rounds."""

Work = Callable[[], object]


class Spent(NamedTuple):
    """What one run took."""

    wall_s: float
    cpu_s: float
    """Of all threads of the process."""


@dataclass(frozen=True, slots=True)
class Spread:
    """The middle and the ends of some measurements."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> "Spread":
        """The spread of `values`, of which there is at least one."""
        found = sorted(values)
        return cls(found[0], statistics.median(found), found[-1])

    def text(self, digits: int = 1) -> str:
        """`median (low to high)`."""
        return f"{self.median:.{digits}f} ({self.low:.{digits}f} to {self.high:.{digits}f})"


def spent(work: Work) -> Spent:
    """What one run of `work` takes."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Spent(time.perf_counter() - wall, time.process_time() - cpu)


def in_turns(
    works: Mapping[str, Work], rounds: int, *, warm_up: int = 1, limit_s: float = float("inf")
) -> dict[str, list[Spent]]:
    """What every work took in each round, forwards in even rounds and backwards in odd ones; the warm-up left out.

    Args:
        works: by name.
        rounds: how often each is measured.
        warm_up: rounds before that.
        limit_s: a work that took longer than this in all is left out after `ENOUGH` rounds.
    """
    found: dict[str, list[Spent]] = {name: [] for name in works}
    for number in range(-warm_up, rounds):
        for name in list(works)[:: -1 if number % 2 else 1]:
            had = found[name]
            if len(had) >= ENOUGH and sum(one.wall_s for one in had) > limit_s:
                continue
            measured = spent(works[name])
            if number >= 0:
                had.append(measured)
    return found


def ratios(of: Sequence[float], over: Sequence[float]) -> Spread:
    """The spread of `of / over` over pairs of the same round; rounds that only one of them has do not count."""
    return Spread.of(a / b for a, b in zip(of, over, strict=False))


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest of `values` that at least `share` (0 to 1] of them do not exceed (nearest rank)."""
    ordered = sorted(values)
    rank = max(1, -int(-share * len(ordered) // 1))
    return ordered[rank - 1]

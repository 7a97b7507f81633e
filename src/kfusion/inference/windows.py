"""A recording of any length through a network that sees a few seconds: cut, run, join without a seam.

Window k starts at k * hop. Two neighbours share `overlap`, of which each one keeps the quarter next
to its own middle and fades into the other over the half between.
"""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from kfusion.audio import Samples
from kfusion.landmarks import Points


def cut(blocks: Iterable[Samples], window: int, hop: int) -> Iterator[Samples]:
    """Windows of `window` samples, each `hop` after the one before; the last holds what is left, more than the overlap.

    Never holds more than one window and one block.
    """
    held: list[Samples] = []
    count = 0
    for block in blocks:
        held.append(block)
        count += len(block)
        if count > window:
            rest = np.concatenate(held)
            while len(rest) > window:
                yield rest[:window]
                rest = rest[hop:]
            held, count = [rest], len(rest)
    if count:
        yield np.concatenate(held)


def join(pieces: Iterable[Points], hop: int, overlap: int) -> Iterator[Points]:
    """The frames (T, 68, 2) of all windows in order, the shared ones faded; `hop` and `overlap` in frames."""
    tail: Points | None = None
    for piece in pieces:
        whole = piece if tail is None else np.concatenate([_fade(tail, piece[:overlap]), piece[overlap:]])
        yield whole[:hop]
        tail = whole[hop:]
    if tail is not None:
        yield tail


def _fade(old: Points, new: Points) -> Points:
    weight = fade_in(len(new))[:, None, None]
    return ((1 - weight) * old + weight * new).astype(np.float32)


def fade_in(count: int) -> NDArray[np.float64]:
    """Weight of the newer window over the shared frames, (count,): 0, a smooth rise over the middle half, 1."""
    place = (np.arange(count) + 0.5) / max(count, 1)
    ramp = np.clip(2 * place - 0.5, 0, 1)
    return ramp * ramp * (3 - 2 * ramp)

"""Holes: bytes of a file that were never written, and stretches of a track for which nothing is there."""

import errno
import os
from dataclasses import dataclass
from pathlib import Path

from kfusion.errors import InputError

MAX_HOLE_S, MAX_HOLES_S = 300.0, 3600.0
"""The longest stretch without sound or picture that is filled in, and the most of all together."""
_SMALL_BYTES = 1 << 20
_MAX_EXTENTS = 1000


def check_written(path: Path, size: int) -> None:
    """Raises `InputError` if more than half of a file was never written to the disk, as in an unfinished download."""
    if size <= _SMALL_BYTES or not hasattr(os, "SEEK_DATA"):
        return
    written = _written(path, size)
    if written < size / 2:
        raise InputError(
            f"{path}: {size - written} of its {size} bytes were never written: an unfinished download? copy it again"
        )


def _written(path: Path, size: int) -> int:
    """The bytes that are no holes; all of them, where the file system does not tell."""
    written, place = 0, 0
    with path.open("rb") as file:
        for _ in range(_MAX_EXTENTS):
            try:
                start = os.lseek(file.fileno(), place, os.SEEK_DATA)
                place = os.lseek(file.fileno(), start, os.SEEK_HOLE)
            except OSError as error:
                return written if error.errno == errno.ENXIO else size
            written += place - start
            if place >= size:
                break
        else:
            return size
    return written


@dataclass(slots=True)
class Holes:
    """What was filled in on the way through a track, kept within bounds."""

    path: Path
    what: str
    """What is missing there: `sound`, `picture`."""
    total_s: float = 0.0
    count: int = 0

    def add(self, at_s: float, duration_s: float) -> None:
        """Count a hole.

        Raises:
            InputError: it is longer than 5 minutes, or all of them than an hour.
        """
        self.check(at_s, duration_s)
        self.total_s += duration_s
        self.count += 1

    def check(self, at_s: float, duration_s: float) -> None:
        """Raises `InputError` if a hole is longer than 5 minutes, or with the others than an hour."""
        if duration_s > MAX_HOLE_S or self.total_s + duration_s > MAX_HOLES_S:
            raise InputError(
                f"{self.path}: by its time stamps there is no {self.what} for {duration_s:.2f} s at {at_s:.2f} s "
                f"({self.total_s + duration_s:.2f} s in all); up to {MAX_HOLE_S:.0f} s (in all {MAX_HOLES_S:.0f} s) "
                "are filled in: cut it there, or export it again"
            )

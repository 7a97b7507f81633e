"""Numbers as words on the command line: finite, and small enough to count to."""

import argparse
import math
from collections.abc import Callable
from typing import Any

MOST = 2**31 - 1
"""The largest whole number that a flag takes."""


def number(word: str) -> float:
    """A finite number, of a word on the command line."""
    value = float(word)
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"'{word}' is not a finite number")
    return value


def whole(word: str) -> int:
    """A whole number that any library can count to, of a word on the command line."""
    value = int(word)
    if abs(value) > MOST:
        raise argparse.ArgumentTypeError(f"{word[:40]} is beyond {MOST}")
    return value


def hours(word: str) -> float:
    """A time that is to be spent, of a word on the command line."""
    value = number(word)
    if value < 0:
        raise argparse.ArgumentTypeError(f"'{word}': use 0 or more")
    return value


READERS: dict[type, Callable[[str], Any]] = {float: number, int: whole}
"""What reads a flag of a type on the command line."""

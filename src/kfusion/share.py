"""One of N machines that share work without knowing of each other: `I/N` on the command line."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self, TypeVar

from kfusion.errors import InputError

_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class Share:
    """Every N-th thing; the whole, unless told.

    Raises:
        InputError: there is no such share.
    """

    number: int = 1
    """From 1."""
    count: int = 1
    """How many machines there are."""

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.count:
            raise InputError(f"shard {self}: pass I/N with I from 1 to N, such as 2/8")

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The share that `I/N` names.

        Raises:
            InputError: it names none.
        """
        number, _, count = text.partition("/")
        if not (number.isascii() and number.isdecimal() and count.isascii() and count.isdecimal()):
            raise InputError(f"shard {text}: pass I/N with I from 1 to N, such as 2/8")
        return cls(int(number), int(count))

    def of(self, things: Sequence[_Item]) -> Sequence[_Item]:
        """Those of a sequence that it has."""
        return things[self.number - 1 :: self.count]

    def has(self, index: int) -> bool:
        """Whether the thing at this place, from 0, is among them."""
        return index % self.count == self.number - 1

    @property
    def label(self) -> str:
        """In names of files: `.2-of-8`; nothing for the whole."""
        return "" if self.count == 1 else f".{self.number}-of-{self.count}"

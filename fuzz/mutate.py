"""Inputs made from seeds by a few random changes, the same ones for the same number."""

import random
from collections.abc import Callable, Sequence

INTERESTING = (0, 1, 2, 4, 16, 127, 128, 255, 256, 32767, 65535, 2**31 - 1, 2**32 - 1)
WORDS = (
    b"NaN",
    b"1e999",
    b"-0",
    b"null",
    b"{}",
    b"[]",
    b"[[",
    b'"',
    b"\\ud800",
    b"\xff\xfe",
    b"\0",
    b",",
    b"true",
    b"9" * 400,
)


def mutated(seeds: Sequence[bytes], number: int, longest: int) -> bytes:
    """Input `number` of a target, at most `longest` bytes."""
    chance = random.Random(number)
    content = bytearray(chance.choice(seeds))
    for _ in range(chance.choice((1, 1, 2, 4, 8, 16))):
        chance.choice(_CHANGES)(content, chance, seeds)
    return bytes(content[:longest])


def _flip(content: bytearray, chance: random.Random, _: Sequence[bytes]) -> None:
    if content:
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)


def _number(content: bytearray, chance: random.Random, _: Sequence[bytes]) -> None:
    width, order = chance.choice((1, 2, 4, 8)), chance.choice(("little", "big"))
    value = (chance.choice(INTERESTING) % 256**width).to_bytes(width, order)  # type: ignore[arg-type]
    at = chance.randrange(len(content) + 1)
    content[at : at + width] = value


def _word(content: bytearray, chance: random.Random, _: Sequence[bytes]) -> None:
    at = chance.randrange(len(content) + 1)
    content[at : at + chance.choice((0, 1, 4))] = chance.choice(WORDS)


def _cut(content: bytearray, chance: random.Random, _: Sequence[bytes]) -> None:
    first, last = sorted(chance.randrange(len(content) + 1) for _ in range(2))
    del content[first:last]


def _end(content: bytearray, chance: random.Random, _: Sequence[bytes]) -> None:
    del content[chance.randrange(len(content) + 1) :]


def _again(content: bytearray, chance: random.Random, _: Sequence[bytes]) -> None:
    first, last = sorted(chance.randrange(len(content) + 1) for _ in range(2))
    content[first:first] = content[first : min(last, first + 4096)]


def _other(content: bytearray, chance: random.Random, seeds: Sequence[bytes]) -> None:
    other = chance.choice(seeds)
    at = chance.randrange(len(content) + 1)
    content[at:] = other[chance.randrange(len(other) + 1) :]


_CHANGES: tuple[Callable[[bytearray, random.Random, Sequence[bytes]], None], ...] = (
    _flip,
    _flip,
    _flip,
    _number,
    _number,
    _word,
    _cut,
    _end,
    _again,
    _other,
)

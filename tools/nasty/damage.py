"""The ways in which a file is damaged, the same ones for every kind."""

import random
from collections.abc import Iterator

CUTS = (0.02, 0.1, 0.5, 0.9)


def damaged(name: str, ending: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    """The file as it is, cut short, with bytes changed, with a hole, and with nothing behind its first bytes."""
    yield f"{name}.{ending}", content
    for share in CUTS:
        yield f"{name}-cut{round(100 * share):02d}.{ending}", content[: max(1, int(share * len(content)))]
    chance = random.Random(f"{name}.{ending}")
    changed = bytearray(content)
    for _ in range(20):
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    yield f"{name}-flipped.{ending}", bytes(changed)
    third = len(content) // 3
    yield f"{name}-hole.{ending}", content[:third] + bytes(third) + content[2 * third :]
    yield f"{name}-rubbish.{ending}", content[:16] + chance.randbytes(8000)

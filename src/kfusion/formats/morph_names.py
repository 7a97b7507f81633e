"""Which morph target of somebody's avatar is which ARKit shape, told from its name."""

import re
from collections.abc import Sequence

from kfusion.face_shapes import ARKIT_SHAPES


def matching_shapes(names: Sequence[str]) -> dict[int, str]:
    """Number of a morph target -> the ARKit shape that it is called after.

    `jawOpen`, `JawOpen`, `jaw_open`, `Face.M_F00_JawOpen`, `mouthSmile_L` and `mouthSmileLeft` are known; where several
    targets have the name of one shape, each is it.
    """
    known = {_plain(name): name for name in ARKIT_SHAPES}
    found = {}
    for number, name in enumerate(names):
        candidates = (name, re.split(r"[.:|]", name)[-1], name.rpartition("_")[2])
        shape = next((known[plain] for plain in map(_plain, candidates) if plain in known), None)
        if shape is not None:
            found[number] = shape
    return found


def _plain(name: str) -> str:
    """Small letters alone, with `_L` and `_R` spelt out."""
    for short, side in (("L", "Left"), ("R", "Right")):
        name = re.sub(rf"(?<=[a-z])[_.-]?{short}$", side, name)
    return re.sub(r"[^a-z]", "", name.lower())

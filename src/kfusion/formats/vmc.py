"""VMC, the protocol of virtual motion capture: OSC over UDP, port 39539, to VRM avatars.

A frame is some bundles, none larger than a packet of an ordinary network. Receivers take the names that their avatar
has: ARKit's with a small and with a large first letter ("perfect sync"), and of VRM 0 those that a face alone gives.
"""

import struct
from collections.abc import Iterator

from kfusion.face_shapes import ARKIT_SHAPES
from kfusion.formats.rotation import unity_rotation
from kfusion.motion.arkit import Weights
from kfusion.motion.head_pose import Angles

MAX_BUNDLE_BYTES = 1400
FULLY_OPEN = 0.5
"""The `jawOpen` that is VRM's `A` at its most."""
_NOW = struct.pack(">Q", 1)
_BLEND = "/VMC/Ext/Blend/Val"


def vmc_packets(weights: Weights, head: Angles, time_s: float) -> list[bytes]:
    """One frame, weights (52,), and yaw, pitch, roll (3,) in radians, shown at `time_s`."""
    return _bundles([*_messages(dict(zip(ARKIT_SHAPES, map(float, weights), strict=True)), head, time_s)])


def _messages(shapes: dict[str, float], head: Angles, time_s: float) -> Iterator[bytes]:
    yield osc_message("/VMC/Ext/OK", 1)
    yield osc_message("/VMC/Ext/T", float(time_s))
    turn = unity_rotation(*map(float, head))
    yield osc_message("/VMC/Ext/Bone/Pos", "Head", 0.0, 0.0, 0.0, *turn)
    for name, weight in shapes.items():
        yield osc_message(_BLEND, name, weight)
        yield osc_message(_BLEND, name[0].upper() + name[1:], weight)
    yield osc_message(_BLEND, "A", min(1.0, shapes["jawOpen"] / FULLY_OPEN))
    yield osc_message(_BLEND, "Blink_L", shapes["eyeBlinkLeft"])
    yield osc_message(_BLEND, "Blink_R", shapes["eyeBlinkRight"])
    yield osc_message("/VMC/Ext/Blend/Apply")


def _bundles(messages: list[bytes]) -> list[bytes]:
    """Messages in as few bundles as may be, in order."""
    bundles = [b"#bundle\0" + _NOW]
    for message in messages:
        if len(bundles[-1]) + 4 + len(message) > MAX_BUNDLE_BYTES:
            bundles.append(b"#bundle\0" + _NOW)
        bundles[-1] += struct.pack(">i", len(message)) + message
    return bundles


def osc_message(address: str, *values: str | int | float) -> bytes:
    """A message of Open Sound Control 1.0: strings end with a NUL and fill four bytes, numbers are big-endian."""
    kinds = "".join({str: "s", int: "i", float: "f"}[type(value)] for value in values)
    return _text(address) + _text(f",{kinds}") + b"".join(map(_encoded, values))


def _encoded(value: str | int | float) -> bytes:
    if isinstance(value, str):
        return _text(value)
    return struct.pack(">f" if isinstance(value, float) else ">i", value)


def _text(text: str) -> bytes:
    raw = text.encode() + b"\0"
    return raw + b"\0" * (-len(raw) % 4)

"""Live Link Face: the CSV that its app records, and the UDP packets that it sends to Unreal.

Head and eye rotations are 0: no source that we know states their unit.
"""

import csv
import struct
from fractions import Fraction
from pathlib import Path

from kfusion.face_shapes import ARKIT_SHAPES
from kfusion.motion.arkit import Weights
from kfusion.motion.face_motion import Motion

ROTATIONS = (
    *("headYaw", "headPitch", "headRoll", "leftEyeYaw", "leftEyePitch", "leftEyeRoll"),
    *("rightEyeYaw", "rightEyePitch", "rightEyeRoll"),
)
WIRE_ORDER = (*ARKIT_SHAPES, *ROTATIONS)
_SWAPPED = {"jawLeft": "jawRight", "mouthLeft": "mouthRight"}
_SWAPPED |= {right: left for left, right in _SWAPPED.items()}
APP_ORDER = tuple(_SWAPPED.get(name, name) for name in WIRE_ORDER)
"""Columns of the app's recordings: right before left for jaw and mouth, other than on the wire."""
DEVICE = "6b667573-696f-6e00-8000-000000000001"
SUBJECT = "kfu"
"""What Unreal calls the source; with three letters a packet has 309 bytes, the most that a reader in use takes."""
_VERSION = 6


def write_livelink(motion: Motion, path: Path) -> None:
    """A recording as the app makes it: readers by name and readers by position are both served."""
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["Timecode", "BlendShapeCount", *(name[0].upper() + name[1:] for name in APP_ORDER)])
        places = [ARKIT_SHAPES.index(name) for name in APP_ORDER if name in ARKIT_SHAPES]
        for number, weights in enumerate(motion.weights, motion.sequence.first_frame):
            values = [f"{weight:.4f}" for weight in weights[places]] + ["0.0000"] * len(ROTATIONS)
            rows.writerow([_timecode(number, motion.fps), len(WIRE_ORDER), *values])


def _timecode(number: int, fps: float) -> str:
    """HH:MM:SS:FF.mmm of a frame, whose number within its second is counted at the whole rate next to `fps`."""
    seconds, rest = divmod(number / fps + 1e-9, 1)
    frame, part = divmod(rest * fps, 1)
    whole = int(seconds)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}:{int(frame):02}.{int(part * 1000):03}"


def livelink_packet(weights: Weights, number: int, fps: float) -> bytes:
    """One frame, weights (52,), for port 11111: receivers drop frames whose `number` goes back."""
    rate = Fraction(fps).limit_denominator(1001)
    values = [*map(float, weights), *(0.0 for _ in ROTATIONS)]
    return b"".join(
        [
            struct.pack(">B", _VERSION),
            *(struct.pack(">i", len(text)) + text.encode() for text in (DEVICE, SUBJECT)),
            struct.pack(">ifii", number, 0.0, rate.numerator, rate.denominator),
            struct.pack(f">B{len(values)}f", len(values), *values),
        ]
    )

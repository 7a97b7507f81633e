"""iFacialMocap: the text that its app sends over UDP to Blender, Maya, Unity, VSeeFace and others, port 49983."""

import math

from kfusion.face_shapes import ARKIT_SHAPES
from kfusion.motion.arkit import Weights
from kfusion.motion.head_pose import Angles


def ifacialmocap_packet(weights: Weights, head: Angles) -> bytes:
    """One frame, weights (52,) as whole percents and yaw, pitch, roll (3,) as degrees; the eyes look straight on."""
    shapes = "".join(
        f"{_sided(name)}-{round(100 * float(one))}|" for name, one in zip(ARKIT_SHAPES, weights, strict=True)
    )
    yaw, pitch, roll = (math.degrees(float(angle)) for angle in head)
    turned = f"=head#{-pitch:.4f},{yaw:.4f},{-roll:.4f},0,0,0|"
    return f"{shapes}{turned}rightEye#0,0,0|leftEye#0,0,0|".encode()


def _sided(name: str) -> str:
    """`mouthSmileLeft` as `mouthSmile_L`; `jawLeft` and `mouthLeft`, which name a direction, as they are."""
    if name.startswith("jaw") or name in ("mouthLeft", "mouthRight"):
        return name
    for side in ("Left", "Right"):
        if name.endswith(side):
            return f"{name.removesuffix(side)}_{side[0]}"
    return name

"""Audio2Face: the JSON of weights that NVIDIA's Omniverse exports, and its importers read."""

import json
from pathlib import Path

from kfusion.face_shapes import ARKIT_SHAPES
from kfusion.motion.face_motion import Motion


def write_a2f(motion: Motion, path: Path) -> None:
    """Names once, then a row of weights a frame."""
    matrix = [[round(float(weight), 5) for weight in weights] for weights in motion.weights]
    content = {
        "exportFps": motion.fps,
        "trackPath": motion.sequence.source,
        "numFrames": len(motion),
        "numPoses": len(ARKIT_SHAPES),
        "facsNames": ARKIT_SHAPES,
        "weightMat": matrix,
    }
    path.write_text(json.dumps(content))

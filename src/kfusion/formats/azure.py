"""Azure's blend shapes: 55 numbers a frame at 60 frames a second, as its speech service sends with visemes."""

import json
from pathlib import Path

import numpy as np

from kfusion.landmarks import frame_count
from kfusion.motion.face_motion import Motion

AZURE_FPS = 60
_ROTATIONS = (0.0, 0.0, 0.0)
"""Roll of the head and of both eyes: their unit is not stated."""


def write_azure(motion: Motion, path: Path) -> None:
    """One chunk with all frames, the weights linear in between where the rate is another."""
    times = np.arange(frame_count(len(motion) / motion.fps, AZURE_FPS)) / AZURE_FPS
    own = np.arange(len(motion)) / motion.fps
    columns = np.stack([np.interp(times, own, column) for column in motion.weights.T], -1)
    rows = [[*(round(float(weight), 5) for weight in row), *_ROTATIONS] for row in columns]
    path.write_text(json.dumps({"FrameIndex": round(motion.times_s[0] * AZURE_FPS), "BlendShapes": rows}))

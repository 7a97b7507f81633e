"""TalkingHead: the `anim` object that `speakAudio` and `streamAudio` of met4citizen/TalkingHead play beside a sound."""

import json
from pathlib import Path

import numpy as np

from kfusion.face_shapes import ARKIT_SHAPES
from kfusion.motion.face_motion import Motion


def write_talkinghead(motion: Motion, path: Path) -> None:
    """What is to be spread into `speakAudio({audio, ...content})`; no words, or it would not read the rest."""
    empty = {name: list[float]() for name in ("words", "wtimes", "wdurations")}
    path.write_text(json.dumps({**empty, "anim": _animation(motion)}))


def _animation(motion: Motion) -> dict[str, object]:
    """A value a frame of every shape that moves, reached at the frame's time: rounded durations do not add up."""
    ends_ms = np.round(motion.times_s * 1000).astype(int)
    moving = [name for name in ARKIT_SHAPES if motion.of(name).any()] or ["jawOpen"]
    return {
        "name": "kfusion",
        "dt": [int(step) for step in np.diff(ends_ms, prepend=0)],
        "vs": {name: [round(float(weight), 4) for weight in motion.of(name)] for name in moving},
    }

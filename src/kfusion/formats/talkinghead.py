"""TalkingHead: what `speakAudio` and `streamAudio` of met4citizen/TalkingHead play beside a sound.

`anim` moves the lips by ARKit's shapes, `cues` by the visemes of the avatar. Both at once would open the mouth twice,
so the cues lie where `speakAudio({audio, ...content})` does not look.
"""

import json
from pathlib import Path

import numpy as np

from kfusion.face_shapes import ARKIT_SHAPES
from kfusion.motion.face_motion import Motion
from kfusion.motion.visemes import VisemeTrack


def write_talkinghead(motion: Motion, path: Path) -> None:
    """What is to be spread into `speakAudio({audio, ...content})`; no words, or it would not read the rest."""
    empty = {name: list[float]() for name in ("words", "wtimes", "wdurations")}
    content: dict[str, object] = {**empty, "anim": _animation(motion)}
    if motion.visemes is not None:
        content["cues"] = {**empty, **_cues(motion.visemes)}
    path.write_text(json.dumps(content))


def _cues(track: VisemeTrack) -> dict[str, list[str] | list[int]]:
    """The visemes with their times in ms; silence is what lies between them."""
    said = [cue for cue in track.cues() if cue.viseme != "sil"]
    return {
        "visemes": [cue.viseme for cue in said],
        "vtimes": [round(cue.start_s * 1000) for cue in said],
        "vdurations": [round((cue.end_s - cue.start_s) * 1000) for cue in said],
    }


def _animation(motion: Motion) -> dict[str, object]:
    """A value a frame of every shape that moves, reached at the frame's time: rounded durations do not add up."""
    ends_ms = np.round(motion.times_s * 1000).astype(int)
    moving = [name for name in ARKIT_SHAPES if motion.of(name).any()] or ["jawOpen"]
    return {
        "name": "kfusion",
        "dt": [int(step) for step in np.diff(ends_ms, prepend=0)],
        "vs": {name: [round(float(weight), 4) for weight in motion.of(name)] for name in moving},
    }

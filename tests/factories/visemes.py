"""Visemes said by hand."""

import numpy as np

from kfusion.motion.visemes import STEP_HZ, VISEMES, VisemeTrack


def saying(names: str, each_s: float = 0.1) -> VisemeTrack:
    """The visemes of `sil PP aa` one after the other, each so long, 0.9 of what is seen."""
    places = np.repeat([VISEMES.index(name) for name in names.split()], round(each_s * STEP_HZ))
    steps = np.full((len(places), len(VISEMES)), 0.1 / 14, np.float32)
    steps[np.arange(len(places)), places] = 0.9
    return VisemeTrack(steps=steps, duration_s=len(places) / STEP_HZ, source="/sounds/speech.wav")

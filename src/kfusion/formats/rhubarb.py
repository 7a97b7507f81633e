"""Rhubarb Lip Sync: which of nine drawn mouths is seen when, as JSON or TSV. Cues touch; times have two decimals."""

import json
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from kfusion.errors import InputError
from kfusion.motion.face_motion import Motion
from kfusion.motion.visemes import RHUBARB_SHAPES, VisemeTrack

REST = "X"


class MouthCue(NamedTuple):
    """A stretch of time with one drawn mouth."""

    start_s: float
    end_s: float
    shape: str


def mouth_cues(track: VisemeTrack) -> list[MouthCue]:
    """The mouths of a recording, one after the other; at least one. Times are whole hundredths of a second."""
    cues = track.cues()
    drawn = [list(group) for _, group in groupby(cues, key=lambda cue: RHUBARB_SHAPES[cue.viseme])]
    shapes = [
        MouthCue(round(group[0].start_s, 2), round(group[-1].end_s, 2), RHUBARB_SHAPES[group[0].viseme])
        for group in drawn
    ]
    return [shape for shape in shapes if shape.end_s > shape.start_s] or [MouthCue(0, 0.01, REST)]


def write_rhubarb(motion: Motion, path: Path) -> None:
    """The JSON that Rhubarb prints with `-f json`."""
    track = heard_of(motion)
    lines = ",\n".join(
        f'    {{ "start": {start_s:.2f}, "end": {end_s:.2f}, "value": "{shape}" }}'
        for start_s, end_s, shape in mouth_cues(track)
    )
    source = json.dumps(track.source)
    path.write_text(
        f'{{\n  "metadata": {{\n    "soundFile": {source},\n    "duration": {track.duration_s:.2f}\n  }},\n'
        f'  "mouthCues": [\n{lines}\n  ]\n}}\n',
        encoding="utf-8",
    )


def write_rhubarb_tsv(motion: Motion, path: Path) -> None:
    """The table that Rhubarb prints with `-f tsv`: starts and mouths, and the end with the mouth at rest."""
    cues = mouth_cues(heard_of(motion))
    rows = [*((start_s, shape) for start_s, _, shape in cues), (cues[-1].end_s, REST)]
    path.write_text("".join(f"{time_s:.2f}\t{shape}\n" for time_s, shape in rows), encoding="utf-8")


def heard_of(motion: Motion) -> VisemeTrack:
    """The visemes beside a motion.

    Raises:
        InputError: there are none, as it was read from landmarks without their sound.
    """
    if motion.visemes is None:
        raise InputError("visemes are read from sound: add the recording of these landmarks (`--speech FILE`)")
    return motion.visemes

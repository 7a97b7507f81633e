"""FACEGOOD-Audio2Face (MIT) as landmarks of its rig: `landmarks/*.npz` and `sound/*.flac`, one Mandarin voice.

The rig's mouth was solved from video; it neither blinks nor turns. Recordings last up to two minutes; they are cut
into pieces of about 10 s, since everything that reads a prepared data set counts in sentences.

Split: the last two recordings by name are tested on, the one before them validated on. There is one voice, so test
clips are other recordings of the SAME speaker: the protocol `sentences`.
"""

from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np

from kfusion.data.clip import Clip, check_source
from kfusion.data.landmark_track import LandmarkTrack, check_points, read_track_arrays
from kfusion.errors import InputError
from kfusion.landmarks import POINT_COUNT

SPEAKER = "facegood"
PIECE_S = 10
TEST_RECORDINGS, VALIDATION_RECORDINGS = 2, 1


def read_facegood(source: Path) -> list[Clip]:
    """The pieces of the recordings in a FACEGOOD folder.

    Raises:
        InputError: there are no landmark files, or one is damaged.
    """
    check_source(source)
    paths = sorted(path for path in (source / "landmarks").glob("*.npz") if not path.name.startswith("."))
    if not paths:
        raise InputError(f"{source}: no landmarks/*.npz: pass the folder with landmarks/ and sound/")
    return [
        clip for left, path in zip(range(len(paths), 0, -1), paths, strict=True) for clip in _pieces(path, _split(left))
    ]


def rig_track(path: Path, first: int, end: int) -> LandmarkTrack:
    """The frames from `first` to before `end` of a recording, (T, 68, 2) in the rig's units.

    Raises:
        InputError: the file is damaged or holds something else.
    """
    arrays, fps = read_track_arrays(path, points=(POINT_COUNT, 2))
    points = check_points(path, arrays["points"][first:end])
    return LandmarkTrack(points=points, times_s=np.arange(first, first + len(points)) / fps)


def _split(left: int) -> str:
    """The split of a recording that is the `left`-th from the end."""
    if left <= TEST_RECORDINGS:
        return "test"
    return "val" if left <= TEST_RECORDINGS + VALIDATION_RECORDINGS else "train"


def _pieces(path: Path, split: str) -> list[Clip]:
    arrays, fps = read_track_arrays(path, points=(POINT_COUNT, 2))
    frames = len(arrays["points"])
    count = max(1, round(frames / fps / PIECE_S))
    cuts = [int(cut) for cut in np.linspace(0, frames, count + 1).round()]
    return [
        Clip(
            clip_id=f"{path.stem}/{number:02d}",
            path=path,
            audio_path=path.parents[1] / "sound" / f"{path.stem}.flac",
            track=partial(rig_track, first=first, end=end),
            corpus="facegood",
            speaker=SPEAKER,
            split=split,
        )
        for number, (first, end) in enumerate(pairwise(cuts), start=1)
    ]

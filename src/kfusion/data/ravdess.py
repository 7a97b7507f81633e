"""RAVDESS (Livingstone and Russo 2018) as landmarks that OpenFace found: `landmarks/*.npz` and `sound/*.flac`.

CC BY-NC-SA 4.0: research and evaluation only. A name is emotion-intensity-statement-repetition-actor, as in
the corpus (05-02-01-01-16: angry, strong, "Kids ...", first time, actor 16). The points are in millimetres before
the camera; the head's pose, which stands beside them, is taken out, so that the face is seen from the front, and
the depth is left out. A picture that OpenFace is not sure of counts as one without a face.

Splits, by protocol:

speakers  nothing is trained on: actors 1 to 8 are there to develop on (`val`), 9 to 24 are tested on.
emotion   speaker-disjoint as well, with a training split: actors 1 to 14, validation 15 to 18, test 19 to 24.

Odd actors are men, even ones women, so each split holds as many of both.
"""

import logging
import re
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from kfusion.data.clip import EMOTION, SPEAKERS, Clip, check_source
from kfusion.data.landmark_track import LandmarkTrack, check_points, read_track_arrays
from kfusion.errors import InputError
from kfusion.landmarks import POINT_COUNT

log = logging.getLogger(__name__)

EMOTION_CODES = {
    "01": "neutral",
    "02": "neutral",
    "03": "happy",
    "04": "sad",
    "05": "angry",
    "06": "fear",
    "07": "disgusted",
    "08": "surprised",
}
"""02 is "calm", which is no emotion of ours: the corpus's second neutral."""
INTENSITIES = {"01": 1, "02": 3}
"""Normal and strong: the ends of our scale."""
LAST_ACTORS = {SPEAKERS: {"val": 8, "test": 24}, EMOTION: {"train": 14, "val": 18, "test": 24}}
"""The last actor of each split."""
MIN_CONFIDENCE = 0.8


def read_ravdess(source: Path, protocol: str = SPEAKERS) -> list[Clip]:
    """The clips of a RAVDESS folder.

    Raises:
        InputError: there are no landmark files with names of the corpus, or the sound of one is missing.
    """
    check_source(source)
    paths = sorted(path for path in (source / "landmarks").glob("*.npz") if not path.name.startswith("."))
    clips = [clip for path in paths if (clip := _clip(path, source / "sound", protocol))]
    if not clips:
        raise InputError(
            f"{source}: no RAVDESS landmarks (landmarks/05-01-01-01-01.npz): pass the folder with landmarks/ and sound/"
        )
    return clips


def frontal_track(path: Path) -> LandmarkTrack:
    """The face (T, 68, 2) in millimetres from the front: the points in the head's own frame, without their depth.

    Raises:
        InputError: the file is damaged or holds something else.
    """
    arrays, fps = read_track_arrays(path, points=(POINT_COUNT, 3), pose=(6,), confidence=())
    position, angles = np.split(arrays["pose"], 2, axis=1)
    turned = Rotation.from_euler("XYZ", angles).as_matrix()  # the head's frame to the camera's, as OpenFace has it
    frontal = np.einsum("tpi,tij->tpj", arrays["points"] - position[:, None], turned)
    points = check_points(path, frontal[..., :2])
    points[arrays["confidence"] < MIN_CONFIDENCE] = np.nan
    return LandmarkTrack(points=points, times_s=np.arange(len(points)) / fps)


def _clip(path: Path, sounds: Path, protocol: str) -> Clip | None:
    name = re.fullmatch(rf"({'|'.join(EMOTION_CODES)})-({'|'.join(INTENSITIES)})-\d\d-\d\d-(\d\d)", path.stem)
    actor = int(name[3]) if name else 0
    split = next((split for split, last in LAST_ACTORS[protocol].items() if actor <= last), None)
    if name is None or not actor or split is None:
        log.warning("%s: left out: its name is not emotion-intensity-statement-repetition-actor", path)
        return None
    return Clip(
        clip_id=path.stem,
        path=path,
        audio_path=sounds / f"{path.stem}.flac",
        track=frontal_track,
        corpus="ravdess",
        speaker=f"actor{actor:02d}",
        split=split,
        emotion=EMOTION_CODES[name[1]],
        intensity=INTENSITIES[name[2]],
    )

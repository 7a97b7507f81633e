"""The rows beside every model: what can be had without listening.

hold            the identity, motionless: a closed mouth
median-face     the speaker's median face in the clip that the identity is from, motionless: the mouth half
                open, which is nearer to a talking face on average (not with the identity rule frame-0)
mean-motion     the best constant: the identity plus the mean displacement of every point, taken over the
                frames and then over the clips of the training splits
shuffled-audio  the model itself, listening to another clip
shuffled-emotion
                the model itself, told the label of another clip that has another emotion
noise-floor     the face finder's second look at the same recording, moved by a fraction of a pixel: models nearer
                to the target than that cannot be told apart (made by `benchmarks/noise_floor.py`)
target          the recording itself: its errors are 0, its other scores (speed in silence, jerk) are what a
                perfect prediction would have, the landmark extractor's noise and breathing included
"""

import hashlib
from collections.abc import Sequence

import numpy as np
from tqdm import tqdm

from kfusion.audio import Samples
from kfusion.data.store import ClipStore, StoredClip
from kfusion.evaluation.alignment import median_face
from kfusion.evaluation.identity import by_speaker, pick_identity, scored_frames
from kfusion.landmarks import Points, remove_head_motion, unit_frame

MODEL, HOLD, MEDIAN_FACE, MEAN_MOTION = "model", "hold", "median-face", "mean-motion"
SHUFFLED, SHUFFLED_EMOTION = "shuffled-audio", "shuffled-emotion"
NOISE_FLOOR, TARGET = "noise-floor", "target"
REFERENCES = (HOLD, MEDIAN_FACE, MEAN_MOTION, SHUFFLED, SHUFFLED_EMOTION)
"""The rows that the model must beat."""
MAX_TRAINING_CLIPS = 1000
"""The mean displacement is taken over at most so many clips of each training split, evenly spread."""


def mean_displacement(stores: Sequence[ClipStore], rule: str) -> Points | None:
    """The mean displacement (68, 2) from the identity, unit frame; None if no data set has a training split.

    Head motion is taken out of the clips, and identities are picked by the same rule as when scoring.
    """
    found: list[Points] = []
    for store in stores:
        train = store.split("train")
        speakers = by_speaker(train)
        shown = tqdm(spread(train, MAX_TRAINING_CLIPS), desc="mean motion", unit="clip", leave=False, disable=None)
        found += [_displacement(clip, speakers, rule) for clip in shown]
    return np.mean(found, axis=0).astype(np.float32) if found else None


def _displacement(clip: StoredClip, speakers: dict[str, list[StoredClip]], rule: str) -> Points:
    identity = pick_identity(clip, speakers, rule)
    landmarks = clip.landmarks()[: scored_frames(clip, identity.rule)]
    median = median_face(landmarks)
    moved = unit_frame(median)(remove_head_motion(landmarks, median))
    displacement: Points = moved.mean(axis=0) - identity.unit
    return displacement


def derangement(clip_ids: list[str]) -> list[int]:
    """For each of at least two clips the index of another one: no clip stays, each is used once.

    One cycle through the clips, in an order that follows from their ids alone.
    """
    order = sorted(range(len(clip_ids)), key=lambda index: hashlib.sha256(clip_ids[index].encode()).digest())
    donor = dict(zip(order, order[1:] + order[:1], strict=True))
    return [donor[index] for index in range(len(clip_ids))]


def other_emotions(emotions: list[str], donors: list[int]) -> list[int]:
    """For each clip the next one along the cycle `donors` that has another emotion.

    There are at least two emotions; a clip may be used more than once.
    """
    found = []
    for index, emotion in enumerate(emotions):
        donor = donors[index]
        while emotions[donor] == emotion:
            donor = donors[donor]
        found.append(donor)
    return found


def fit_length(samples: Samples, count: int) -> Samples:
    """`count` samples: cut, or with silence after the end."""
    return np.pad(samples[:count], (0, max(0, count - len(samples))))


def spread(clips: list[StoredClip], limit: int | None) -> list[StoredClip]:
    """At most `limit` clips, evenly spread over all."""
    if limit is None or len(clips) <= limit:
        return clips
    return [clips[int(index)] for index in np.linspace(0, len(clips) - 1, limit).round()]

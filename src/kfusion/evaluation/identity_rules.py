"""Whose face a clip is predicted on: never a frame that is scored, unless asked for.

other-clip    one real frame of another clip of the same speaker and split. Which clip follows from the
              target's id alone. The default.
other-moment  stands in where a speaker has a single clip: a frame of its last third; only the first two
              thirds are scored.
frame-0       the first frame of the target itself, as in the paper's code. A flag, reported apart.

But for frame-0 the frame is the one with the smallest mouth opening among its candidates: a closed
mouth, as portraits have.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from kfusion.data.store import StoredClip
from kfusion.errors import InputError
from kfusion.evaluation.alignment import median_face
from kfusion.landmarks import Points, inter_ocular_distance, mouth_opening, unit_frame

OTHER_CLIP, OTHER_MOMENT, FRAME_0 = "other-clip", "other-moment", "frame-0"
RULES = (OTHER_CLIP, FRAME_0)
"""What a user may ask for."""
MIN_DIVIDED_FRAMES = 3


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PickedIdentity:
    """One real frame of the speaker."""

    points: Points
    """(68, 2), crop pixels of the clip that it comes from."""
    clip_id: str
    frame: int
    rule: str
    """`other-clip`, `other-moment` or `frame-0`."""
    median: Points | None
    """(68, 2), the median of the frames it was picked from; None for frame-0, which was not picked."""

    @property
    def unit(self) -> Points:
        """(68, 2) in its own unit frame."""
        return unit_frame(self.points)(self.points)

    def place(self, predicted: Points) -> Points:
        """Landmarks (T, 68, 2) from the unit frame to the crop pixels that the identity comes from."""
        return unit_frame(self.points).inverse()(predicted)


def check_rule(rule: str) -> None:
    """Raises `InputError` for a rule that there is not."""
    if rule not in RULES:
        raise InputError(f"unknown identity rule '{rule}': use {' or '.join(RULES)}")


def speaker_of(clip: StoredClip) -> str:
    """The speaker's name, unique over corpora."""
    return f"{clip.corpus}/{clip.speaker}"


def by_speaker(clips: Iterable[StoredClip]) -> dict[str, list[StoredClip]]:
    """The clips of each speaker, in the order of their ids."""
    found: dict[str, list[StoredClip]] = {}
    for clip in sorted(clips, key=lambda clip: clip.clip_id):
        found.setdefault(speaker_of(clip), []).append(clip)
    return found


def pick_identity(clip: StoredClip, speakers: dict[str, list[StoredClip]], rule: str) -> PickedIdentity:
    """The identity of `clip`; `speakers` holds all clips of its split, see `by_speaker`.

    Raises:
        InputError: the rule is unknown, or the clip is too short to be divided.
    """
    check_rule(rule)
    if rule == FRAME_0:
        return PickedIdentity(points=clip.landmarks()[0], clip_id=clip.clip_id, frame=0, rule=FRAME_0, median=None)
    others = [other for other in speakers[speaker_of(clip)] if other.clip_id != clip.clip_id]
    if others:
        return _closed_mouth(others[name_number(clip.clip_id) % len(others)], 0, OTHER_CLIP)
    return _closed_mouth(clip, scored_frames(clip, OTHER_MOMENT), OTHER_MOMENT)


def scored_frames(clip: StoredClip, rule: str) -> int:
    """How many frames from the start are scored: all, or with `other-moment` the first two thirds.

    Raises:
        InputError: the clip is too short to be divided.
    """
    if rule != OTHER_MOMENT:
        return clip.frames
    if clip.frames < MIN_DIVIDED_FRAMES:
        raise InputError(
            f"clip {clip.clip_id}: the speaker's only clip has {clip.frames} frames, at least {MIN_DIVIDED_FRAMES} are "
            "needed to take an identity that is not scored: leave the speaker out with --speakers, or use frame-0"
        )
    return clip.frames - clip.frames // 3


def _closed_mouth(clip: StoredClip, first: int, rule: str) -> PickedIdentity:
    """The frame from `first` on with the smallest mouth opening."""
    landmarks = clip.landmarks()
    candidates = landmarks[first:]
    frame = first + int(np.argmin(mouth_opening(candidates) / inter_ocular_distance(candidates)))
    return PickedIdentity(
        points=landmarks[frame], clip_id=clip.clip_id, frame=frame, rule=rule, median=median_face(candidates)
    )


def name_number(text: str) -> int:
    """A number that follows from the text alone, on every machine."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")

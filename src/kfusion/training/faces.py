"""Targets and identities in the unit frame, and faces that nobody recorded."""

from dataclasses import dataclass

import numpy as np

from kfusion.landmarks import (
    MOUTH,
    Points,
    mirror,
    mouth_opening,
    onto_closings,
    remove_head_motion,
    unit_frame,
)

REST_SHARE = 0.2
"""The rest face is the median of the fifth of a clip's frames with the smallest mouth opening."""
_JAW, _BROWS, _NOSE_BASE = slice(0, 17), slice(17, 27), slice(31, 36)
_UPPER_LIP, _LOWER_LIP = slice(49, 54), slice(55, 60)
_BENDS = np.array([0.04, 0.04, 0.05, 0.05, 0.05, 0.03, 0.03, 0.03], np.float32)
"""Standard deviations of the terms of a bend, in inter-ocular distances: x, y, their products of two and of three."""
_UPPER_HALF, _LOWER_HALF, _CHIN = [*range(49, 54), 61, 62, 63], [*range(55, 60), 65, 66, 67], slice(5, 12)


def unit_target(landmarks: Points, *, head_motion: bool = False) -> Points:
    """A clip's landmarks (T, 68, 2) in the unit frame of its median face.

    Without `head_motion` every frame's stable points are first brought onto those of the median face:
    where the head turns does not follow from what is said.
    """
    median = np.median(landmarks, axis=0).astype(np.float32)
    moved = landmarks if head_motion else remove_head_motion(landmarks, median)
    return unit_frame(median)(moved)


def rest_face(target: Points) -> Points:
    """The face (68, 2) of a clip's closed mouth."""
    opening = mouth_opening(target)
    closed = opening <= np.quantile(opening, REST_SHARE)
    return np.median(target[closed], axis=0).astype(np.float32)


def identity_face(face: Points) -> Points:
    """One frame (68, 2) in its own unit frame, as a portrait would be."""
    return unit_frame(face)(face)


def in_frame_of(identity: Points, target: Points) -> tuple[Points, Points]:
    """An identity (68, 2) and a target (T, 68, 2) of one frame, both in the unit frame of the identity."""
    frame = unit_frame(identity)
    return frame(identity), frame(target)


def at_speed(target: Points, speed: float, frames: int) -> Points:
    """Landmarks (frames, 68, 2) of the clip played `speed` times as fast, closings of the lips kept."""
    if speed == 1.0 and frames == len(target):
        return target
    wanted = np.arange(frames, dtype=np.float64) * speed
    position = onto_closings(wanted, np.arange(len(target), dtype=np.float64), mouth_opening(target))
    position = np.minimum(position, len(target) - 1)
    before = np.floor(position).astype(int)
    share = (position - before).astype(np.float32)[:, None, None]
    after = np.minimum(before + 1, len(target) - 1)
    between: Points = target[before] * (1 - share) + target[after] * share
    return between


@dataclass(frozen=True, kw_only=True, slots=True)
class FaceChange:
    """Another face with the same speech: parts scaled about their centres and moved, then all of it bent smoothly."""

    mirrored: bool
    height: float
    """Factor on all y: a longer face."""
    mouth_size: tuple[float, float]
    jaw_size: tuple[float, float]
    shifts: Points
    """(4, 2): of the mouth, the jaw, the brows and the nose base, in inter-ocular distances."""
    lips: tuple[float, float]
    """How much the outer lips move away from the inner ones, upper and lower."""
    smile: float
    """How far the corners of the mouth are lifted."""
    agape: float
    """How far the lips of the identity alone are apart: portraits smile, and must still close their lips on a `p`."""
    bend: Points
    """(8, 2): what each term of `_bent` adds to x and to y."""

    @classmethod
    def draw(cls, random: np.random.Generator) -> "FaceChange":
        """A random change."""
        return cls(
            mirrored=bool(random.random() < 0.5),
            height=float(random.uniform(0.9, 1.12)),
            mouth_size=(float(random.uniform(0.82, 1.3)), float(random.uniform(0.8, 1.25))),
            jaw_size=(float(random.uniform(0.9, 1.12)), float(random.uniform(0.92, 1.1))),
            shifts=random.normal(0, [[0.02, 0.03], [0.01, 0.03], [0.01, 0.03], [0.01, 0.02]]).astype(np.float32),
            lips=(float(random.uniform(-0.02, 0.02)), float(random.uniform(-0.02, 0.03))),
            smile=float(max(0.0, random.uniform(-0.06, 0.1))),
            agape=float(max(0.0, random.uniform(-0.2, 0.2))),
            bend=(random.normal(size=(8, 2)) * _BENDS[:, None]).astype(np.float32),
        )

    def apply(self, identity: Points, target: Points) -> tuple[Points, Points]:
        """The changed identity (68, 2) and target (T, 68, 2), both by the same map but for `agape`.

        They are in the unit frame of the changed identity.
        """
        faces = np.concatenate([identity[None], target])
        if self.mirrored:
            faces = mirror(faces)
        faces = faces * np.array([1, self.height], np.float32)
        anchor = faces[0].copy()
        parts = (MOUTH, self.mouth_size), (_JAW, self.jaw_size), (_BROWS, (1, 1)), (_NOSE_BASE, (1, 1))
        for shift, (part, size) in zip(self.shifts, parts, strict=True):
            centre = anchor[part].mean(0)
            faces[:, part] = centre + shift + (faces[:, part] - centre) * np.array(size, np.float32)
        faces[:, _UPPER_LIP, 1] -= self.lips[0]
        faces[:, _LOWER_LIP, 1] += self.lips[1]
        mouth = faces[0, MOUTH].copy()
        across = (mouth[:, 0] - mouth[:, 0].mean()) / (np.ptp(mouth[:, 0]) / 2)
        faces[:, MOUTH, 1] -= self.smile * across**2
        faces[0] = self._part_lips(faces[0])
        bent = _bent(faces, self.bend)
        bent = unit_frame(bent[0])(bent)
        return bent[0], bent[1:]

    def _part_lips(self, identity: Points) -> Points:
        parted = identity.copy()
        parted[_UPPER_HALF, 1] -= 0.2 * self.agape
        parted[_LOWER_HALF, 1] += 0.8 * self.agape
        parted[_CHIN, 1] += 0.5 * self.agape
        return parted


def _bent(faces: Points, bend: Points) -> Points:
    """Faces (..., 68, 2) moved by a cubic polynomial in their own coordinates, unit frame."""
    x, y = faces[..., 0], faces[..., 1]
    terms = np.stack([x, y, x * x, x * y, y * y, x * x * y, x * y * y, y**3], axis=-1)
    return (faces + terms @ bend).astype(np.float32)

"""One landmark frame of a streamed face, and the message that carries it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kfusion.landmarks import LandmarkSequence, Points, rounded_points


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LandmarkFrame:
    """A face at one moment of an utterance."""

    points: Points
    """(68, 2), in the frame of the identity: image pixels of the portrait, or crop pixels for the mean face."""
    index: int
    """Number of the frame in its utterance, from 0."""
    time_s: float
    """The moment it shows, after the first sample of its utterance."""
    utterance: int = 0
    """Which stretch of sound it belongs to: one more after every end of speech and every interruption."""

    def message(self) -> dict[str, Any]:
        """The frame as JSON types, points rounded to a hundredth of a pixel: `{"frame", "time_s", "points"}`."""
        return {"frame": self.index, "time_s": round(self.time_s, 6), "points": rounded_points(self.points)}


def frames_of(sequence: LandmarkSequence, utterance: int = 0) -> Iterator[LandmarkFrame]:
    """The frames of a piece that a `Stream` gave, one by one."""
    moments = zip(sequence.times_s.tolist(), sequence.points, strict=True)
    for index, (time_s, points) in enumerate(moments, start=sequence.first_frame):
        yield LandmarkFrame(points=points, index=index, time_s=time_s, utterance=utterance)

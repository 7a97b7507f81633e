"""What a moving face becomes for other tools: its landmarks, its ARKit weights and its head."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kfusion.errors import InputError
from kfusion.face_shapes import ARKIT_SHAPES
from kfusion.landmarks import STABLE_POINTS, LandmarkSequence, Points
from kfusion.motion.arkit import ArkitSolver, Weights
from kfusion.motion.head_pose import Angles, HeadReader
from kfusion.motion.resting import most_closed_face

if TYPE_CHECKING:
    from kfusion.motion.visemes import VisemeTrack

MAX_GAIN = 4.0
MAX_COORDINATE = 1e6


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Motion:
    """A moving face in numbers that avatars read; frame t is shown at its time in `times_s`."""

    sequence: LandmarkSequence
    """The points that the rest was read from."""
    weights: Weights
    """ARKit weights, (T, 52), 0 to 1, in the order of `ARKIT_SHAPES`; left is the character's."""
    head: Angles
    """Yaw, pitch and roll of the head, (T, 3), radians; 0 where the landmarks show no turning."""
    visemes: "VisemeTrack | None" = None
    """Of the sound, where it was heard."""

    def __len__(self) -> int:
        return len(self.weights)

    @property
    def fps(self) -> float:
        """Frames a second."""
        return self.sequence.fps

    @property
    def times_s(self) -> NDArray[np.float64]:
        """The moment each frame shows, (T,)."""
        return self.sequence.times_s

    def of(self, shape: str) -> NDArray[np.float32]:
        """The weights of one shape, (T,)."""
        column: NDArray[np.float32] = self.weights[:, ARKIT_SHAPES.index(shape)]
        return column


class MotionReader:
    """Reads the motion of one face from landmarks, frame by frame: of a recording, or of a stream as it comes.

    Args:
        rest: the face with its mouth closed, (68, 2), in the frame of the landmarks: there every weight is 0.
        gain: what weights are multiplied with before they end at 1. ARKit rigs differ in how far `jawOpen` opens.

    Raises:
        InputError: the gain is not above 0 and at most 4.
    """

    def __init__(self, rest: Points, *, gain: float = 1.0) -> None:
        check_gain(gain)
        self._solver, self._head, self._gain = ArkitSolver(rest), HeadReader(rest), gain

    def __call__(self, sequence: LandmarkSequence) -> Motion:
        """The motion of every frame; what the frames before and after show does not matter."""
        weights = np.minimum(self._solver(sequence.points) * np.float32(self._gain), np.float32(1))
        return Motion(sequence=sequence, weights=weights, head=self._head(sequence.points))


def read_motion(sequence: LandmarkSequence, rest: Points | None = None, *, gain: float = 1.0) -> Motion:
    """The motion of a recording.

    Args:
        sequence: the landmarks.
        rest: the face with its mouth closed, (68, 2); None for the mean of the most closed twentieth of the frames.
        gain: see `MotionReader`.

    Raises:
        InputError: the sequence holds no frame, or one that is no face; or the gain cannot be used.
    """
    check_frames(sequence)
    return MotionReader(most_closed_face(sequence.points) if rest is None else rest, gain=gain)(sequence)


def check_gain(gain: float) -> None:
    """Raises `InputError` unless weights may be multiplied by it."""
    if not 0 < gain <= MAX_GAIN:
        raise InputError(f"gain is {gain:g}: use a number above 0 and up to {MAX_GAIN:g}")


def check_frames(sequence: LandmarkSequence) -> None:
    """Raises `InputError` where a frame is not finite, or its eyes and nose coincide."""
    points = sequence.points
    with np.errstate(invalid="ignore"):  # infinite values
        near = np.abs(points).max((1, 2)) <= MAX_COORDINATE
        usable = near & (np.ptp(points[:, list(STABLE_POINTS)], axis=1).max(-1) > 0)
    if not usable.all():
        number = sequence.first_frame + int(np.argmin(usable))
        raise InputError(f"frame {number} does not show a face: its points are not finite, or lie on one another")

"""Where the sound of a track is heard, by its time stamps.

The stamps of a whole recording follow each other within the rounding of its container. Where packets are missing they
jump, where they overlap they fall back: both are put right against the running clock of what was heard, so that small
jumps cannot add up, and rounding, which does not, is left alone.
"""

from dataclasses import dataclass
from typing import Any

from kfusion.errors import InputError
from kfusion.media.holes import Holes
from kfusion.media.opening import Note

TOLERANCE_S = 0.04
"""A track may run ahead or behind its stamps by this much: a frame of 25 a second."""
LATE_S = 0.1
"""Sound that begins later than this after the first picture stands there; less is how containers put their packets."""
RESTART_S = 1.0
"""Stamps that fall back by more than this are those of another recording that was joined on: its clock goes on."""
MAX_CUT_S, MAX_CUT_SHARE = 1.0, 0.1
"""Sound that may be cut because it overlaps: this much, and this share of what was heard."""


@dataclass(slots=True)
class Clock:
    """Says what is to be done before each frame, so that sound lies where its stamps put it."""

    holes: Holes
    start_s: float | None = None
    """Time stamp of the first sample; None for that of the first frame."""
    late_s: float = 0.0
    """How much later than the picture the sound began, where silence stands for it."""
    cut_s: float = 0.0
    """Sound that was cut out, because stamps overlap."""
    restarts: int = 0
    _begin_s: float = 0.0
    _now_s: float | None = None
    """Stamp at which the next frame should lie."""
    _offset_s: float = 0.0
    """What restarted clocks are behind."""

    def __call__(self, frame: Any, picture_s: float | None = None) -> float:
        """Seconds of silence that belong before the frame; where negative, of sound to be cut from here on.

        Args:
            frame: the next one.
            picture_s: time stamp of the first picture of the file, if it has one. Where no start is given, sound that
                begins late against it begins there.

        Raises:
            InputError: the hole is too long to be filled.
        """
        stamp_s = None if frame.time is None else float(frame.time) + self._offset_s
        gap_s = self._first_gap_s(stamp_s, picture_s) if self._now_s is None else self._gap_s(stamp_s, self._now_s)
        self._now_s = (self._now_s or 0.0) + gap_s + frame.samples / frame.sample_rate
        return gap_s

    def tell(self, note: Note) -> None:
        """Tell the user what was put right."""
        path, holes = self.holes.path, self.holes
        if self.late_s:
            note("%s: the sound begins %.2f s after the picture: silence stands before it", path, self.late_s)
        if holes.count:
            note("%s: sound is missing in %d place(s), %.2f s: silence stands there", path, holes.count, holes.total_s)
        if self.cut_s:
            note("%s: %.2f s of sound overlap by their time stamps and are left out", path, self.cut_s)
        if self.restarts:
            note("%s: its clock starts again %d time(s): the sound goes on without a gap", path, self.restarts)

    def _first_gap_s(self, stamp_s: float | None, picture_s: float | None) -> float:
        first_s = (self.start_s or 0.0) if stamp_s is None else stamp_s
        if self.start_s is None:
            late_s = 0.0 if picture_s is None else first_s - picture_s
            self.late_s = late_s if late_s > LATE_S else 0.0
            self.start_s = first_s - self.late_s
        self._begin_s = self._now_s = self.start_s
        gap_s = first_s - self._now_s
        self.holes.check(self._now_s, gap_s)
        return gap_s

    def _gap_s(self, stamp_s: float | None, now_s: float) -> float:
        if stamp_s is None or abs(stamp_s - now_s) <= TOLERANCE_S:
            return 0.0
        gap_s = stamp_s - now_s
        if gap_s < -RESTART_S:
            self._offset_s -= gap_s
            self.restarts += 1
            return 0.0
        if gap_s > 0:
            self.holes.add(now_s, gap_s)
        else:
            self._cut(-gap_s, now_s)
        return gap_s

    def _cut(self, overlap_s: float, now_s: float) -> None:
        self.cut_s += overlap_s
        heard_s = now_s - self._begin_s + self.cut_s
        if self.cut_s > MAX_CUT_S + MAX_CUT_SHARE * heard_s:
            raise InputError(
                f"{self.holes.path}: {self.cut_s:.2f} of {heard_s:.2f} s of sound overlap by their time stamps, which "
                "must be wrong: export it again"
            )

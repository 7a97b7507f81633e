"""How fast a run is, and when it will end, as far as that can be said."""

import time
from collections import deque
from collections.abc import Callable

SURE_ITEMS, SURE_S = 20, 10.0
"""Before so many items and so much time nothing is said about the end."""
RECENT_S = 300.0
_TICK_S = 1.0


class BatchPace:
    """Counts what is done.

    Args:
        total: rows in all.
        lanes: who work at the same time.
        clock: seconds.
    """

    def __init__(self, total: int, lanes: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._total, self._lanes, self._clock = total, lanes, clock
        self.before = 0
        """Rows that earlier runs had ended."""
        self._begun = clock()
        self.done = self.failed = 0
        self.speech_s = 0.0
        self._recent: deque[tuple[float, int]] = deque([(self._begun, 0)])

    def count(self, speech_s: float | None) -> None:
        """One more has ended: with so much speech, or failed."""
        if speech_s is None:
            self.failed += 1
        else:
            self.done += 1
            self.speech_s += speech_s
        now = self._clock()
        if now - self._recent[-1][0] >= _TICK_S:
            self._recent.append((now, self._ended))
            while now - self._recent[0][0] > RECENT_S and len(self._recent) > 2:
                self._recent.popleft()

    @property
    def _ended(self) -> int:
        return self.done + self.failed

    @property
    def elapsed_s(self) -> float:
        """Since the run began to work."""
        return self._clock() - self._begun

    @property
    def speech_per_lane(self) -> float:
        """Hours of speech in an hour of one lane."""
        return self.speech_s / max(self.elapsed_s, 1e-9) / self._lanes

    def left_s(self) -> tuple[float, float] | None:
        """Seconds to the end, the least and the most: by the pace of late, and by that of the whole run."""
        elapsed = self.elapsed_s
        if self._ended < SURE_ITEMS or elapsed < SURE_S:
            return None
        left = self._total - self.before - self._ended
        since, ended = self._recent[0]
        guesses = [left * elapsed / self._ended]
        if self._ended > ended:
            guesses.append(left * (self._clock() - since) / (self._ended - ended))
        # What n items tell of the mean of the others, which may be longer or shorter, is within about 2 / sqrt(n).
        doubt = 2 / self._ended**0.5
        return min(guesses) * (1 - min(doubt, 0.5)), max(guesses) * (1 + doubt)

    def line(self) -> str:
        """Where the run is."""
        left = self.left_s()
        end = "the end cannot be told yet" if left is None else f"{shown_time(left[0])} to {shown_time(left[1])} left"
        return (
            f"{self.before + self._ended} of {self._total} recordings, {self.failed} failed; "
            f"{self._ended / max(self.elapsed_s, 1e-9):.3g} a second, "
            f"{self.speech_per_lane:.3g} hours of speech a core-hour; {end}"
        )

    def whole(self) -> str:
        """What the run was like."""
        return (
            f"{self.done} recordings in {shown_time(self.elapsed_s)}, {self.failed} failed; "
            f"{self.speech_s / 3600:.3g} hours of speech, {self.speech_per_lane:.3g} a core-hour, {self._lanes} at once"
        )


def shown_time(seconds: float) -> str:
    """Seconds as a person says them: `40 s`, `12 min`, `3 h 20 min`, `5 days`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    days = minutes / 60 / 24
    return f"{days:.1f} days" if days < 100 else f"{days:,.0f} days"

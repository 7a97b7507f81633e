"""Many channels to one: their mean, and the voice where their mean would cancel it out."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Channels = NDArray[np.float32]
"""Sound, (N, channels), full scale is 1."""

DECIDE_AFTER = 10 * 16_000
"""Samples with sound that are heard before it is decided."""
QUIET_PEAK = 0.003
"""A block that stays under this (-50 dBFS) tells nothing, and is the same in every mix."""
CANCELS = 0.7
"""The channels cancel out when their mean has less than this share of the power that it would have if they were
independent of each other."""


@dataclass(slots=True)
class Mixer:
    """Blocks of many channels to mono.

    Mono is the mean of the channels. Where their mean would cancel them out, as of two channels in opposite phase, each
    is turned to the phase of the loudest before: of two, that is half their difference. It is decided once, by the
    first ten seconds with sound, which are held back until then.
    """

    signs: NDArray[np.float32] | None = None
    """Of each channel, once it is decided."""
    _held: list[Channels] = field(default_factory=list)
    _heard: int = 0
    _powers: NDArray[np.float64] | float = 0.0
    """Sums of the products of the channels, (channels, channels)."""

    @property
    def turned(self) -> bool:
        """Whether the mean would have cancelled the channels out."""
        return self.signs is not None and bool((self.signs < 0).any())

    def __call__(self, block: Channels) -> Iterator[NDArray[np.float32]]:
        """The mono samples that are ready."""
        if block.shape[1] == 1:
            yield block[:, 0]
        elif self.signs is not None:
            yield self._mix(block)
        elif not self._held and np.abs(block).max(initial=0.0) < QUIET_PEAK:
            yield block.mean(axis=1, dtype=np.float32)
        else:
            self._held.append(block)
            self._listen(block)
            if self._heard >= DECIDE_AFTER:
                yield from self.flush()

    def flush(self) -> Iterator[NDArray[np.float32]]:
        """What is held back."""
        if self._held:
            self.signs = _signs(np.asarray(self._powers))
            yield from map(self._mix, self._held)
            self._held.clear()

    def _listen(self, block: Channels) -> None:
        with np.errstate(all="ignore"):  # samples that are no numbers are refused later
            self._powers = self._powers + (block.T @ block).astype(np.float64)
        self._heard += len(block)

    def _mix(self, block: Channels) -> NDArray[np.float32]:
        mono: NDArray[np.float32] = block.mean(axis=1, dtype=np.float32)
        if self.signs is not None and self.turned:
            mono = block @ (self.signs / np.float32(block.shape[1]))
        return mono


def _signs(powers: NDArray[np.float64]) -> NDArray[np.float32]:
    """The sign of each channel, from the sums of the products of the channels (channels, channels)."""
    own = np.diagonal(powers)
    if not powers.sum() < CANCELS * own.sum():
        return np.ones(len(powers), np.float32)
    return np.where(powers[int(own.argmax())] < 0, -1, 1).astype(np.float32)

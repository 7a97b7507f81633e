"""The bundle that names visemes: it takes a voice in blocks of 100 ms and remembers what came before.

inputs   samples (1, W) float32 at 16 kHz, past_0 ... float32, zeros at the start
outputs  visemes (1, 5, 15) float32, probabilities at 50 Hz, kept_0 ..., the states for the block that follows
metadata kfusion_format, kind ("visemes"), model_id, samples_before, look_ahead_samples
"""

from functools import cache

import numpy as np

from kfusion import assets
from kfusion.audio import SAMPLE_RATE_HZ, Samples
from kfusion.bundle_format import BLOCK_SAMPLES
from kfusion.inference.session import Session

STEP_HZ = 50
BLOCK_STEPS = BLOCK_SAMPLES * STEP_HZ // SAMPLE_RATE_HZ


class VisemeBundle:
    """The network, ready to run.

    Raises:
        MissingWeightsError: the file is not there.
        CheckpointError: it is not such a bundle.
    """

    def __init__(self, session: Session) -> None:
        with session.reading() as metadata:
            self.samples_before = int(metadata["samples_before"])
            self.look_ahead_samples = int(metadata["look_ahead_samples"])
        self.session = session

    @property
    def window_samples(self) -> int:
        """What the network is given for one block."""
        return self.samples_before + self.look_ahead_samples


@cache
def packaged_visemes() -> VisemeBundle:
    """The bundle in the package, opened when it is first asked for."""
    return VisemeBundle(Session(assets.VISEME_MODEL))


class VisemeRun:
    """One voice through the network."""

    def __init__(self, bundle: VisemeBundle) -> None:
        self._bundle = bundle
        inputs = bundle.session.inputs.items()
        self._states = {name: np.zeros(shape, np.float32) for name, shape in inputs if name != "samples"}
        self._held = np.zeros(bundle.samples_before, np.float32)
        """The sound from `samples_before` before the next block on."""

    @property
    def look_ahead_s(self) -> float:
        """From the first step of a block to the last sample that it waits for."""
        return self._bundle.look_ahead_samples / SAMPLE_RATE_HZ

    def missing_samples(self, blocks: int) -> int:
        """How much sound so many blocks still wait for."""
        needed = (blocks - 1) * BLOCK_SAMPLES + self._bundle.window_samples if blocks > 0 else 0
        return max(0, needed - len(self._held))

    def __call__(self, sound: Samples) -> "np.ndarray[tuple[int, ...], np.dtype[np.float32]]":
        """The steps (n, 15) of the blocks whose sound is there."""
        window, steps = self._bundle.window_samples, [np.zeros((0, 15), np.float32)]
        self._held = np.concatenate([self._held, sound])
        first = 0
        while len(self._held) - first >= window:
            feed = {"samples": self._held[None, first : first + window], **self._states}
            found, *states = self._bundle.session.run(None, feed)
            self._states = dict(zip(self._states, states, strict=True))
            steps.append(found[0])
            first += BLOCK_SAMPLES
        self._held = self._held[first:]
        return np.concatenate(steps)

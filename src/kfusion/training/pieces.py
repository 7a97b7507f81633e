"""Random pieces of recordings and of the faces that spoke them, cut anew for every step."""

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from kfusion.audio import SAMPLE_RATE_HZ
from kfusion.data.store import ClipStore
from kfusion.errors import InputError
from kfusion.landmarks import Points
from kfusion.models.past import BLOCK_FRAMES
from kfusion.training.faces import FaceChange, at_speed, rest_face, unit_target
from kfusion.training.features import FPS
from kfusion.training.losses import LossConfig
from kfusion.training.perturb import TAPS, Perturbation

RATES = 0.8, 1.25
"""How fast sounds are played, pitch and formants with it."""
_SAMPLES_A_FRAME = SAMPLE_RATE_HZ / FPS
_MUTED_NOISE_DBFS, _MUTED_NOISE_SHARE = (-90.0, -45.0), 0.6


class Talk(NamedTuple):
    """A recording and the face that spoke it."""

    samples: NDArray[np.int16]
    target: Points
    """(frames, 68, 2), unit frame."""


class Lesson(NamedTuple):
    """A batch of pieces."""

    samples: Float[Tensor, "batch heard"]
    """With `TAPS` before the first."""
    rates: Float[Tensor, " batch"]
    identity: Float[Tensor, "batch 68 2"]
    target: Float[Tensor, "batch time 68 2"]
    frames: Int[Tensor, " batch"]


@dataclass(frozen=True, kw_only=True, slots=True)
class CourseConfig:
    """How something is taught."""

    perturbation: Perturbation = field(default_factory=Perturbation)
    piece_frames: int = 120
    """Length of the pieces of sound: 4 s."""
    batch_size: int = 64
    steps: int = 6000
    learning_rate: float = 1e-3
    warmup_steps: int = 200
    weight_decay: float = 0.01
    gradient_clip: float = 1.0
    averaged_steps: int = 500
    """The weights that are kept are a running mean over about so many steps."""
    labelled_share: float = 0.6
    """Of the pieces for a network that come from labelled speech, where there is any."""
    muted: float = 0.08
    """Share of pieces for a network without a voice, which a closed mouth answers."""
    loss: LossConfig = field(default_factory=lambda: LossConfig(mouth=2.0, velocity=4.0, opening=2.0))
    """Of a network."""
    seed: int = 0

    @property
    def samples(self) -> int:
        """Of a piece."""
        return round(self.piece_frames * _SAMPLES_A_FRAME)


def talks_of(stores: list[ClipStore], split: str) -> list[Talk]:
    """The clips of a split, held in memory."""
    return [
        Talk((clip.samples() * 32767).round().astype(np.int16), unit_target(clip.landmarks()))
        for store in stores
        for clip in store.split(split)
    ]


class Pieces(Dataset[Lesson]):
    """Pieces of talks, each a lesson of one; piece n follows from the seed and n alone.

    Raises:
        InputError: there are no true talks.
    """

    def __init__(self, true: list[Talk], labelled: list[Talk], config: CourseConfig) -> None:
        if not true:
            raise InputError("no recordings of faces to learn from: pass data sets with clips in the split 'train'")
        self.true, self.labelled, self.config = true, labelled, config
        self._places = [np.cumsum([len(talk.target) for talk in talks]) for talks in (true, labelled)]

    def __len__(self) -> int:
        return self.config.steps * self.config.batch_size

    def __getitem__(self, number: int) -> Lesson:
        """One piece."""
        config = self.config
        random = np.random.default_rng([config.seed, number])
        talk, at = self._draw(random)
        rate = float(np.exp(random.uniform(*np.log(RATES))))
        longest = config.piece_frames * RATES[1]
        first = max(0, min(at, len(talk.target) - round(config.piece_frames * rate))) // BLOCK_FRAMES * BLOCK_FRAMES
        frames = min(config.piece_frames, int((len(talk.target) - first - 1) / rate) + 1) // BLOCK_FRAMES * BLOCK_FRAMES
        target = at_speed(talk.target[first:], rate, config.piece_frames)
        muted = random.random() < config.muted
        if muted:
            target = np.broadcast_to(rest_face(talk.target), target.shape)
        identity = talk.target[int(random.integers(len(talk.target)))]
        identity, target = FaceChange.draw(random).apply(identity, target)
        return Lesson(
            samples=torch.from_numpy(_cut(talk.samples, first, longest, muted, random)),
            rates=torch.tensor(rate),
            identity=torch.from_numpy(np.ascontiguousarray(identity, np.float32)),
            target=torch.from_numpy(np.ascontiguousarray(target, np.float32)),
            frames=torch.tensor(max(BLOCK_FRAMES, frames)),
        )

    def _draw(self, random: np.random.Generator) -> tuple[Talk, int]:
        """A talk, the longer the likelier, and a frame of it."""
        labelled = bool(self.labelled) and random.random() < self.config.labelled_share
        talks, places = (self.true, self.labelled)[labelled], self._places[labelled]
        place = int(random.integers(places[-1]))
        number = int(np.searchsorted(places, place, side="right"))
        return talks[number], place - int(places[number]) + len(talks[number].target)


def _cut(
    samples: NDArray[np.int16], first: int, frames: float, muted: bool, random: np.random.Generator
) -> NDArray[np.int16]:
    """Sound from a frame on, silence after its end; where it is muted digital silence or quiet noise."""
    start, count = round(first * _SAMPLES_A_FRAME), math.ceil(frames * _SAMPLES_A_FRAME) + 2 * TAPS
    if muted:
        loudness = 10 ** (random.uniform(*_MUTED_NOISE_DBFS) / 20) * (random.random() < _MUTED_NOISE_SHARE)
        return (random.normal(size=count) * loudness * 32767).astype(np.int16)
    piece = samples[max(0, start - TAPS) : start - TAPS + count]
    before = max(0, TAPS - start)
    return np.pad(piece, (before, count - before - len(piece)))

"""A streaming speech encoder and the network that reads it, taught at once.

The encoder learns what a teacher, Whisper's encoder, hears in the clean sound (and the teacher hears the whole of it),
and what moves the lips: true recordings of faces, and speech alone that the weights for recordings have labelled.
The student's sound is changed on the device where it learns, so that nothing is cached.
"""

import copy
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from kfusion.audio import SAMPLE_RATE_HZ
from kfusion.data.store import ClipStore
from kfusion.landmarks import Points
from kfusion.models.kfusion import KFusion, KFusionConfig
from kfusion.models.past import BLOCK_FRAMES
from kfusion.models.speech.encoder import steps_in
from kfusion.models.speech.streaming import StreamingConfig, StreamingEncoder
from kfusion.models.speech.whisper import WhisperEncoder
from kfusion.training.faces import FaceChange, at_speed, identity_face, rest_face, unit_target
from kfusion.training.losses import LossConfig, loss
from kfusion.training.perturb import TAPS, Perturbation, at_rate

FPS = 30
RATES = 0.8, 1.25
"""How fast sounds are played, pitch and formants with it."""
_SAMPLES_A_FRAME = SAMPLE_RATE_HZ / FPS
_TEACHER_EDGE = 10
"""Steps at the ends of a piece where the teacher lacks what it would hear."""
_STATISTICS_BATCHES = 8
RESUME = "resume.pt"


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
    spoken: Float[Tensor, " batch"]
    """0 where the sound was muted: the teacher has nothing to say."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DistilConfig:
    """What is taught and how."""

    encoder: StreamingConfig = field(default_factory=StreamingConfig)
    network: KFusionConfig = field(default_factory=KFusionConfig)
    loss: LossConfig = field(default_factory=lambda: LossConfig(mouth=2.0, velocity=4.0, opening=2.0))
    perturbation: Perturbation = field(default_factory=Perturbation)
    teacher: float = 5.0
    """Weight of the squared error of the teacher's features, each in units of its own spread."""
    lips_teach_encoder: bool = True
    """Off: the encoder learns from the teacher alone."""
    piece_frames: int = 120
    labelled_share: float = 0.6
    """Of the pieces that come from labelled speech, where there is any."""
    muted: float = 0.08
    """Share of pieces without a voice, which a closed mouth answers."""
    batch_size: int = 96
    steps: int = 6000
    learning_rate: float = 1e-3
    warmup_steps: int = 200
    weight_decay: float = 0.01
    gradient_clip: float = 1.0
    averaged_steps: int = 500
    """The weights that are kept are a running mean over about so many steps."""
    seed: int = 0


def talks_of(stores: list[ClipStore], split: str) -> list[Talk]:
    """The clips of a split, held in memory."""
    return [
        Talk((clip.samples() * 32767).round().astype(np.int16), unit_target(clip.landmarks()))
        for store in stores
        for clip in store.split(split)
    ]


class Pieces(Dataset[Lesson]):
    """Pieces of talks, each a lesson of one; piece n follows from the seed and n alone."""

    def __init__(self, true: list[Talk], labelled: list[Talk], config: DistilConfig) -> None:
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
        first = max(0, min(at, len(talk.target) - round(config.piece_frames * rate))) // 3 * 3
        frames = min(config.piece_frames, int((len(talk.target) - first - 1) / rate) + 1) // 3 * 3
        target = at_speed(talk.target[first:], rate, config.piece_frames)
        muted = random.random() < config.muted
        if muted:
            target = np.broadcast_to(rest_face(talk.target), target.shape)
        identity = identity_face(talk.target[int(random.integers(len(talk.target)))])
        identity, target = FaceChange.draw(random).apply(identity, target)
        return Lesson(
            samples=torch.from_numpy(_cut(talk.samples, first, longest, muted, random)),
            rates=torch.tensor(rate),
            identity=torch.from_numpy(np.ascontiguousarray(identity, np.float32)),
            target=torch.from_numpy(np.ascontiguousarray(target, np.float32)),
            frames=torch.tensor(frames),
            spoken=torch.tensor(float(not muted)),
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
        loudness = 10 ** (random.uniform(-90, -45) / 20) * (random.random() < 0.6)
        return (random.normal(size=count) * loudness * 32767).astype(np.int16)
    piece = samples[max(0, start - TAPS) : start - TAPS + count]
    before = max(0, TAPS - start)
    return np.pad(piece, (before, count - before - len(piece)))


class Student(nn.Module):
    """The encoder, the network that reads it, and what says the teacher's features from it."""

    def __init__(self, config: DistilConfig) -> None:
        super().__init__()
        self.encoder = StreamingEncoder(config.encoder)
        self.network = KFusion(replace(config.network, feature_dim=config.encoder.width, live=True))
        self.as_teacher = nn.Linear(config.encoder.width, WhisperEncoder.dim)
        self.register_buffer("teacher_mean", torch.zeros(WhisperEncoder.dim))
        self.register_buffer("teacher_std", torch.ones(WhisperEncoder.dim))


class Distillation:
    """A run of training, on any device; it can be saved and gone on with.

    Args:
        config: what is taught and how.
        pieces: what it is taught with.
        device: where.
        workers: processes that cut pieces.
    """

    def __init__(self, config: DistilConfig, pieces: Pieces, device: str, workers: int = 0) -> None:
        self.config, self.pieces, self.device, self.workers = config, pieces, torch.device(device), workers
        torch.manual_seed(config.seed)
        self.student = Student(config).to(self.device)
        self.teacher = WhisperEncoder.packaged().to(self.device)
        self.random = torch.Generator(self.device).manual_seed(config.seed)
        self.step = 0
        self._take_statistics()
        self.kept = copy.deepcopy(self.student).eval()
        """The mean of the weights."""
        self.optimiser = torch.optim.AdamW(
            self.student.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
        )

    def run(self, max_s: float = math.inf, watch: Callable[[int, dict[str, float]], None] | None = None) -> bool:
        """Train to the end, or for so many seconds; whether the end was reached."""
        begun = time.monotonic()
        for lesson in self._lessons():
            terms = self._learn(lesson)
            if watch is not None and self.step % 100 == 0:
                watch(self.step, {name: float(value) for name, value in terms.items()})
            if time.monotonic() - begun > max_s:
                break
        return self.step >= self.config.steps

    def state(self) -> dict[str, Any]:
        """What a run goes on from."""
        parts = {name: getattr(self, name).state_dict() for name in ("student", "kept", "optimiser")}
        return {**parts, "step": self.step, "random": self.random.get_state()}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        for name in ("student", "kept", "optimiser"):
            getattr(self, name).load_state_dict(state[name])
        self.step = state["step"]
        self.random.set_state(state["random"].cpu())

    def _lessons(self) -> Iterator[Lesson]:
        done = self.step * self.config.batch_size
        loader = DataLoader(
            self.pieces,
            batch_size=self.config.batch_size,
            sampler=range(done, len(self.pieces)),
            num_workers=self.workers,
            pin_memory=self.device.type == "cuda",
            prefetch_factor=6 if self.workers else None,
        )
        for lesson in loader:
            yield Lesson(*(part.to(self.device, non_blocking=True) for part in lesson))

    def _learn(self, lesson: Lesson) -> dict[str, Tensor]:
        terms = self.terms(lesson)
        total = torch.stack(list(terms.values())).sum()
        self.optimiser.zero_grad()
        total.backward()
        nn.utils.clip_grad_norm_(self.student.parameters(), self.config.gradient_clip)
        for group in self.optimiser.param_groups:
            group["lr"] = self._rate()
        self.optimiser.step()
        self.step += 1
        self._average()
        return {name: value.detach() for name, value in terms.items()}

    def terms(self, lesson: Lesson) -> dict[str, Tensor]:
        """The terms of the loss."""
        config, student = self.config, self.student
        clean = self._at_rate(lesson)
        with torch.no_grad():
            heard = config.perturbation(clean, self.random)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            features = student.encoder(heard)
            wanted = self._wanted(clean)
            error = student.as_teacher(features)[:, : wanted.shape[1]].float() - wanted
            read = features if config.lips_teach_encoder else features.detach()
            emotion = torch.zeros(len(heard), 2, dtype=torch.long, device=self.device)
            predicted = student.network(heard, read, lesson.identity, emotion, lesson.frames)
        time = predicted.shape[1]
        lasting = torch.arange(time, device=self.device) < (lesson.frames - BLOCK_FRAMES)[:, None]
        terms = loss(predicted.float(), lesson.target[:, :time], lasting, config.loss)
        steps = torch.arange(error.shape[1], device=self.device)
        taught = (steps >= _TEACHER_EDGE) & (steps < steps_in(config.piece_frames) - _TEACHER_EDGE)
        taught = taught & (steps < lesson.frames[:, None] * 5 // 3) & (lesson.spoken[:, None] > 0)
        terms["teacher"] = config.teacher * (error.square().mean(-1) * taught).sum() / taught.sum().clamp(min=1)
        return terms

    def _at_rate(self, lesson: Lesson) -> Float[Tensor, "batch samples"]:
        count = round(self.config.piece_frames * _SAMPLES_A_FRAME)
        return at_rate(lesson.samples.float() / 32767, lesson.rates, count)

    @torch.no_grad()
    def _wanted(self, clean: Float[Tensor, "batch samples"]) -> Float[Tensor, "batch steps dim"]:
        """The teacher's features, each in units of its own spread."""
        features = self.teacher(clean).float()
        return (features - self.student.get_buffer("teacher_mean")) / self.student.get_buffer("teacher_std")

    @torch.no_grad()
    def _take_statistics(self) -> None:
        """Of the teacher's features and of the identities, from the first batches."""
        config = self.config
        few = [self.pieces[number] for number in range(_STATISTICS_BATCHES * min(32, config.batch_size))]
        lesson = Lesson(*(torch.stack(part).to(self.device) for part in zip(*few, strict=True)))
        features = torch.cat([self._wanted(part) for part in self._at_rate(lesson).split(16)]).flatten(0, 1)
        network = self.student.network
        for buffer, values, least in (
            (self.student, features, 1e-3),
            (network, lesson.identity, 0.01),
        ):
            name = "teacher" if buffer is self.student else "identity"
            buffer.get_buffer(f"{name}_mean").copy_(values.mean(0))
            buffer.get_buffer(f"{name}_std").copy_(values.std(0, correction=0) + least)

    def _rate(self) -> float:
        config = self.config
        cosine = (1 + math.cos(math.pi * self.step / config.steps)) / 2
        return config.learning_rate * max(cosine, 1e-3) * min(1.0, (self.step + 1) / config.warmup_steps)

    @torch.no_grad()
    def _average(self) -> None:
        share = 1 - min(1 - 1 / self.config.averaged_steps, self.step / (self.step + 10))
        ours, theirs = list(self.kept.parameters()), list(self.student.parameters())
        torch._foreach_lerp_(ours, theirs, share)

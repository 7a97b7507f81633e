"""A streaming speech encoder, the network that reads it, and a network that learns on, each taught on any device.

The encoder learns what a teacher, Whisper's encoder, hears in the whole of a clean sound. The network learns what
moves the lips: true recordings of faces, and speech alone that the weights for recordings have labelled. Sounds are
changed on the device where they are heard, so that nothing is cached.
"""

import copy
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader

from kfusion.errors import InputError
from kfusion.models.kfusion import KFusion
from kfusion.models.kfusion_config import KFusionConfig
from kfusion.models.past import BLOCK_FRAMES
from kfusion.models.speech.encoder import SpeechEncoder
from kfusion.models.speech.streaming import StreamingConfig, StreamingEncoder
from kfusion.models.speech.whisper import WhisperEncoder, WhisperShape
from kfusion.training.batches import Batch
from kfusion.training.faces import in_frame_of
from kfusion.training.losses import loss
from kfusion.training.module import SCORES, clip_scores, step_seed
from kfusion.training.perturb import TAPS, at_rate
from kfusion.training.pieces import RATES, CourseConfig, Lesson, Pieces, Talk
from kfusion.training.statistics import take_identities

_TEACHER_EDGE = 10
"""Steps at the ends of a piece where the teacher lacks what it would hear."""
_TEACHER_POSITIONS = 450
"""The teacher's features depend on where its position table is entered; the student's cannot."""
_STATISTICS_BATCHES = 4


class Course:
    """Something that learns, step by step; it can be saved and gone on with.

    Args:
        student: what learns.
        config: how.
        device: where.
    """

    def __init__(self, student: nn.Module, config: CourseConfig, device: str) -> None:
        self.config, self.device = config, torch.device(device)
        self.student = student.to(self.device).train()
        self.kept = copy.deepcopy(self.student).eval().requires_grad_(False)
        """The mean of the weights."""
        self.random = torch.Generator(self.device).manual_seed(config.seed)
        self.step = 0
        self.optimiser = torch.optim.AdamW(
            self.student.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
        )

    def lessons(self) -> Iterator[Any]:
        """What is taught from this step on."""
        raise NotImplementedError

    def terms(self, lesson: Any) -> dict[str, Tensor]:
        """The terms of the loss."""
        raise NotImplementedError

    def run(self, max_s: float = math.inf, watch: Callable[[int, dict[str, float]], None] | None = None) -> bool:
        """Learn to the end, or for so many seconds; whether the end was reached."""
        begun = time.monotonic()
        for lesson in self.lessons() if self.step < self.config.steps else ():
            terms = self._learn(lesson)
            if watch is not None and self.step % 100 == 0:
                watch(self.step, {name: float(value) for name, value in terms.items()})
            if self.step >= self.config.steps or time.monotonic() - begun > max_s:
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

    def _learn(self, lesson: Any) -> dict[str, Tensor]:
        torch.manual_seed(step_seed(self.config.seed, 0, self.step, 0))  # of dropout: a resumed run draws the same
        terms = self.terms(lesson)
        self.optimiser.zero_grad()
        torch.stack(list(terms.values())).sum().backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.student.parameters(), self.config.gradient_clip)
        for group in self.optimiser.param_groups:
            group["lr"] = self._rate()
        self.optimiser.step()
        self.step += 1
        self._average()
        return {name: value.detach() for name, value in terms.items()}

    def _rate(self) -> float:
        config = self.config
        cosine = (1 + math.cos(math.pi * min(1.0, self.step / config.steps))) / 2
        return config.learning_rate * max(cosine, 1e-3) * min(1.0, (self.step + 1) / config.warmup_steps)

    @torch.no_grad()
    def _average(self) -> None:
        share = 1 - min(1 - 1 / self.config.averaged_steps, self.step / (self.step + 10))
        torch._foreach_lerp_(list(self.kept.parameters()), list(self.student.parameters()), share)

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda")


class Student(nn.Module):
    """An encoder, and what says the teacher's features from its own."""

    def __init__(self, config: StreamingConfig) -> None:
        super().__init__()
        self.encoder = StreamingEncoder(config)
        self.as_teacher = nn.Linear(config.width, WhisperShape().dim)
        self.register_buffer("teacher_mean", torch.zeros(WhisperShape().dim))
        self.register_buffer("teacher_std", torch.ones(WhisperShape().dim))


class EncoderCourse(Course):
    """A streaming encoder learns what Whisper's encoder hears.

    Args:
        encoder: the shape of the encoder.
        sounds: all there are, one after the other, held on the device; pieces may go from one to the next.
        config: how it is taught.
        device: where.

    Raises:
        InputError: all sounds together are shorter than a piece.
    """

    def __init__(
        self, encoder: StreamingConfig, sounds: list[NDArray[np.int16]], config: CourseConfig, device: str
    ) -> None:
        torch.manual_seed(config.seed)
        super().__init__(Student(encoder), config, device)
        self.span = math.ceil(config.samples * RATES[1]) + 2 * TAPS
        """Samples that a piece is made from."""
        if sum(map(len, sounds)) <= self.span:
            raise InputError(f"{sum(map(len, sounds))} samples of sound in all, {self.span} are needed: pass more data")
        self.teacher = WhisperEncoder.packaged().to(self.device)
        self.sounds = torch.from_numpy(np.concatenate(sounds)).to(self.device)
        self._take_statistics()

    def lessons(self) -> Iterator[Float[Tensor, "batch samples"]]:
        """Clean pieces of sound."""
        while True:
            yield self._pieces(self.config.batch_size)

    def terms(self, lesson: Float[Tensor, "batch samples"]) -> dict[str, Tensor]:
        """The squared error of the teacher's features, each in units of its own spread."""
        with torch.no_grad():
            heard = self.config.perturbation(lesson, self.random)
        assert isinstance(self.student, Student)
        return {"teacher": self.error(self.student, heard, lesson)}

    def error(
        self, student: "Student", heard: Float[Tensor, "batch samples"], clean: Float[Tensor, "batch samples"]
    ) -> Tensor:
        """How far what a student hears in one sound is from what the teacher hears in the other."""
        with self._autocast():
            wanted = self._wanted(clean, student)
            said = student.as_teacher(student.encoder(heard))
        between = slice(_TEACHER_EDGE, wanted.shape[1] - _TEACHER_EDGE)
        error: Tensor = (said[:, between].float() - wanted[:, between]).square().mean()
        return error

    def _pieces(self, count: int) -> Float[Tensor, "batch samples"]:
        device = self.device
        first = torch.randint(len(self.sounds) - self.span, (count, 1), generator=self.random, device=device)
        pieces = self.sounds[first + torch.arange(self.span, device=device)].float() / 32767
        low, high = (math.log(rate) for rate in RATES)
        rates = low + (high - low) * torch.rand(count, generator=self.random, device=device)
        return at_rate(pieces, rates.exp(), self.config.samples)

    @torch.no_grad()
    def _wanted(self, clean: Float[Tensor, "batch samples"], student: "Student") -> Float[Tensor, "batch steps dim"]:
        position = int(torch.randint(_TEACHER_POSITIONS, (1,), generator=self.random, device=self.device))
        features = self.teacher(clean, position).float()
        normal: Tensor = (features - student.get_buffer("teacher_mean")) / student.get_buffer("teacher_std")
        return normal

    @torch.no_grad()
    def _take_statistics(self) -> None:
        """Mean and spread of the teacher's features."""
        assert isinstance(self.student, Student)
        student, count = self.student, self.config.batch_size
        parts = [self._wanted(self._pieces(count), student) for _ in range(_STATISTICS_BATCHES)]
        features = torch.cat(parts).flatten(0, 1)
        for module in (self.student, self.kept):
            module.get_buffer("teacher_mean").copy_(features.mean(0))
            module.get_buffer("teacher_std").copy_(features.std(0, correction=0) + 1e-3)


class NetworkCourse(Course):
    """A network learns to move lips from the features of a trained encoder, which stays as it is.

    Args:
        network: the shape of a new one for streams, or one, for streams or recordings, that learns on.
        encoder: what it hears through.
        pieces: what the network is taught with.
        config: how.
        device: where.
        workers: processes that cut pieces.
    """

    def __init__(
        self,
        network: KFusionConfig | KFusion,
        encoder: SpeechEncoder,
        pieces: Pieces,
        config: CourseConfig,
        device: str,
        workers: int = 0,
    ) -> None:
        torch.manual_seed(config.seed)
        if isinstance(network, KFusionConfig):
            network = KFusion(replace(network, feature_dim=encoder.dim, live=True))
            few = [pieces[number].identity for number in range(_STATISTICS_BATCHES * config.batch_size)]
            take_identities(network, torch.stack(few))
        super().__init__(network, config, device)
        self.encoder = encoder.to(self.device).eval().requires_grad_(False)
        self.pieces, self.workers = pieces, workers

    def lessons(self) -> Iterator[Lesson]:
        """Batches of pieces."""
        loader = DataLoader(
            self.pieces,
            batch_size=self.config.batch_size,
            sampler=range(self.step * self.config.batch_size, len(self.pieces)),
            num_workers=self.workers,
            pin_memory=self.device.type == "cuda",
            prefetch_factor=6 if self.workers else None,
        )
        for lesson in loader:
            yield Lesson(*(part.to(self.device, non_blocking=True) for part in lesson))

    def terms(self, lesson: Lesson) -> dict[str, Tensor]:
        """The terms of the loss over the frames whose sound is whole."""
        config = self.config
        with torch.no_grad(), self._autocast():
            clean = at_rate(lesson.samples.float() / 32767, lesson.rates, config.samples)
            heard = config.perturbation(clean, self.random)
            features = self.encoder(heard)
        with self._autocast():
            emotion = torch.zeros(len(heard), 2, dtype=torch.long, device=self.device)
            predicted = self.student(heard, features, lesson.identity, emotion, lesson.frames)
        lasting = torch.arange(predicted.shape[1], device=self.device) < (lesson.frames - BLOCK_FRAMES)[:, None]
        return loss(predicted.float(), lesson.target, lasting, config.loss)


@torch.no_grad()
def validate(course: NetworkCourse, talks: list[Talk]) -> dict[str, float]:
    """The scores of a network on whole talks, each on a frame of its own."""
    scores = []
    for number, talk in enumerate(talks):
        random = np.random.default_rng(number)
        identity, target = in_frame_of(talk.target[int(random.integers(len(talk.target)))], talk.target)
        samples = torch.from_numpy(talk.samples)[None].to(course.device).float() / 32767
        batch = Batch(
            samples=samples,
            features=course.encoder(samples),
            identity=torch.from_numpy(identity)[None].to(course.device),
            emotion=torch.zeros(1, 2, dtype=torch.long, device=course.device),
            frames=torch.tensor([len(talk.target)], device=course.device),
            target=torch.from_numpy(target)[None].to(course.device),
            counted=torch.ones(1, dtype=torch.bool, device=course.device),
        )
        predicted = course.kept(batch.samples, batch.features, batch.identity, batch.emotion)
        scores.append(clip_scores(predicted, batch))
    return dict(zip(SCORES, torch.cat(scores).nanmean(0).tolist(), strict=True))

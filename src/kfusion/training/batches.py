"""Prepared clips to padded batches; every random choice follows from seed, epoch and clip alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.utils.data import Dataset

from kfusion.emotion import emotion_index
from kfusion.errors import InputError
from kfusion.models.past import BLOCK_FRAMES
from kfusion.training.epoch_order import EpochOrder, ShownPiece
from kfusion.training.faces import FaceChange, in_frame_of
from kfusion.training.features import FPS, ClipSpan, FeatureKind, piece_of
from kfusion.training.shard_window import ByteSpan, SetShard, ShardWindow, WindowClip, as_face, read
from kfusion.training.training_set import SplitSummary, TrainingSet


class Batch(NamedTuple):
    """Clips padded to the longest; zeros after the end of the others."""

    samples: Float[Tensor, "batch samples"]
    features: Float[Tensor, "batch steps dim"]
    identity: Float[Tensor, "batch 68 2"]
    emotion: Int[Tensor, "batch 2"]
    frames: Int[Tensor, " batch"]
    target: Float[Tensor, "batch time 68 2"]
    counted: Bool[Tensor, " batch"]
    """False on clips that another process has shown already."""

    @property
    def mask(self) -> Bool[Tensor, "batch time"]:
        """True on frames that are there and count."""
        there = torch.arange(self.target.shape[1], device=self.frames.device) < self.frames[:, None]
        return there & self.counted[:, None]


@dataclass(frozen=True, kw_only=True, slots=True)
class DataConfig:
    """What a network is shown."""

    variants: int = 1
    """How many versions of each recording to cache: the first is as recorded, the others are changed voices."""
    shuffled_shards: int = 64
    """So many shards (of 512 clips) are shuffled together, and only as much is known of the clips at any time."""
    cached_hours: float = 14.0
    """At most so much sound of a data set is cached, so a large one has fewer versions: an hour of Whisper's features
    takes 0.5 GB."""
    change_faces: bool = False
    """Mirror and reshape the faces."""
    identity_from: Literal["other-clip", "same-clip", "frame-0"] = "other-clip"
    """`other-clip`: a random frame of another clip of the speaker (of the same clip where there is only
    one); `same-clip`: a random frame of the clip itself, so that only motion is learned and not how the
    speaker's pose differs from clip to clip; `frame-0`: the first frame of the target, as in the paper's code."""
    head_motion: bool = False
    """Keep the head's motion in the targets."""
    clip_s: float | None = None
    """Train on random pieces of this length, as many in an epoch as each clip holds; None: on whole clips. The
    paper: 1 s."""
    unknown_emotion: float = 0.2
    """Share of clips whose label is hidden, so that "unknown" is learned."""
    unknown_intensity: float = 0.2
    """Share of the others whose intensity alone is hidden: an emotion may be asked for without one."""

    def __post_init__(self) -> None:
        for name in ("unknown_emotion", "unknown_intensity"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name} {getattr(self, name)}: use 0 to 1")
        for name in ("variants", "shuffled_shards"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} {getattr(self, name)}: use 1 or more")
        if not self.cached_hours > 0:
            raise InputError(f"cached_hours {self.cached_hours}: use more than 0")
        if self.identity_from not in ("other-clip", "same-clip", "frame-0"):
            raise InputError(f"unknown identity_from '{self.identity_from}': use other-clip, same-clip or frame-0")

    def variants_of(self, frames: int) -> int:
        """How many versions of training clips of so many frames in all are cached."""
        hours = frames / (FPS * 3600)
        return min(self.variants, max(1, int(self.cached_hours / max(hours, 1e-9))))

    def pieces_of(self, frames: int) -> int:
        """How many pieces of a training clip of so many frames an epoch shows."""
        return 1 if self.clip_s is None else max(1, round(frames / (FPS * self.clip_s)))


class PiecePlan(NamedTuple):
    """What is shown of a clip, drawn before a byte of it is read."""

    clip: WindowClip
    version: int
    first: int
    """Frame, a multiple of 3 so that steps and samples start on the same instant."""
    frames: int
    identity: ByteSpan
    change: FaceChange | None
    emotion: tuple[int, int]
    counted: bool

    @property
    def blocks(self) -> ByteSpan:
        """Where the piece stands."""
        return self.clip.blocks(self.version, self.first // BLOCK_FRAMES, -(-self.frames // BLOCK_FRAMES))

    def show(self, blocks: bytes, identity: bytes) -> Batch:
        """The piece, as a batch of one."""
        target, features, samples = piece_of(self.clip.parse(blocks), self.frames)
        apply = in_frame_of if self.change is None else self.change.apply
        face, target = apply(as_face(identity), target)
        return Batch(
            samples=torch.from_numpy(samples)[None],
            features=torch.from_numpy(features)[None],
            identity=torch.from_numpy(np.ascontiguousarray(face))[None],
            emotion=torch.tensor([self.emotion]),
            frames=torch.tensor([self.frames]),
            target=torch.from_numpy(np.ascontiguousarray(target))[None],
            counted=torch.tensor([self.counted]),
        )


class TalkingFaces(Dataset[Batch]):
    """The clips of one split of one or more prepared data sets, or pieces of them, each as a batch of one.

    What is missing of their features is computed first.

    Args:
        sets: the data sets; those without clips of this split are passed over.
        split: which clips.
        encoder: name of the speech encoder.
        config: what is shown of them.
        seed: of every choice.
        training: whether choices differ from epoch to epoch.
        share: the number of this process, and how many there are: each computes its share of what is missing.

    Raises:
        InputError: the split is empty, or a data set cannot be read.
    """

    def __init__(
        self,
        sets: Sequence[TrainingSet],
        split: str,
        encoder: str,
        config: DataConfig,
        *,
        seed: int,
        training: bool,
        share: tuple[int, int] = (0, 1),
    ) -> None:
        self.config, self.seed, self.training, self.epoch = config, seed, training, 0
        self.kind = FeatureKind(encoder=encoder, head_motion=config.head_motion)
        self.shards: list[SetShard] = []
        self.summaries: dict[TrainingSet, SplitSummary] = {}
        for training_set in sets:
            self._open(training_set, split, share)
        if not self.shards:
            raise InputError(f"split '{split}' of {', '.join(map(str, sets))} is empty: prepare more data")
        self.order = EpochOrder(
            pieces=[pieces for summary in self.summaries.values() for pieces in summary.pieces],
            weights=[shard.set.weight if training else 1.0 for shard in self.shards],
            seed=seed if training else None,
            window_shards=config.shuffled_shards,
        )
        self._places: tuple[int, dict[int, list[int]]] = (-1, {})
        self._windows: dict[tuple[int, ...], ShardWindow] = {}

    def _open(self, training_set: TrainingSet, split: str, share: tuple[int, int]) -> None:
        training_set.compute_missing(self.kind, split, 1, share)
        summary = training_set.summary(self.kind, split, self._pieces_of)
        versions = self.config.variants_of(summary.frames) if self.training else 1
        training_set.compute_missing(self.kind, split, versions, share)
        self.summaries[training_set] = summary
        self.shards += [SetShard(training_set, name, versions) for name in training_set.shards(split)]

    def _pieces_of(self, frames: int) -> int:
        return self.config.pieces_of(frames) if self.training else 1

    def __len__(self) -> int:
        return self.order.count

    def __getitem__(self, place: int | ShownPiece) -> Batch:
        """One clip; other choices every epoch while training, always the same ones otherwise."""
        piece = place if isinstance(place, ShownPiece) else ShownPiece(self.epoch, place)
        return self.__getitems__([piece])[0]

    def __getitems__(self, pieces: Sequence[ShownPiece]) -> list[Batch]:
        """Several, all read at once."""
        plans = [self.plan(piece) for piece in pieces]
        content = read([plan.blocks for plan in plans] + [plan.identity for plan in plans])
        both = zip(content[: len(plans)], content[len(plans) :], strict=True)
        return [plan.show(*parts) for plan, parts in zip(plans, both, strict=True)]

    def window(self, epoch: int, shard: int) -> ShardWindow:
        """The window of an epoch that a shard is in; the last two are remembered."""
        if self._places[0] != epoch:
            self._places = (epoch, {shard: window for window in self.order.windows(epoch) for shard in window})
        shards = self._places[1][shard]
        key = tuple(shards)
        if key not in self._windows:
            while len(self._windows) > 1:
                self._windows.pop(next(iter(self._windows)))
            self._windows[key] = ShardWindow({n: self.shards[n] for n in shards}, self.kind, self._pieces_of)
        return self._windows[key]

    def clip(self, epoch: int, index: int) -> tuple[ShardWindow, int]:
        """The window and the number in it of the clip that an index shows."""
        shard, piece = self.order.piece(index, epoch)
        window = self.window(epoch, shard)
        return window, window.number(shard, piece)

    def plan(self, shown: ShownPiece) -> PiecePlan:
        """Draw what is shown; seed, epoch and index alone decide."""
        epoch = shown.epoch if self.training else 0
        random = np.random.default_rng([self.seed, epoch, shown.place])
        window, number = self.clip(epoch, shown.place)
        clip = window.clips[number]
        version = int(random.integers(len(clip.versions)))
        identity = self._identity(window, number, random)
        change = FaceChange.draw(random) if self.training and self.config.change_faces else None
        first, frames = self._piece(clip.versions[version][1].frames, random)
        emotion = self._emotion(clip.recorded, random)
        return PiecePlan(clip, version, first, frames, identity, change, emotion, shown.counted)

    def _identity(self, window: ShardWindow, number: int, random: np.random.Generator) -> ByteSpan:
        """A face in the unit frame of its clip's median face."""
        clip = window.clips[number]
        if self.config.identity_from == "frame-0":
            return clip.face(0)
        if self.config.identity_from == "other-clip":
            others = [other for other in window.by_voice[clip.recorded.voice] if other != number]
            clip = window.clips[others[int(random.integers(len(others)))]] if others else clip
        return clip.face(int(random.integers(clip.recorded.frames)))

    def _emotion(self, clip: ClipSpan, random: np.random.Generator) -> tuple[int, int]:
        """Indices of category and intensity, 0 for what is unknown or hidden."""
        if not self.training:
            return emotion_index(clip.emotion, clip.intensity)
        if random.random() < self.config.unknown_emotion:
            return 0, 0
        hidden = random.random() < self.config.unknown_intensity
        return emotion_index(clip.emotion, None if hidden else clip.intensity)

    def _piece(self, frames: int, random: np.random.Generator) -> tuple[int, int]:
        """First frame and length."""
        if self.config.clip_s is None or not self.training:
            return 0, frames
        wanted = min(frames, round(self.config.clip_s * FPS))
        return 3 * int(random.integers((frames - wanted) // 3 + 1)), wanted


def collate(clips: list[Batch]) -> Batch:
    """One padded batch."""

    def padded(name: str) -> Tensor:
        parts = [getattr(clip, name)[0] for clip in clips]
        return torch.nn.utils.rnn.pad_sequence(parts, batch_first=True)

    return Batch(
        samples=padded("samples"),
        features=padded("features"),
        identity=torch.cat([clip.identity for clip in clips]),
        emotion=torch.cat([clip.emotion for clip in clips]),
        frames=torch.cat([clip.frames for clip in clips]),
        target=padded("target"),
        counted=torch.cat([clip.counted for clip in clips]),
    )

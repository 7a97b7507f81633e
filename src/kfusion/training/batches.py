"""Prepared clips to padded batches; every random choice follows from seed, epoch and clip alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.utils.data import Dataset

from kfusion.audio import SAMPLE_RATE_HZ
from kfusion.data.store import ClipStore, StoredClip
from kfusion.emotion import emotion_index
from kfusion.errors import InputError
from kfusion.landmarks import Points
from kfusion.models.speech.encoder import steps_in
from kfusion.training.faces import FaceChange, at_speed, in_frame_of, rest_face, unit_target
from kfusion.training.features import FPS, FeatureVariant, load_variants


class Batch(NamedTuple):
    """Clips padded to the longest; zeros after the end of the others."""

    samples: Float[Tensor, "batch samples"]
    features: Float[Tensor, "batch steps dim"]
    identity: Float[Tensor, "batch 68 2"]
    emotion: Int[Tensor, "batch 2"]
    frames: Int[Tensor, " batch"]
    target: Float[Tensor, "batch time 68 2"]

    @property
    def mask(self) -> Bool[Tensor, "batch time"]:
        """True on frames that are there."""
        return torch.arange(self.target.shape[1], device=self.frames.device) < self.frames[:, None]


@dataclass(frozen=True, kw_only=True, slots=True)
class DataConfig:
    """What a network is shown."""

    variants: int = 1
    """How many versions of each recording to cache: the first is as recorded, the others are changed voices."""
    cached_hours: float = 14.0
    """At most so much sound of a data set is cached, so a large one has fewer versions: an hour of Whisper's features
    takes 0.3 GB."""
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
        if self.variants < 1:
            raise InputError(f"variants {self.variants}: use 1 or more")
        if not self.cached_hours > 0:
            raise InputError(f"cached_hours {self.cached_hours}: use more than 0")
        if self.identity_from not in ("other-clip", "same-clip", "frame-0"):
            raise InputError(f"unknown identity_from '{self.identity_from}': use other-clip, same-clip or frame-0")

    def variants_of(self, clips: Sequence[StoredClip]) -> int:
        """How many versions of these training clips are cached."""
        hours = sum(clip.frames for clip in clips) / (FPS * 3600)
        return min(self.variants, max(1, int(self.cached_hours / max(hours, 1e-9))))

    def pieces_of(self, frames: int) -> int:
        """How many pieces of a training clip of so many frames an epoch shows."""
        return 1 if self.clip_s is None else max(1, round(frames / (FPS * self.clip_s)))


class TalkingFaces(Dataset[Batch]):
    """The clips of one split of one or more prepared data sets, or pieces of them, each as a batch of one.

    Raises:
        InputError: the split is empty.
    """

    def __init__(
        self, stores: list[ClipStore], split: str, encoder: str, config: DataConfig, *, seed: int, training: bool
    ) -> None:
        self.config, self.seed, self.training, self.epoch = config, seed, training, 0
        self.items: list[tuple[StoredClip, list[FeatureVariant], Points]] = []
        for store in stores:
            clips = store.split(split)
            count = config.variants_of(clips) if training else 1
            variants = load_variants(store, split, encoder, count) if clips else []
            for clip in clips:
                target = unit_target(clip.landmarks(), head_motion=config.head_motion)
                self.items.append((clip, variants, target))
        if not self.items:
            raise InputError(f"split '{split}' of {', '.join(str(s.root) for s in stores)} is empty: prepare more data")
        self.by_speaker: dict[str, list[int]] = {}
        for number, (clip, _, _) in enumerate(self.items):
            self.by_speaker.setdefault(f"{clip.corpus}/{clip.speaker}", []).append(number)
        pieces = (config.pieces_of(clip.frames) if training else 1 for clip, _, _ in self.items)
        self.shown = [number for number, count in enumerate(pieces) for _ in range(count)]
        """The number of the item that each index shows, or shows a piece of."""

    def __len__(self) -> int:
        return len(self.shown)

    @property
    def variants(self) -> list[FeatureVariant]:
        """Those of all data sets."""
        return list({id(variant): variant for _, variants, _ in self.items for variant in variants}.values())

    def __getitem__(self, index: int) -> Batch:
        """One clip; other choices every epoch while training, always the same ones otherwise."""
        random = np.random.default_rng([self.seed, self.epoch if self.training else 0, index])
        number = self.shown[index]
        clip, variants, whole = self.items[number]
        variant = variants[int(random.integers(len(variants)))]
        entry = variant.entries[clip.clip_id]
        features, samples = variant.read(entry)
        identity = self._identity(number, random)
        target = at_speed(whole, entry.speed, entry.frames)
        if entry.muted:
            target = np.broadcast_to(rest_face(whole), target.shape)
        if self.training and self.config.change_faces:
            identity, target = FaceChange.draw(random).apply(identity, target)
        else:
            identity, target = in_frame_of(identity, target)
        first, frames = self._piece(entry.frames, random)
        first_step, first_sample = first * 5 // 3, first * SAMPLE_RATE_HZ // FPS
        emotion = self._emotion(clip, random)
        return Batch(
            samples=torch.from_numpy(samples[first_sample : first_sample + frames * SAMPLE_RATE_HZ // FPS])[None],
            features=torch.from_numpy(features[first_step : first_step + steps_in(frames)].astype(np.float32))[None],
            identity=torch.from_numpy(np.ascontiguousarray(identity))[None],
            emotion=torch.tensor([emotion]),
            frames=torch.tensor([frames]),
            target=torch.from_numpy(np.ascontiguousarray(target[first : first + frames]))[None],
        )

    def _identity(self, number: int, random: np.random.Generator) -> Points:
        """A frame (68, 2) in the unit frame of its clip's median face."""
        clip, _, target = self.items[number]
        if self.config.identity_from == "frame-0":
            first: Points = target[0]
            return first
        same = self.config.identity_from == "same-clip"
        others = [other for other in self.by_speaker[f"{clip.corpus}/{clip.speaker}"] if other != number and not same]
        source = self.items[others[int(random.integers(len(others)))]][2] if others else target
        frame: Points = source[int(random.integers(len(source)))]
        return frame

    def _emotion(self, clip: StoredClip, random: np.random.Generator) -> tuple[int, int]:
        """Indices of category and intensity, 0 for what is unknown or hidden."""
        if not self.training:
            return emotion_index(clip.emotion, clip.intensity)
        if random.random() < self.config.unknown_emotion:
            return 0, 0
        hidden = random.random() < self.config.unknown_intensity
        return emotion_index(clip.emotion, None if hidden else clip.intensity)

    def _piece(self, frames: int, random: np.random.Generator) -> tuple[int, int]:
        """First frame, a multiple of 3 so that steps and samples start on the same instant, and length."""
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
    )

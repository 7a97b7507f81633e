"""The clips that are scored, and what a prediction of each starts from."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from kfusion.audio import Samples
from kfusion.data.store import ClipStore, StoredClip
from kfusion.errors import InputError
from kfusion.evaluation.alignment import AlignedPair, align, median_face
from kfusion.evaluation.identity_rules import (
    OTHER_CLIP,
    PickedIdentity,
    by_speaker,
    check_rule,
    pick_identity,
    scored_frames,
    speaker_of,
)
from kfusion.evaluation.metrics.velocity import FrameMask
from kfusion.evaluation.predictors import Predictor
from kfusion.evaluation.silence import find_silence
from kfusion.landmarks import Points, inter_ocular_distance, remove_head_motion

SHOWN_FRAMES = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """Which clips are scored, on whose faces."""

    split: str = "test"
    """`val` or `test`; `train` shows what was learned by heart."""
    speakers: tuple[str, ...] = ()
    """Their names, or what stands before a `/` in them; empty: all."""
    identity: str = OTHER_CLIP
    """`other-clip` or `frame-0`, see `kfusion.evaluation.identity_rules`."""
    limit: int | None = None
    """At most so many clips, evenly spread over the selection."""

    def __post_init__(self) -> None:
        if self.limit is not None and self.limit < 1:
            raise InputError(f"limit {self.limit}: use 1 clip or more")
        check_rule(self.identity)

    def clips(self, stores: Sequence[ClipStore]) -> list[StoredClip]:
        """The selected clips of all data sets.

        Raises:
            InputError: nothing is selected, a speaker is not there, or a clip stands in two data sets.
        """
        clips = self.whole_split(stores)
        roots = ", ".join(str(store.root) for store in stores)
        if not clips:
            held = sorted({clip.split for store in stores for clip in store.clips} - {"train"})
            remedy = f"use --split {' or '.join(held)}" if held else "prepare clips for it"
            raise InputError(f"{roots}: the split '{self.split}' is empty: {remedy}")
        _check_unique(clips)
        _check_speakers(self.speakers, clips, roots, self.split)
        wanted = [clip for clip in clips if not self.speakers or any(_is(name, clip) for name in self.speakers)]
        return spread(wanted, self.limit)

    def cases(self, stores: Sequence[ClipStore], clips: Iterable[StoredClip]) -> Iterator["Case"]:
        """Selected clips with their arrays, one after the other."""
        speakers = by_speaker(self.whole_split(stores))
        for clip in clips:
            yield Case.read(clip, speakers, self.identity)

    def whole_split(self, stores: Sequence[ClipStore]) -> list[StoredClip]:
        """All clips of the split, among which identities are looked for whatever the speakers and the limit."""
        return [clip for store in stores for clip in store.split(self.split)]


def _is(name: str, clip: StoredClip) -> bool:
    return clip.speaker == name or clip.speaker.startswith(f"{name}/")


def _check_unique(clips: list[StoredClip]) -> None:
    seen: set[str] = set()
    for clip in clips:
        if clip_name(clip) in seen:
            raise InputError(f"clip '{clip.clip_id}' of {clip.corpus} stands twice: pass each data set once")
        seen.add(clip_name(clip))


def _check_speakers(names: tuple[str, ...], clips: list[StoredClip], roots: str, split: str) -> None:
    for name in names:
        if not any(_is(name, clip) for clip in clips):
            known = ", ".join(sorted({clip.speaker for clip in clips}))
            raise InputError(f"{roots}: no speaker '{name}' in the split '{split}': use {known}")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Case:
    """A clip that is scored, and the face it is predicted on."""

    clip: StoredClip
    identity: PickedIdentity
    target: Points
    """(frames that are scored, 68, 2), crop pixels."""
    samples: Samples
    """Of the whole clip."""
    silent: FrameMask
    """(frames that are scored,)"""
    inter_ocular_px: float
    """Of the target, mean over the scored frames."""

    @classmethod
    def read(cls, clip: StoredClip, speakers: dict[str, list[StoredClip]], rule: str) -> "Case":
        """A clip, with an identity by `rule`; `speakers` holds all clips of its split, see `by_speaker`."""
        identity = pick_identity(clip, speakers, rule)
        scored, samples = scored_frames(clip, identity.rule), clip.samples()
        target = clip.landmarks()[:scored]
        return cls(
            clip=clip,
            identity=identity,
            target=target,
            samples=samples,
            silent=find_silence(samples, clip.frames)[:scored],
            inter_ocular_px=float(inter_ocular_distance(target).mean(dtype=np.float64)),
        )

    @property
    def name(self) -> str:
        """Unique over corpora."""
        return clip_name(self.clip)

    @property
    def speaker(self) -> str:
        """Unique over corpora."""
        return speaker_of(self.clip)

    def predict(self, predictor: Predictor, samples: Samples | None = None, label: StoredClip | None = None) -> Points:
        """The scored frames in crop pixels, from the clip's own sound or from other `samples`, brought to its length.

        The emotion and the intensity are the clip's own or those of `label`.

        Raises:
            InputError: the predictor gives another number of frames than the clip has, or no finite numbers.
        """
        clip, told = self.clip, label or self.clip
        heard = self.samples if samples is None else fit_length(samples, len(self.samples))
        predicted = predictor.predict(heard, self.identity.unit, told.emotion, told.intensity)
        expected = (clip.frames, *self.target.shape[1:])
        if predicted.shape != expected:
            raise InputError(
                f"clip {clip.clip_id}: model {predictor.model_id} gave landmarks of shape {predicted.shape}, "
                f"not {expected}: evaluate a model of 30 frames a second"
            )
        if not np.isfinite(predicted).all():
            raise InputError(
                f"clip {clip.clip_id}: model {predictor.model_id} gave landmarks that are not finite numbers: "
                "train or export it again"
            )
        return self.identity.place(predicted[: len(self.target)])

    def aligned(self, drawn: Points, alignment: str) -> AlignedPair:
        """What is said of the scored frames (T, 68, 2), crop pixels, and the target, laid upon each other."""
        predicted, target = align(alignment, drawn, self.target)
        return AlignedPair(predicted=predicted, target=target, inter_ocular_px=self.inter_ocular_px, silent=self.silent)

    @property
    def still_identity(self) -> Points:
        """The identity (68, 2) brought onto the target's median face, as `frame` brings every frame."""
        still: Points = remove_head_motion(self.identity.points[None], median_face(self.target))[0]
        return still

    @property
    def shown_frames(self) -> list[int]:
        """The frames of a figure: evenly spread over the part with sound."""
        heard = np.flatnonzero(~self.silent)
        first, last = (heard[0], heard[-1]) if len(heard) >= SHOWN_FRAMES else (0, len(self.target) - 1)
        return [int(frame) for frame in np.linspace(first, last, SHOWN_FRAMES).round()]

    def hold(self, face: Points) -> Points:
        """One face (68, 2) in every scored frame."""
        return np.broadcast_to(face, self.target.shape)


def clip_name(clip: StoredClip) -> str:
    """The clip's name, unique over corpora."""
    return f"{clip.corpus}/{clip.clip_id}"


def spread(clips: list[StoredClip], limit: int | None) -> list[StoredClip]:
    """At most `limit` clips, evenly spread over all."""
    if limit is None or len(clips) <= limit:
        return clips
    return [clips[int(index)] for index in np.linspace(0, len(clips) - 1, limit).round()]


def fit_length(samples: Samples, count: int) -> Samples:
    """`count` samples: cut, or with silence after the end."""
    return np.pad(samples[:count], (0, max(0, count - len(samples))))

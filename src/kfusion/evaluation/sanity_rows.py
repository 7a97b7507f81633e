"""The rows of a table: what a model, and what can be had without listening, says of a clip.

model           what is scored
hold            the identity, motionless: a closed mouth
median-face     the speaker's median face in the clip that the identity is from, motionless: the mouth half
                open, which is nearer to a talking face on average (not with the identity rule frame-0)
mean-motion     the best constant: the identity plus the mean displacement of every point, taken over the
                frames and then over the clips of the training splits
loudness        how loud the sound is and nothing else: the straight line from its level (0.1 s around a frame) to
                the displacement that fits the training splits best
shuffled-audio  the model itself, listening to another clip
shuffled-emotion
                the model itself, told the label of another clip that has another emotion
unknown-emotion the model itself, told no label
noise-floor     the face finder's second look at the same recording, moved by a fraction of a pixel: models nearer
                to the target than that cannot be told apart (made by `benchmarks/noise_floor.py`)
target          the recording itself: its errors are 0, its other scores (speed in silence, jerk) are what a
                perfect prediction would have, the landmark extractor's noise and breathing included

Whoever adds a row writes the function that makes it and an entry in `ROWS`: it stands in every table from then on.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from tqdm import tqdm

from kfusion.data.store import ClipStore, StoredClip
from kfusion.errors import InputError
from kfusion.evaluation.alignment import median_face
from kfusion.evaluation.cases import Case, Selection, clip_name, spread
from kfusion.evaluation.identity_rules import FRAME_0, by_speaker, name_number, pick_identity, scored_frames
from kfusion.evaluation.loudness import LevelMap
from kfusion.evaluation.predictors import Predictor
from kfusion.landmarks import Points, remove_head_motion, unit_frame

MODEL, HOLD, MEDIAN_FACE, MEAN_MOTION = "model", "hold", "median-face", "mean-motion"
LOUDNESS = "loudness"
SHUFFLED, SHUFFLED_EMOTION, UNKNOWN_EMOTION = "shuffled-audio", "shuffled-emotion", "unknown-emotion"
NOISE_FLOOR, TARGET = "noise-floor", "target"
MAX_TRAINING_CLIPS = 1000
"""Mean displacement and loudness are taken from at most so many clips of each training split, evenly spread."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ScoredRow:
    """A row that is there on a selection of clips."""

    name: str
    draw: Callable[[Case], Points]
    """What it says the scored frames of a clip look like: (frames, 68, 2), crop pixels."""
    donors: dict[str, str] = field(default_factory=dict)
    """Where a clip (by `Case.name`) is given the sound or the label of another one: the id of that."""


@dataclass(frozen=True, kw_only=True, slots=True)
class UndefinedRow:
    """A row that there is not on a selection."""

    name: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RowRequest:
    """What a row may be made from."""

    stores: Sequence[ClipStore]
    """Where the clips are."""
    selection: Selection
    """Which of them are scored."""
    train: Sequence[ClipStore]
    """The data sets whose training splits mean motion and loudness are taken from."""
    predictor: Predictor | None = None
    """The model, for the rows that ask one."""

    @property
    def clips(self) -> list[StoredClip]:
        """Those that are scored."""
        return self.selection.clips(self.stores)

    @property
    def asked(self) -> Predictor:
        """The model; `make_row` has seen to it that there is one."""
        assert self.predictor is not None
        return self.predictor


@dataclass(frozen=True, kw_only=True, slots=True)
class RowKind:
    """A row that can be made on any clips."""

    title: str
    """What tables call it."""
    make: Callable[[RowRequest], ScoredRow | UndefinedRow]
    asks_model: bool = False


def make_row(name: str, request: RowRequest) -> ScoredRow | UndefinedRow:
    """The row called `name` on a selection of clips, or why there is none.

    Raises:
        InputError: the row is unknown or needs a predictor, or the selection cannot be made.
    """
    kind = ROWS.get(name)
    if kind is None:
        raise InputError(f"unknown row '{name}': use {', '.join(ROWS)}")
    if kind.asks_model and request.predictor is None:
        raise InputError(f"row '{name}' asks a model: pass one")
    return kind.make(request)


def _median_face(request: RowRequest) -> ScoredRow | UndefinedRow:
    if request.selection.identity == FRAME_0:
        return UndefinedRow(name=MEDIAN_FACE, reason="the identity frame-0 is not picked from other frames")

    def draw(case: Case) -> Points:
        assert case.identity.median is not None
        return case.hold(case.identity.median)

    return ScoredRow(name=MEDIAN_FACE, draw=draw)


def _mean_motion(request: RowRequest) -> ScoredRow | UndefinedRow:
    moved = mean_displacement(request.train, request.selection.identity)
    if moved is None:
        return UndefinedRow(name=MEAN_MOTION, reason="none of the data sets has a training split")
    return ScoredRow(name=MEAN_MOTION, draw=lambda case: case.hold(case.identity.place(case.identity.unit + moved)))


def mean_displacement(stores: Sequence[ClipStore], rule: str) -> Points | None:
    """The mean displacement (68, 2) from the identity, unit frame; None if no data set has a training split.

    Head motion is taken out of the clips, and identities are picked by the same rule as when scoring.
    """
    found = [moved.mean(axis=0) for _, moved in _training_motion(stores, rule, MEAN_MOTION)]
    return np.mean(found, axis=0).astype(np.float32) if found else None


def _training_motion(stores: Sequence[ClipStore], rule: str, what: str) -> Iterator[tuple[StoredClip, Points]]:
    """Clips of the training splits, with the displacement (frames, 68, 2) from an identity by `rule`."""
    for store in stores:
        train = store.split("train")
        speakers = by_speaker(train)
        for clip in tqdm(spread(train, MAX_TRAINING_CLIPS), desc=what, unit="clip", leave=False, disable=None):
            identity = pick_identity(clip, speakers, rule)
            landmarks = clip.landmarks()[: scored_frames(clip, identity.rule)]
            median = median_face(landmarks)
            yield clip, unit_frame(median)(remove_head_motion(landmarks, median)) - identity.unit


def _loudness(request: RowRequest) -> ScoredRow | UndefinedRow:
    heard, learnt = LevelMap(), False
    for clip, moved in _training_motion(request.train, request.selection.identity, LOUDNESS):
        heard.add(clip.samples(), moved)
        learnt = True
    if not learnt:
        return UndefinedRow(name=LOUDNESS, reason="none of the data sets has a training split")

    def draw(case: Case) -> Points:
        return case.identity.place(case.identity.unit + heard(case.samples, len(case.target)))

    return ScoredRow(name=LOUDNESS, draw=draw)


def _shuffled_audio(request: RowRequest) -> ScoredRow | UndefinedRow:
    clips, predictor = request.clips, request.asked
    if len(clips) < 2:
        return UndefinedRow(name=SHUFFLED, reason="a single clip was evaluated")
    order = derangement([clip_name(clip) for clip in clips])
    return _given(SHUFFLED, clips, order, lambda case, other: case.predict(predictor, samples=other.samples()))


def _shuffled_emotion(request: RowRequest) -> ScoredRow | UndefinedRow:
    clips, predictor = request.clips, request.asked
    emotions, reason = _labels(clips, predictor)
    if reason:
        return UndefinedRow(name=SHUFFLED_EMOTION, reason=reason)
    order = other_emotions(emotions, derangement([clip_name(clip) for clip in clips]))
    return _given(SHUFFLED_EMOTION, clips, order, lambda case, other: case.predict(predictor, label=other))


def _unknown_emotion(request: RowRequest) -> ScoredRow | UndefinedRow:
    _, reason = _labels(request.clips, request.asked)
    if reason:
        return UndefinedRow(name=UNKNOWN_EMOTION, reason=reason)

    def draw(case: Case) -> Points:
        return case.predict(request.asked, label=replace(case.clip, emotion=None, intensity=None))

    return ScoredRow(name=UNKNOWN_EMOTION, draw=draw)


def _labels(clips: list[StoredClip], predictor: Predictor) -> tuple[list[str], str]:
    """The emotions of the clips, and why nothing can be learnt from changing them, if so."""
    emotions = [clip.emotion for clip in clips if clip.emotion is not None]
    reason = ""
    if len(emotions) < len(clips):
        reason = f"{len(clips) - len(emotions)} of {len(clips)} clips have no emotion label"
    elif not predictor.emotions:
        reason = "the model was trained without emotion labels"
    elif len(set(emotions) & {*predictor.emotions}) < 2:
        reason = "the clips do not show two of the emotions that the model was trained with"
    return emotions, reason


def _given(
    name: str, clips: list[StoredClip], order: list[int], draw: Callable[[Case, StoredClip], Points]
) -> ScoredRow:
    """A row for which each clip is given something of another one, whose place stands in `order`."""
    donors = {clip_name(clip): clips[other] for clip, other in zip(clips, order, strict=True)}
    ids = {name: clip.clip_id for name, clip in donors.items()}
    return ScoredRow(name=name, draw=lambda case: draw(case, donors[case.name]), donors=ids)


def derangement(names: list[str]) -> list[int]:
    """For each of at least two clips the index of another one: no clip stays, each is used once.

    One cycle through the clips, in an order that follows from their names alone.
    """
    order = sorted(range(len(names)), key=lambda index: name_number(names[index]))
    donor = dict(zip(order, order[1:] + order[:1], strict=True))
    return [donor[index] for index in range(len(names))]


def other_emotions(emotions: list[str], donors: list[int]) -> list[int]:
    """For each clip the next one along the cycle `donors` that has another emotion.

    There are at least two emotions; a clip may be used more than once.
    """
    found = []
    for index, emotion in enumerate(emotions):
        donor = donors[index]
        while emotions[donor] == emotion:
            donor = donors[donor]
        found.append(donor)
    return found


ROWS: dict[str, RowKind] = {
    MODEL: RowKind(
        title="**model**",
        make=lambda request: ScoredRow(name=MODEL, draw=partial(Case.predict, predictor=request.asked)),
        asks_model=True,
    ),
    HOLD: RowKind(
        title="hold the identity",
        make=lambda _: ScoredRow(name=HOLD, draw=lambda case: case.hold(case.identity.points)),
    ),
    MEDIAN_FACE: RowKind(title="speaker's median face", make=_median_face),
    MEAN_MOTION: RowKind(title="mean motion", make=_mean_motion),
    LOUDNESS: RowKind(title="loudness alone", make=_loudness),
    SHUFFLED: RowKind(title="shuffled audio", make=_shuffled_audio, asks_model=True),
    SHUFFLED_EMOTION: RowKind(title="shuffled emotion", make=_shuffled_emotion, asks_model=True),
    UNKNOWN_EMOTION: RowKind(title="unknown emotion", make=_unknown_emotion, asks_model=True),
    TARGET: RowKind(title="target itself", make=lambda _: ScoredRow(name=TARGET, draw=lambda case: case.target)),
}
"""The rows of every evaluation in the order of its tables, as far as they are defined on its clips."""
REFERENCES = tuple(name for name in ROWS if name not in (MODEL, TARGET))
"""The rows that the model must beat."""
TITLES = {name: kind.title for name, kind in ROWS.items()} | {NOISE_FLOOR: "extractor's noise floor"}

"""The rows of a table, each made by itself: what a model, or a sanity row beside it, says of a clip."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from kfusion.data.store import ClipStore, StoredClip
from kfusion.errors import InputError
from kfusion.evaluation.cases import Case, Selection
from kfusion.evaluation.identity import FRAME_0
from kfusion.evaluation.predictors import Predictor
from kfusion.evaluation.sanity import (
    HOLD,
    MEAN_MOTION,
    MEDIAN_FACE,
    MODEL,
    SHUFFLED,
    SHUFFLED_EMOTION,
    TARGET,
    derangement,
    mean_displacement,
    other_emotions,
)
from kfusion.landmarks import Points

Draw: TypeAlias = Callable[[Case], Points]
"""What a row says the scored frames of a clip look like: (frames, 68, 2), crop pixels."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Row:
    """One line of a table."""

    name: str
    draw: Draw
    donors: dict[str, str] = field(default_factory=dict)
    """Where a clip (by `Case.name`) is given the sound or the label of another one: the id of that."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Undefined:
    """A row that there is not on a selection."""

    name: str
    reason: str


def make_row(
    name: str,
    stores: Sequence[ClipStore],
    selection: Selection,
    *,
    predictor: Predictor | None = None,
    train: Sequence[ClipStore] | None = None,
) -> Row | Undefined:
    """The row called `name` on a selection of clips, or why there is none.

    Args:
        name: `model` or a sanity row, see `kfusion.evaluation.sanity`.
        stores: where the clips are.
        selection: which clips are scored.
        predictor: the model; the rows `model`, `shuffled-audio` and `shuffled-emotion` need it.
        train: the data sets whose training splits the mean motion is taken from; by default `stores`.

    Raises:
        InputError: the row is unknown or needs a predictor, or the selection cannot be made.
    """
    if name in _CONSTANT:
        return Row(name=name, draw=_CONSTANT[name])
    if name == MEDIAN_FACE:
        return _median_face(selection)
    if name == MEAN_MOTION:
        return _mean_motion(stores if train is None else train, selection)
    if name not in _ASKING:
        known = ", ".join((*_CONSTANT, MEDIAN_FACE, MEAN_MOTION, *_ASKING))
        raise InputError(f"unknown row '{name}': use {known}")
    if predictor is None:
        raise InputError(f"row '{name}' asks a model: pass one")
    return _ASKING[name](predictor, selection.clips(stores))


_CONSTANT: dict[str, Draw] = {
    HOLD: lambda case: case.hold(case.identity.points),
    TARGET: lambda case: case.target,
}


def _median_face(selection: Selection) -> Row | Undefined:
    if selection.identity == FRAME_0:
        return Undefined(name=MEDIAN_FACE, reason="the identity frame-0 is not picked from other frames")

    def draw(case: Case) -> Points:
        assert case.identity.median is not None
        return case.hold(case.identity.median)

    return Row(name=MEDIAN_FACE, draw=draw)


def _mean_motion(train: Sequence[ClipStore], selection: Selection) -> Row | Undefined:
    displacement = mean_displacement(train, selection.identity)
    if displacement is None:
        return Undefined(name=MEAN_MOTION, reason="none of the data sets has a training split")
    return Row(name=MEAN_MOTION, draw=lambda case: case.hold(case.identity.place(case.identity.unit + displacement)))


def _model(predictor: Predictor, clips: list[StoredClip]) -> Row:
    return Row(name=MODEL, draw=lambda case: case.predict(predictor))


def _shuffled_audio(predictor: Predictor, clips: list[StoredClip]) -> Row | Undefined:
    if len(clips) < 2:
        return Undefined(name=SHUFFLED, reason="a single clip was evaluated")
    donors = _by_name(clips, _cycle(clips))
    return Row(
        name=SHUFFLED,
        draw=lambda case: case.predict(predictor, samples=donors[case.name].samples()),
        donors={name: clip.clip_id for name, clip in donors.items()},
    )


def _shuffled_emotion(predictor: Predictor, clips: list[StoredClip]) -> Row | Undefined:
    emotions = [clip.emotion for clip in clips if clip.emotion is not None]
    reason = ""
    if len(emotions) < len(clips):
        reason = f"{len(clips) - len(emotions)} of {len(clips)} clips have no emotion label"
    elif not predictor.emotions:
        reason = "the model was trained without emotion labels"
    elif len(set(emotions) & {*predictor.emotions}) < 2:
        reason = "the clips do not show two of the emotions that the model was trained with"
    if reason:
        return Undefined(name=SHUFFLED_EMOTION, reason=reason)
    donors = _by_name(clips, other_emotions(emotions, _cycle(clips)))
    return Row(
        name=SHUFFLED_EMOTION,
        draw=lambda case: case.predict(predictor, label=donors[case.name]),
        donors={name: clip.clip_id for name, clip in donors.items()},
    )


_ASKING: dict[str, Callable[[Predictor, list[StoredClip]], Row | Undefined]] = {
    MODEL: _model,
    SHUFFLED: _shuffled_audio,
    SHUFFLED_EMOTION: _shuffled_emotion,
}


def _cycle(clips: list[StoredClip]) -> list[int]:
    return derangement([f"{clip.corpus}/{clip.clip_id}" for clip in clips])


def _by_name(clips: list[StoredClip], donors: list[int]) -> dict[str, StoredClip]:
    names = [f"{clip.corpus}/{clip.clip_id}" for clip in clips]
    return {name: clips[donor] for name, donor in zip(names, donors, strict=True)}

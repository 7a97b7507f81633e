from pathlib import Path

import numpy as np
import pytest
from factories.evaluation import Actor, Listener, prepared

from kfusion.data.store import ClipStore
from kfusion.errors import InputError
from kfusion.evaluation.cases import Selection
from kfusion.evaluation.predictors import Predictor
from kfusion.evaluation.sanity_rows import (
    HOLD,
    MEAN_MOTION,
    MEDIAN_FACE,
    MODEL,
    ROWS,
    SHUFFLED,
    SHUFFLED_EMOTION,
    TARGET,
    UNKNOWN_EMOTION,
    RowRequest,
    ScoredRow,
    UndefinedRow,
    derangement,
    make_row,
    mean_displacement,
    other_emotions,
)


def made(
    name: str,
    store: ClipStore,
    selection: Selection,
    predictor: Predictor | None = None,
    train: ClipStore | None = None,
) -> ScoredRow | UndefinedRow:
    request = RowRequest(stores=[store], selection=selection, train=[train or store], predictor=predictor)
    return make_row(name, request)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ClipStore:
    root = tmp_path_factory.mktemp("data")
    return prepared(root, {"train": {"a": 1}, "test": {"b": 3, "c": 2}}, emotions=("angry", "happy"))


def test_every_row_can_be_made_by_itself(store: ClipStore) -> None:
    selection, actor = Selection(limit=3), Actor()
    cases = list(selection.cases([store], selection.clips([store])))
    for name in ROWS:
        row = made(name, store, selection, predictor=actor)
        assert isinstance(row, ScoredRow)
        assert row.name == name
        for case in cases:
            assert row.draw(case).shape == case.target.shape


def test_only_the_rows_that_ask_the_model_ask_it(store: ClipStore) -> None:
    selection, actor = Selection(limit=2), Actor()
    case = next(selection.cases([store], selection.clips([store])))
    for name, calls in {
        HOLD: 0,
        MEDIAN_FACE: 0,
        MEAN_MOTION: 0,
        TARGET: 0,
        SHUFFLED: 1,
        SHUFFLED_EMOTION: 1,
        UNKNOWN_EMOTION: 1,
    }.items():
        actor.calls = 0
        row = made(name, store, selection, predictor=actor)
        assert isinstance(row, ScoredRow)
        row.draw(case)
        assert actor.calls == calls


def test_the_shuffled_emotion_is_always_another_one_and_the_sound_its_own(store: ClipStore) -> None:
    selection, actor = Selection(), Actor()
    row = made(SHUFFLED_EMOTION, store, selection, predictor=actor)
    own = made(MODEL, store, selection, predictor=Listener())
    assert isinstance(row, ScoredRow)
    assert isinstance(own, ScoredRow)
    clips = selection.clips([store])
    emotions = {clip.clip_id: clip.emotion for clip in clips}
    for case in selection.cases([store], clips):
        found = row.draw(case)
        donor = row.donors[case.name]
        assert actor.told[-1] == emotions[donor] != case.clip.emotion
        assert found[:, 48:] == pytest.approx(own.draw(case)[:, 48:])


def test_the_unknown_emotion_is_the_model_told_nothing(store: ClipStore) -> None:
    actor = Actor()
    row = made(UNKNOWN_EMOTION, store, Selection(), predictor=actor)
    assert isinstance(row, ScoredRow)
    case = next(Selection().cases([store], Selection().clips([store])))
    drawn = row.draw(case)
    assert actor.told[-1] is None
    assert drawn[:, 48:] == pytest.approx(case.predict(Listener())[:, 48:])


@pytest.mark.parametrize(
    ("emotions", "known", "reason"),
    [
        ((None,), ("angry", "happy"), "5 of 5 clips have no emotion label"),
        (("angry", None), ("angry", "happy"), "2 of 5 clips have no emotion label"),
        (("angry", "happy"), (), "trained without emotion labels"),
        (("angry",), ("angry", "happy"), "do not show two"),
        (("angry", "sad"), ("angry", "happy"), "do not show two"),
    ],
)
def test_without_labels_that_count_there_is_no_shuffled_emotion(
    tmp_path: Path, emotions: tuple[str | None, ...], known: tuple[str, ...], reason: str
) -> None:
    actor = Actor()
    actor.emotions = known  # type: ignore[assignment]
    store = prepared(tmp_path, {"test": {"b": 3, "c": 2}}, frames=15, emotions=emotions)
    for name in (SHUFFLED_EMOTION, UNKNOWN_EMOTION):
        row = made(name, store, Selection(), predictor=actor)
        assert isinstance(row, UndefinedRow)
        assert reason in row.reason


def test_the_mean_motion_can_be_taken_from_other_data(store: ClipStore, tmp_path: Path) -> None:
    other = prepared(tmp_path, {"test": {"z": 2}}, corpus="words")
    assert isinstance(made(MEAN_MOTION, other, Selection()), UndefinedRow)
    row = made(MEAN_MOTION, other, Selection(), train=store)
    assert isinstance(row, ScoredRow)
    case = next(Selection().cases([other], Selection().clips([other])))
    opened = row.draw(case)[0, [62, 66], 1] - case.identity.points[[62, 66], 1]
    assert opened[1] - opened[0] > 1


def test_frame_0_has_no_median_face_and_a_single_clip_no_shuffled_audio(store: ClipStore) -> None:
    assert isinstance(made(MEDIAN_FACE, store, Selection(identity="frame-0")), UndefinedRow)
    assert isinstance(made(SHUFFLED, store, Selection(limit=1), predictor=Listener()), UndefinedRow)


def test_an_unknown_row_and_a_row_without_its_model_are_refused(store: ClipStore) -> None:
    with pytest.raises(InputError, match=r"unknown row 'best': use model, hold, .*target"):
        made("best", store, Selection())
    with pytest.raises(InputError, match="row 'shuffled-audio' asks a model"):
        made(SHUFFLED, store, Selection())


def test_other_emotions_are_looked_for_along_the_cycle() -> None:
    cycle = [1, 2, 3, 4, 0]
    assert other_emotions(["a", "a", "b", "b", "b"], cycle) == [2, 2, 0, 0, 0]
    assert np.all(np.diff(other_emotions(["a", "b"] * 2, [1, 2, 3, 0])) != 0)


@pytest.mark.parametrize("count", [2, 3, 7, 50])
def test_every_clip_hears_another_one_and_each_is_heard_once(count: int) -> None:
    donors = derangement([f"s{index % 3}/clip{index}" for index in range(count)])
    assert sorted(donors) == list(range(count))
    assert all(donor != index for index, donor in enumerate(donors))


def test_the_derangement_follows_from_the_names_alone() -> None:
    names = [f"clip{index}" for index in range(9)]
    heard = {name: names[donor] for name, donor in zip(names, derangement(names), strict=True)}
    backward = names[::-1]
    assert heard == {name: backward[donor] for name, donor in zip(backward, derangement(backward), strict=True)}


def test_the_mean_motion_opens_a_closed_mouth_and_leaves_the_eyes(tmp_path: Path) -> None:
    found = mean_displacement([prepared(tmp_path, {"train": {"a": 3, "b": 1}})], "other-clip")
    assert found is not None
    assert found.shape == (68, 2)
    assert found[66, 1] > 0.1
    assert np.abs(found[[36, 45]]).max() < 0.01


def test_without_a_training_split_there_is_no_mean_motion(tmp_path: Path) -> None:
    assert mean_displacement([prepared(tmp_path, {"test": {"a": 2}})], "other-clip") is None

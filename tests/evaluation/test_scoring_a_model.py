import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from factories.evaluation import Listener, prepared

from kfusion.data.store import ClipStore
from kfusion.errors import InputError
from kfusion.evaluation.cases import Selection
from kfusion.evaluation.score_sheet import Evaluation
from kfusion.evaluation.scoring import evaluate

SPLITS = {"train": {"a": 2}, "test": {"b": 3, "c": 2, "lone/d": 1}}
ROWS = ["model", "hold", "median-face", "mean-motion", "loudness", "shuffled-audio", "target"]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ClipStore:
    return prepared(tmp_path_factory.mktemp("data"), SPLITS)


@pytest.fixture(scope="module")
def found(store: ClipStore) -> Evaluation:
    return evaluate(Listener(), [store], Selection())


def by_clip(evaluation: Evaluation, row: str, metric: str, alignment: str = "raw") -> dict[str, float]:
    return {clip.clip_id: clip.scores[row][alignment][metric] for clip in evaluation.clips}


def test_the_sanity_rows_are_always_there(found: Evaluation) -> None:
    assert list(found.rows) == ROWS
    for row in ROWS:
        assert list(found.rows[row]) == ["raw", "clip", "frame"]


def test_a_listener_beats_every_sanity_row(found: Evaluation) -> None:
    model = found.rows["model"]["frame"]
    for row in ROWS[1:-1]:
        assert model["M-LD"].mean < found.rows[row]["frame"]["M-LD"].mean
        assert found.improvement_percent[row]["frame"]["M-LD"].mean > 0
    assert model["opening_correlation"].mean > 0.99
    assert found.rows["shuffled-audio"]["frame"]["opening_correlation"].mean < 0.9
    assert abs(model["lag_frames"].mean) < 0.1
    assert model["motion_ratio"].mean == pytest.approx(1, abs=0.1)


def test_the_target_itself_has_no_error(found: Evaluation) -> None:
    for alignment in ("raw", "clip", "frame"):
        assert found.rows["target"][alignment]["F-LD"].mean == pytest.approx(0, abs=1e-4)
    assert found.rows["target"]["frame"]["silence_speed"].mean > 0.01


def test_a_motionless_row_does_not_follow_and_has_no_lag(found: Evaluation) -> None:
    hold = found.rows["hold"]["raw"]
    assert (hold["opening_correlation"].mean, hold["opening_correlation"].clips) == (0, 6)
    assert math.isnan(hold["lag_ms"].mean)
    assert (hold["lag_ms"].clips, hold["lag_ms"].undefined) == (0, 6)
    assert found.rows["hold"]["frame"]["motion_ratio"].mean == pytest.approx(0, abs=1e-3)


def test_the_mean_of_a_row_is_the_mean_of_the_clips_own_values(found: Evaluation) -> None:
    for alignment in ("raw", "clip", "frame"):
        values = by_clip(found, "model", "M-LD", alignment)
        summary = found.rows["model"][alignment]["M-LD"]
        assert summary.clip_mean == pytest.approx(np.mean(list(values.values())))
        speakers = [np.mean([v for name, v in values.items() if name.startswith(s)]) for s in ("b/", "c/", "lone/")]
        assert summary.mean == pytest.approx(np.mean(speakers))
        assert summary.low < summary.mean < summary.high


def test_a_clip_scores_the_same_whichever_clips_are_beside_it(store: ClipStore, found: Evaluation) -> None:
    alone = evaluate(Listener(), [store], Selection(speakers=("c",)))
    fewer = evaluate(Listener(), [store], Selection(limit=2))
    for other in (alone, fewer):
        for row in ("model", "hold", "median-face", "mean-motion", "target"):
            for name, value in by_clip(other, row, "M-LD").items():
                assert value == by_clip(found, row, "M-LD")[name]


def test_the_improvement_over_hold_is_that_of_the_means(found: Evaluation) -> None:
    model, hold = (found.rows[row]["clip"]["M-LD"].mean for row in ("model", "hold"))
    assert found.improvement_percent["hold"]["clip"]["M-LD"].mean == pytest.approx(100 * (1 - model / hold))


def test_silence_is_compared_with_the_targets_own(found: Evaluation) -> None:
    own = found.rows["target"]["frame"]["silence_speed"].mean
    ratio = found.silence_ratio["model"]
    assert ratio.mean == pytest.approx(found.rows["model"]["frame"]["silence_speed"].mean / own)
    assert ratio.mean < 0.5


def test_identities_are_told_and_counted(found: Evaluation) -> None:
    assert found.identities == {"other-clip": 5, "other-moment": 1}
    assert any("1 of 6 clips" in note for note in found.notes)
    for clip in found.clips:
        assert (clip.identity_clip == clip.clip_id) == (clip.identity_rule == "other-moment")
        assert clip.frames == (40 if clip.identity_rule == "other-moment" else 60)
        assert clip.audio_from != clip.clip_id


def test_frame_0_is_reported_apart(store: ClipStore, found: Evaluation) -> None:
    other = evaluate(Listener(), [store], Selection(identity="frame-0"))
    assert other.identity == "frame-0"
    assert other.identities == {"frame-0": 6}
    assert "median-face" not in other.rows
    assert any("not comparable" in note for note in other.notes)
    assert other.data_id != found.data_id


def test_the_data_id_changes_with_the_clips_and_not_with_the_model(store: ClipStore, found: Evaluation) -> None:
    class Deaf(Listener):
        model_id = "deaf"

        def predict(self, samples: np.ndarray, *rest: object) -> np.ndarray:
            return super().predict(samples * 0, *rest)

    assert evaluate(Deaf(), [store], Selection()).data_id == found.data_id
    assert evaluate(Deaf(), [store], Selection(limit=2)).data_id != found.data_id


def test_a_single_clip_has_no_shuffled_row_and_says_so(store: ClipStore) -> None:
    found = evaluate(Listener(), [store], Selection(limit=1))
    assert "shuffled-audio" not in found.rows
    assert any("single clip" in note for note in found.notes)
    assert math.isnan(found.rows["model"]["raw"]["M-LD"].low)


def test_without_a_training_split_the_mean_motion_is_left_out_and_noted(tmp_path: Path) -> None:
    found = evaluate(Listener(), [prepared(tmp_path, {"val": {"a": 2}})], Selection(split="val"))
    assert "mean-motion" not in found.rows
    assert any("training split" in note for note in found.notes)
    assert "one speaker" in found.interval


def test_several_data_sets_are_scored_together(tmp_path: Path, store: ClipStore) -> None:
    other = prepared(tmp_path / "words", {"test": {"b": 2}}, corpus="words")
    found = evaluate(Listener(), [store, other], Selection())
    assert len(found.clips) == 8
    assert found.speakers == ["grid/b", "grid/c", "grid/lone/d", "words/b"]


@pytest.mark.parametrize(("wrong", "message"), [("short", "30 frames a second"), ("nan", "not finite")])
def test_a_model_that_does_not_fit_is_refused(store: ClipStore, wrong: str, message: str) -> None:
    class Wrong(Listener):
        def predict(self, *rest: object) -> np.ndarray:
            points = super().predict(*rest)
            return points[:-1] if wrong == "short" else points * np.nan

    with pytest.raises(InputError, match=message):
        evaluate(Wrong(), [store], Selection())


def test_the_model_is_asked_with_the_identity_in_its_unit_frame(store: ClipStore) -> None:
    seen: list[Sequence[float]] = []

    class Watching(Listener):
        def predict(self, samples: np.ndarray, identity: np.ndarray, *rest: object) -> np.ndarray:
            seen.append(identity[[36, 45]].ravel().tolist())
            return super().predict(samples, identity, *rest)

    evaluate(Watching(), [store], Selection(limit=2))
    assert np.array(seen) == pytest.approx(np.array([[-0.5, 0, 0.5, 0]] * len(seen)), abs=1e-5)


class Late(Listener):
    """A listener whose every mouth comes 100 ms late."""

    def predict(self, *rest: object) -> np.ndarray:
        points = super().predict(*rest)
        return np.concatenate([points[:1]] * 3 + [points[:-3]])


def test_a_late_row_is_as_good_as_one_in_time_with_its_clock_compensated(store: ClipStore, found: Evaluation) -> None:
    late = evaluate(Late(), [store], Selection())
    assert late.rows["model"]["frame"]["opening_correlation"].mean < 0.9
    assert late.shifts_ms is not None
    assert late.compensated is not None
    assert set(late.shifts_ms["model"].values()) == {-100}
    assert set(late.shifts_ms["hold"].values()) == set(late.shifts_ms["target"].values()) == {0}
    assert late.compensated["model"]["opening_correlation"].mean > 0.98
    assert late.compensated["model"]["M-LD"].mean < 0.8 * late.rows["model"]["frame"]["M-LD"].mean
    for metric in ("M-LD", "M-LVD", "F-LD", "F-LVD", "opening_correlation"):
        assert late.compensated["hold"][metric].mean == late.rows["hold"]["frame"][metric].mean


def test_a_row_that_freezes_on_hard_clips_is_not_flattered(store: ClipStore, found: Evaluation) -> None:
    class Coward(Listener):
        def predict(self, samples: np.ndarray, *rest: object) -> np.ndarray:
            points = super().predict(samples, *rest)
            return points if samples[0] > 0 else np.repeat(points[:1], len(points), 0)

    coward = evaluate(Coward(), [store], Selection()).rows["model"]["frame"]["opening_correlation"]
    brave = found.rows["model"]["frame"]["opening_correlation"]
    assert coward.clips == brave.clips == 6
    assert coward.mean < 0.7 < brave.mean


def test_loudness_alone_follows_a_face_that_only_follows_loudness(found: Evaluation) -> None:
    loud = found.rows["loudness"]["frame"]
    assert loud["opening_correlation"].mean > 0.8
    assert loud["M-LD"].mean < found.rows["mean-motion"]["frame"]["M-LD"].mean

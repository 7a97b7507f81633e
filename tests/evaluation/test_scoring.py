import math
from pathlib import Path

import numpy as np
import pytest
from factories.evaluation import Actor, Listener, prepared

from kfusion.data.store import ClipStore
from kfusion.evaluation.alignment import ALIGNMENTS
from kfusion.evaluation.cases import Case, Selection
from kfusion.evaluation.metrics.catalogue import METRICS
from kfusion.evaluation.sanity_rows import RowRequest, ScoredRow, make_row
from kfusion.evaluation.score_sheet import ScoreSheet
from kfusion.evaluation.scoring import evaluate, find_sheet, score_rows
from kfusion.landmarks import MOUTH, Points

SELECTION = Selection()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ClipStore:
    """Three clips of 10 s: enough frames for a Frechet distance."""
    root = tmp_path_factory.mktemp("data")
    return prepared(root, {"test": {"b": 2, "c": 2}}, frames=300, emotions=("angry", "happy"))


def row(name: str, store: ClipStore) -> ScoredRow:
    made = make_row(name, RowRequest(stores=[store], selection=SELECTION, train=[store], predictor=Listener()))
    assert isinstance(made, ScoredRow)
    return made


@pytest.fixture(scope="module")
def hold(store: ClipStore) -> ScoreSheet:
    return score_rows([row("hold", store)], [store], SELECTION)


def test_one_row_alone_scores_as_it_does_among_all(store: ClipStore, hold: ScoreSheet) -> None:
    found = evaluate(Listener(), [store], SELECTION)
    assert found.data_id == hold.data_id
    assert hold.row_names == ["hold"]
    assert hold.frechet["hold"] == found.frechet["hold"]
    for alone, among in zip(hold.clips, found.clips, strict=True):
        assert list(alone.scores) == ["hold"]
        np.testing.assert_equal(alone.scores["hold"], among.scores["hold"])
    for alignment in ALIGNMENTS:
        assert hold.summary("hold", alignment, "M-LD") == found.rows["hold"][alignment]["M-LD"]
        assert set(found.rows["hold"][alignment]) == set(METRICS)


def test_without_rows_there_is_still_the_id_of_the_data(store: ClipStore, hold: ScoreSheet) -> None:
    none = score_rows([], [store], SELECTION)
    assert (none.data_id, none.row_names, none.frechet) == (hold.data_id, [], {})


def test_the_frechet_distance_ranks_the_rows_and_is_nothing_for_the_target(store: ClipStore) -> None:
    found = score_rows([row(name, store) for name in ("model", "hold", "target")], [store], SELECTION)
    assert found.frechet["target"] == pytest.approx(0, abs=1e-5)
    assert 0 < found.frechet["model"] < 0.2 * found.frechet["hold"]


def test_the_frechet_distance_of_a_shift_is_its_square_over_all_points(store: ClipStore) -> None:
    def shifted(case: Case) -> Points:
        points = case.target.copy()
        size = np.linalg.norm(points[:, 45] - points[:, 36], axis=-1).mean()
        points[:, MOUTH, 1] += 0.05 * size
        return points

    found = score_rows([ScoredRow(name="shifted", draw=shifted)], [store], SELECTION)
    assert found.frechet["shifted"] == pytest.approx(20 * 5**2, rel=0.01)


def test_few_frames_have_no_frechet_distance(store: ClipStore) -> None:
    few = Selection(limit=2)
    assert math.isnan(score_rows([row("hold", store)], [store], few).frechet["hold"])


def test_a_row_is_found_by_its_data(hold: ScoreSheet, tmp_path: Path) -> None:
    hold.save(tmp_path / "row.json")
    found = find_sheet(tmp_path, hold.data_id, "hold")
    assert found is not None
    assert found.to_json() == hold.to_json()
    assert find_sheet(tmp_path, hold.data_id, "noise-floor") is None
    assert find_sheet(tmp_path, "0" * 16, "hold") is None
    assert find_sheet(tmp_path / "nowhere", hold.data_id, "hold") is None


def test_a_model_that_obeys_emotions_gets_a_shuffled_row_and_others_a_note(store: ClipStore) -> None:
    found = evaluate(Actor(), [store], SELECTION)
    assert list(found.rows)[-2:] == ["unknown-emotion", "target"]
    own, other = (found.rows[name]["frame"] for name in ("model", "shuffled-emotion"))
    assert own["M-LD"].mean == pytest.approx(other["M-LD"].mean, rel=1e-3)
    assert own["R-LD"].mean != pytest.approx(other["R-LD"].mean, rel=1e-3)
    assert all(clip.emotion_from not in (None, clip.clip_id) for clip in found.clips)
    deaf = evaluate(Listener(), [store], SELECTION)
    assert "shuffled-emotion" not in deaf.rows
    assert "no shuffled-emotion row: the model was trained without emotion labels" in deaf.notes

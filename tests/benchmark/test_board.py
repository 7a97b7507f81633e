from pathlib import Path

import pytest
from factories.benchmark import record, save, scores_of

from kfusion.benchmark.board import Board, load_board
from kfusion.benchmark.protocols import PROTOCOLS
from kfusion.errors import InputError

TEST = "unseen-speakers"


def board(folder: Path) -> Board:
    found = load_board(folder / "results", PROTOCOLS["grid"])
    assert found is not None
    return found


def test_rows_on_different_data_are_refused_with_their_files(tmp_path: Path) -> None:
    save(
        tmp_path / "results",
        record("kfusion"),
        record("temporal-conv"),
        record("hold", tests={TEST: scores_of([2.0] * 4, "other")}),
    )
    with pytest.raises(InputError, match=r"data of test set 'unseen-speakers' differs: .*hold-seed0\.json \(other\)"):
        board(tmp_path)


def test_rows_of_different_metric_versions_are_refused_with_their_files(tmp_path: Path) -> None:
    save(tmp_path / "results", record("kfusion"), record("hold"), record("target", metric_version=0))
    with pytest.raises(InputError, match=r"metric version differs: .*target-seed0\.json \(0\)"):
        board(tmp_path)


def test_a_failed_run_of_another_version_does_not_stand_in_the_way(tmp_path: Path) -> None:
    save(tmp_path / "results", record("kfusion"), record("hold", status="failed", tests={}, metric_version=0))
    assert [name for name, _, _ in board(tmp_path).failed] == ["hold"]


def test_the_seeds_of_a_row_stand_together_and_a_clip_has_the_mean_of_them(tmp_path: Path) -> None:
    seeds = [record("kfusion", seed, mld=[value, 2 * value, 3.0, 4.0]) for seed, value in ((2, 3.0), (0, 1.0))]
    save(tmp_path / "results", *seeds)
    ours = board(tmp_path).find("kfusion")
    assert ours is not None
    assert [run.seed for run in ours.runs] == [0, 2]
    assert ours.clip_values(TEST, "M-LD").tolist() == [2.0, 4.0, 3.0, 4.0]
    assert ours.means(TEST, "M-LD").tolist() == [(1.5 + 3.5) / 2, (4.5 + 3.5) / 2]
    assert ours.mean(TEST, "Frechet") == 0.5

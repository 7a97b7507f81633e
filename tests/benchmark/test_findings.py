from pathlib import Path

from factories.benchmark import record, save

from kfusion.benchmark.board import Board, load_board
from kfusion.benchmark.findings import bought, standing
from kfusion.benchmark.protocols import PROTOCOLS


def board(folder: Path) -> Board:
    found = load_board(folder / "results", PROTOCOLS["grid"])
    assert found is not None
    return found


def test_where_ours_is_not_best_it_is_said_which_row_is_and_by_how_much(tmp_path: Path) -> None:
    save(
        tmp_path / "results",
        record("kfusion", mld=[3.0] * 4),
        record("temporal-conv", mld=[2.0] * 4),
        record("without-lstm", mld=[2.5] * 4),
    )
    text = "\n".join(standing(board(tmp_path)))
    assert "M-LD: **ours is not best**, 3.000, place 3 of 3; best temporal convolutions (ours, plain), 2.000" in text
    assert "ours M-LD 50.0 % higher [50.0, 50.0]" in text


def test_what_a_part_buys_is_told_with_its_interval(tmp_path: Path) -> None:
    save(
        tmp_path / "results",
        record("kfusion", mld=[2.0, 2.0, 2.0, 2.0]),
        record("mlp-parameters", mld=[1.9, 2.1, 1.9, 2.1]),
        record("without-global", mld=[4.0] * 4),
    )
    text = "\n".join(bought(board(tmp_path)))
    assert "- The KAN, against an MLP with as many parameters:\n  - unseen-speakers: M-LD 0.0 %" in text
    assert "cannot tell from none" in text
    assert "- The Global Domain, against leaving it out:\n  - unseen-speakers: M-LD 50.0 % lower [50.0, 50.0];" in text

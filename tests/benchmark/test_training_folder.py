import logging
import time
from dataclasses import replace
from pathlib import Path

import pytest
from factories.benchmark import tiny_kfusion

from kfusion.benchmark.training_folder import claim, is_finished, read_clock, timed
from kfusion.errors import OutputError


def test_a_folder_is_kept_for_the_same_run_and_emptied_for_another(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run, folder = tiny_kfusion(), tmp_path / "run"
    claim(folder, run, "data")
    (folder / "weights").write_text("mine")
    claim(folder, run, "data")
    assert (folder / "weights").is_file()
    with caplog.at_level(logging.WARNING):
        claim(folder, replace(run, optimiser=replace(run.optimiser, max_steps=7)), "data")
    assert not (folder / "weights").exists()
    assert "it was started with other settings or data" in caplog.text


@pytest.mark.parametrize(("data", "again"), [("other data", False), ("data", True)])
def test_other_data_and_the_wish_to_begin_again_empty_it_too(tmp_path: Path, data: str, *, again: bool) -> None:
    claim(tmp_path / "run", tiny_kfusion(), "data")
    (tmp_path / "run" / "weights").write_text("mine")
    claim(tmp_path / "run", tiny_kfusion(), data, again=again)
    assert not (tmp_path / "run" / "weights").exists()


def test_what_is_no_run_of_the_benchmark_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(OutputError, match="holds no run of the benchmark"):
        claim(tmp_path, tiny_kfusion(), "data", again=True)
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_the_clock_adds_up_over_the_pieces_of_a_training_however_they_end(tmp_path: Path) -> None:
    assert read_clock(tmp_path) == (0.0, 0.0)
    with timed(tmp_path):
        time.sleep(0.02)
    with pytest.raises(OverflowError), timed(tmp_path):
        time.sleep(0.02) or time.sleep(1e300)
    seconds, cpu_seconds = read_clock(tmp_path)
    assert seconds > 0.04
    assert 0 <= cpu_seconds < seconds


def test_an_empty_folder_holds_no_finished_training(tmp_path: Path) -> None:
    assert not is_finished(tmp_path)

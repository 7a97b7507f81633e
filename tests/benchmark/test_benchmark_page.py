from dataclasses import replace
from pathlib import Path

import pytest
from factories.benchmark import record, save

from kfusion.benchmark.benchmark_page import write_report
from kfusion.benchmark.run_record import RateTrial, RunRecord
from kfusion.errors import InputError
from kfusion.evaluation.bootstrap import Interval
from kfusion.evaluation.compensation import COMPENSATED

TEST = "unseen-speakers"


def report(folder: Path) -> str:
    write_report(folder / "results", folder / "report.md")
    return (folder / "report.md").read_text()


def line(text: str, start: str, number: int = 0) -> str:
    return [one for one in text.splitlines() if one.startswith(f"| {start} |")][number]


def test_the_best_is_bold_the_second_underlined_and_sanity_rows_are_not_ranked(tmp_path: Path) -> None:
    save(
        tmp_path / "results",
        record("kfusion", mld=[2.0] * 4),
        record("temporal-conv", mld=[3.0] * 4),
        record("without-lstm", mld=[4.0] * 4),
        record("target", mld=[1.0] * 4, training=None, speed=None),
    )
    text = report(tmp_path)
    assert "| **2.00** |" in line(text, "KFusion (ours)")
    assert "| <u>3.00</u> |" in line(text, "temporal convolutions (ours, plain)")
    assert "| 4.00 |" in line(text, "w/o LSTM")
    assert "| 1.00 |" in line(text, "the recording itself")
    assert text.index("*not ranked:*") < text.index("| the recording itself")


def test_seeds_give_a_mean_and_a_spread(tmp_path: Path) -> None:
    seeds = [record("kfusion", seed, mld=[value] * 4) for seed, value in enumerate((1.0, 2.0, 3.0))]
    save(tmp_path / "results", *seeds)
    cells = line(report(tmp_path), "KFusion (ours)").split(" | ")
    assert cells[1:4] == ["2.00 M", "3", "**2.00 ± 1.00**"]
    assert cells[-1] == "[2.00, 2.00] |"


def test_the_difference_is_paired_over_the_same_clips(tmp_path: Path) -> None:
    save(
        tmp_path / "results",
        record("kfusion", mld=[1.0, 2.0, 3.0, 4.0]),
        record("temporal-conv", mld=[2.0, 4.0, 6.0, 8.0]),
    )
    text = report(tmp_path)
    assert "| **50.0 [50.0, 50.0]** |" in line(text, "temporal convolutions (ours, plain)", 2)
    assert "M-LD: ours is best, 2.500; second temporal convolutions (ours, plain), 5.000" in text
    assert "ours M-LD 50.0 % lower [50.0, 50.0]" in text


def test_failed_and_missing_rows_are_listed_and_have_no_numbers(tmp_path: Path) -> None:
    failed = record("without-lstm", status="failed", reason="killed by signal 9", tests={}, training=None, speed=None)
    save(tmp_path / "results", record("kfusion"), failed)
    text = report(tmp_path)
    assert "- `without-lstm`, seed 0: killed by signal 9" in text
    assert "- `kfusion`, seed 1, 2" in text
    assert "- `hold`, seed 0" in text
    assert "| w/o LSTM |" not in text.split("## Published figures")[0]


def test_published_figures_stand_apart_with_their_label(tmp_path: Path) -> None:
    save(tmp_path / "results", record("kfusion"))
    published = report(tmp_path).split("## Published figures")[1]
    assert "| Sinha et al. 2022 | published, other protocol | 2.18 | 0.77 | 1.24 | 0.50 |" in published
    assert "| Vougioukas et al. 2020 | published, other protocol | 2.90 | 0.42 | 2.80 | 0.34 |" in published
    assert "| Song et al. 2020 |" in published


def test_the_budget_and_the_cost_are_stated(tmp_path: Path) -> None:
    save(tmp_path / "results", record("kfusion"))
    text = report(tmp_path)
    assert "Budget: 900 optimiser steps of 16 pieces of 1 s, 240 minutes of speech shown; 600 to 600 s a run" in text
    assert "| KFusion (ours) | 2,000,000 | 8.0 | 0.0100 | 0.0200 | 900 | 600 | 1200 |" in text
    assert "did not have the same budget" not in text


def test_unequal_budgets_are_pointed_out(tmp_path: Path) -> None:
    other = record("temporal-conv")
    assert other.training is not None
    save(tmp_path / "results", record("kfusion"), replace(other, training=replace(other.training, steps=100)))
    assert "The rows did not have the same budget" in report(tmp_path)


def test_the_conclusions_are_taken_over_word_for_word(tmp_path: Path) -> None:
    save(tmp_path / "results", record("kfusion"))
    (tmp_path / "conclusions.md").write_text("## Conclusions\n\nThe KAN buys **nothing**.\n")
    assert "\n## Conclusions\n\nThe KAN buys **nothing**.\n" in report(tmp_path)


def test_a_report_without_our_row_is_written_all_the_same(tmp_path: Path) -> None:
    save(tmp_path / "results", record("temporal-conv"))
    assert "The row `kfusion` has no result" in report(tmp_path)


def test_two_reports_of_the_same_results_are_equal(tmp_path: Path) -> None:
    save(tmp_path / "results", record("kfusion"), record("temporal-conv", mld=[3.0, 1.0, 2.0, 5.0]))
    assert report(tmp_path) == report(tmp_path)


def test_a_folder_without_results_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no results here: run `kfusion benchmark PROTOCOL`"):
        write_report(tmp_path / "results", tmp_path / "report.md")


def compensated(found: RunRecord, correlation: float, shift_ms: float) -> RunRecord:
    """The record with a second set of scores, the correlation and M-LD as given."""
    plain = dict.fromkeys(COMPENSATED, Interval(1.0, 0.9, 1.1))
    scores = plain | {"opening_correlation": Interval(correlation, 0.1, 0.9)}
    tests = {
        name: replace(test, compensated=scores, shifts_ms={"toy/a": shift_ms, "toy/b": 0.0})
        for name, test in found.tests.items()
    }
    return replace(found, tests=tests)


def test_compensated_scores_stand_beside_the_raw_correlation_with_the_shifts(tmp_path: Path) -> None:
    save(
        tmp_path / "results",
        compensated(record("kfusion"), 0.8, -40.0),
        compensated(record("temporal-conv"), 0.7, 0.0),
        record("without-lstm", metric_version=2),
    )
    text = report(tmp_path)
    assert line(text, "KFusion (ours)", 2).startswith("| KFusion (ours) | 0.500 | **0.800** | **1.00** |")
    assert line(text, "KFusion (ours)", 2).endswith("| -20 (-40 to 0) |")
    assert "| 0.500 | <u>0.700</u> |" in line(text, "temporal convolutions (ours, plain)", 3)
    assert line(text, "w/o LSTM", 3).count("| - ") == 9
    assert "Scored with an older version of the metrics" in text
    assert "until they are run again: w/o LSTM." in text


def test_an_older_row_has_no_closure_f1(tmp_path: Path) -> None:
    save(tmp_path / "results", record("kfusion"), record("without-lstm", metric_version=2))
    text = report(tmp_path)
    header = next(one for one in text.splitlines() if one.startswith("|  | corr. | lag ms | closure F1 |"))
    column = header.split("|").index(" closure F1 ")
    assert line(text, "KFusion (ours)", 1).split("|")[column].strip() == "**1.000**"
    assert line(text, "w/o LSTM", 1).split("|")[column].strip() == "-"


def test_the_learning_rates_that_were_tried_are_shown(tmp_path: Path) -> None:
    trial = RateTrial(factor=1.0, learning_rate=1e-4, steps=225, mld=4.0, correlation=0.01, seconds=9.0)
    trials = [trial, replace(trial, factor=10.0, learning_rate=1e-3, mld=3.0, correlation=0.7)]
    ours = record("kfusion")
    assert ours.training is not None
    save(tmp_path / "results", replace(ours, training=replace(ours.training, rates=trials)), record("temporal-conv"))
    text = report(tmp_path)
    table = text[text.index("### Learning rates") :]
    assert "| KFusion (ours) | 0.0001 | 4.00 (0.01) | **3.00 (0.70)** |" in table
    assert "temporal" not in table[: table.index("### Learning curves")]


def test_protocols_without_results_are_named_with_their_command(tmp_path: Path) -> None:
    save(tmp_path / "results", record("kfusion"))
    text = report(tmp_path)
    assert "- `kfusion benchmark emotion`: Trained on RAVDESS with emotion labels" in text
    assert "`kfusion benchmark grid`:" not in text

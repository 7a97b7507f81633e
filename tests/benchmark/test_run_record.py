import math
from dataclasses import replace
from pathlib import Path

import pytest
from factories.benchmark import record
from factories.evaluation import prepared

from kfusion.benchmark.run_record import RateTrial, RunRecord
from kfusion.benchmark.system_scores import shortened
from kfusion.errors import InputError
from kfusion.evaluation.bootstrap import Interval
from kfusion.evaluation.cases import Selection
from kfusion.evaluation.sanity_rows import RowRequest, ScoredRow, make_row
from kfusion.evaluation.scoring import score_rows


def test_a_record_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    found = record("kfusion", mld=[1.5, math.nan, 2.5, 3.25])
    found.save(tmp_path / "one.json")
    back = RunRecord.load(tmp_path / "one.json")
    test, expected = back.tests["unseen-speakers"], found.tests["unseen-speakers"]
    assert test.per_clip["frame"]["M-LD"] == pytest.approx([1.5, math.nan, 2.5, 3.25], nan_ok=True)
    assert test.summaries["frame"]["M-LD"] == pytest.approx(expected.summaries["frame"]["M-LD"], rel=1e-6)
    assert back.training == found.training
    assert back.speed == found.speed


def test_values_of_clips_are_kept_to_five_digits(tmp_path: Path) -> None:
    record("kfusion", mld=[1.23456789] * 4).save(tmp_path / "one.json")
    text = (tmp_path / "one.json").read_text()
    assert '"M-LD":[1.2346,1.2346,1.2346,1.2346]' in text


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format": 9}', '{"format": 1, "row": "x"}'])
def test_anything_else_is_refused_with_its_name(text: str, tmp_path: Path) -> None:
    path = tmp_path / "one.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"one\.json"):
        RunRecord.load(path)


def test_a_failed_run_says_so() -> None:
    assert replace(record("kfusion"), status="failed").failed
    assert not record("kfusion").failed


def test_what_older_runs_lack_is_not_written_and_what_newer_ones_have_comes_back(tmp_path: Path) -> None:
    old = record("kfusion", metric_version=2)
    old.save(tmp_path / "old.json")
    text = (tmp_path / "old.json").read_text()
    assert not [key for key in ("compensated", "shifts_ms", "rates") if f'"{key}' in text]
    assert RunRecord.load(tmp_path / "old.json").tests["unseen-speakers"].shifts_ms is None
    assert old.training is not None
    trial = RateTrial(factor=1.0, learning_rate=1e-4, steps=2, mld=math.nan, correlation=0.5, seconds=1.0)
    test = replace(
        old.tests["unseen-speakers"],
        shifts_ms={"toy/a": -40.0},
        compensated={"M-LD": Interval(1.0, 0.5, math.nan)},
        compensated_per_clip={"M-LD": [1.0, math.nan]},
    )
    new = replace(old, training=replace(old.training, rates=[trial]), tests={"unseen-speakers": test})
    new.save(tmp_path / "new.json")
    back = RunRecord.load(tmp_path / "new.json")
    assert back.tests["unseen-speakers"].shifts_ms == {"toy/a": -40.0}
    assert back.tests["unseen-speakers"].compensated == {"M-LD": pytest.approx((1.0, 0.5, math.nan), nan_ok=True)}
    assert back.training is not None
    assert back.training.rates is not None
    assert math.isnan(back.training.rates[0].mld)
    back.save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "new.json").read_bytes()


def test_a_row_of_an_older_sheet_has_no_closure_f1_and_no_compensated_clock(tmp_path: Path) -> None:
    store = prepared(tmp_path, {"test": {"b": 2}})
    request = RowRequest(stores=[store], selection=Selection(), train=[store])
    hold = make_row("hold", request)
    assert isinstance(hold, ScoredRow)
    sheet = score_rows([hold], [store], Selection())
    now, before = (
        shortened(sheet, "hold", None),
        shortened(replace(sheet, metric_version=2, shifts_ms=None), "hold", None),
    )
    assert (now.compensated is None, before.compensated is None) == (False, True)
    assert math.isnan(before.summaries["frame"]["closure_f1"].mean)
    assert before.summaries["frame"]["M-LD"] == now.summaries["frame"]["M-LD"]

import math
from dataclasses import replace
from pathlib import Path

import pytest
from factories.benchmark import record

from kfusion.benchmark.run_record import RunRecord
from kfusion.errors import InputError


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

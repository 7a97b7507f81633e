import math
from pathlib import Path

import pytest

from kfusion.errors import InputError
from kfusion.evaluation.bootstrap import Interval
from kfusion.evaluation.score_json import rounded, save, stored, to_text, with_nan


def test_what_is_undefined_is_null_and_floats_have_seven_digits() -> None:
    content = {"a": [math.nan, 1.23456789, 3], "b": {"c": Interval(0.1, math.nan, 12345678.9)}, "d": "nan", "e": None}
    assert rounded(content) == {"a": [None, 1.234568, 3], "b": {"c": [0.1, None, 12345680.0]}, "d": "nan", "e": None}
    assert rounded([1.23456789], 3) == [1.23]


def test_null_comes_back_as_nan_except_where_there_may_be_nothing() -> None:
    found = with_nan({"a": [None, 1.0], "who": None, "config": {"steps": None}}, frozenset({"who", "config"}))
    assert math.isnan(found["a"][0])
    assert (found["who"], found["config"]) == (None, {"steps": None})


def test_what_was_saved_is_read_again_with_its_format(tmp_path: Path) -> None:
    save(tmp_path / "one.json", to_text({"a": [1, 2]}, 4))
    assert (tmp_path / "one.json").read_text() == '{"format":4,"a":[1,2]}\n'
    with stored(tmp_path / "one.json", 4, "result", "run again") as content:
        assert content == {"a": [1, 2]}
    with (
        pytest.raises(InputError, match=r"one\.json: result of format 4, this version reads 5: run again"),
        stored(tmp_path / "one.json", 5, "result", "run again"),
    ):
        pass


def test_whatever_goes_wrong_in_the_block_is_told_of_the_file(tmp_path: Path) -> None:
    save(tmp_path / "one.json", to_text({"a": 1}, 4))
    with (
        pytest.raises(InputError, match=r"one\.json: no result that kfusion wrote \('b'\): run again"),
        stored(tmp_path / "one.json", 4, "result", "run again") as content,
    ):
        content["b"]
    with pytest.raises(InputError, match="no such result"), stored(tmp_path / "two.json", 4, "result", "run again"):
        pass

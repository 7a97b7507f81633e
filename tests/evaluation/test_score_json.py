import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kfusion.errors import InputError
from kfusion.evaluation.bootstrap import Interval
from kfusion.evaluation.score_json import decoded, load_scores, rounded, save, to_text


@dataclass(frozen=True, kw_only=True)
class Part:
    a: list[float]


@dataclass(frozen=True, kw_only=True)
class Whole:
    parts: dict[str, Part]
    interval: Interval
    who: str | None
    part: Part | None
    config: dict[str, Any] | None


def test_what_is_undefined_is_null_and_floats_have_seven_digits() -> None:
    content = {"a": [math.nan, 1.23456789, 3], "b": {"c": Interval(0.1, math.nan, 12345678.9)}, "d": "nan", "e": None}
    assert rounded(content) == {"a": [None, 1.234568, 3], "b": {"c": [0.1, None, 12345680.0]}, "d": "nan", "e": None}
    assert rounded([1.23456789], 3) == [1.23]


def test_null_comes_back_as_nan_except_where_there_may_be_nothing() -> None:
    content = {"parts": {"x": {"a": [None, 1.0]}}, "interval": [1.0, None, 2.0], "who": None, "part": None}
    found = decoded(Whole, content | {"config": {"steps": None}})
    assert math.isnan(found.parts["x"].a[0])
    assert found.parts["x"].a[1] == 1.0
    assert found.interval == pytest.approx(Interval(1.0, math.nan, 2.0), nan_ok=True)
    assert (found.who, found.part, found.config) == (None, None, {"steps": None})
    assert decoded(Whole, content | {"part": {"a": [2.0]}, "config": None}).part == Part(a=[2.0])


def test_what_was_saved_is_read_again_with_its_format(tmp_path: Path) -> None:
    save(tmp_path / "one.json", to_text({"a": [1, 2]}, 4))
    assert (tmp_path / "one.json").read_text() == '{"format":4,"a":[1,2]}\n'
    assert load_scores(tmp_path / "one.json", Part, 4, "result", "run again") == Part(a=[1, 2])
    with pytest.raises(InputError, match=r"one\.json: result of format 4, this version reads 5: run again"):
        load_scores(tmp_path / "one.json", Part, 5, "result", "run again")


def test_whatever_is_wrong_in_a_file_is_told_of_it(tmp_path: Path) -> None:
    save(tmp_path / "one.json", to_text({"b": 1}, 4))
    with pytest.raises(InputError, match=r"one\.json: no result that kfusion wrote \('a'\): run again"):
        load_scores(tmp_path / "one.json", Part, 4, "result", "run again")
    with pytest.raises(InputError, match="no such result"):
        load_scores(tmp_path / "two.json", Part, 4, "result", "run again")

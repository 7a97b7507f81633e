import math

from kfusion.evaluation.bootstrap import Summary
from kfusion.evaluation.tables import (
    Column,
    TableLine,
    markdown,
    ranks,
    score_table,
    with_digits,
    with_interval,
)


def line(title: str, values: dict[str, float], *, ranked: bool) -> TableLine:
    return TableLine(title=title, score=lambda alignment, metric: values[f"{metric} {alignment}"], ranked=ranked)


def test_the_first_column_is_to_the_left_and_the_others_to_the_right() -> None:
    assert markdown(["", "a", "b"], [["x", "1", "2"]]) == ["|  | a | b |", "| --- | ---: | ---: |", "| x | 1 | 2 |"]


def test_a_number_has_its_digits_and_no_negative_zero_and_what_is_undefined_is_a_dash() -> None:
    assert [
        with_digits(1.005, 2),
        with_digits(-0.004),
        with_digits(-0.4, 0),
        with_digits(-0.006),
        with_digits(math.nan),
    ] == [
        "1.00",
        "0.00",
        "0",
        "-0.01",
        "-",
    ]


def test_an_interval_stands_behind_its_mean() -> None:
    found = Summary(mean=1.25, low=math.nan, high=2.0, clip_mean=1.0, clips=1, undefined=0)
    assert with_interval(found, 1) == "1.2 [-, 2.0]"


def test_the_best_and_the_second_are_found_whatever_is_best() -> None:
    values = [3.0, 1.0, math.nan, -0.5, 1.0]
    assert ranks(values, "lowest") == [0, 2, 0, 1, 2]
    assert ranks(values, "highest") == [1, 2, 0, 0, 2]
    assert ranks(values, "nearest to 0") == [0, 2, 0, 1, 2]
    assert ranks(values, "nearest to 1") == [0, 1, 0, 2, 1]
    assert ranks(values, None) == [0] * 5


def test_only_ranked_lines_are_marked_and_a_column_takes_its_own_alignment() -> None:
    lines = [
        line("ours", {"M-LD frame": 2.0, "M-LD raw": 5.0}, ranked=True),
        line("theirs", {"M-LD frame": 3.0, "M-LD raw": 4.0}, ranked=True),
        line("target", {"M-LD frame": 0.0, "M-LD raw": 0.0}, ranked=False),
    ]
    columns = [
        Column(title="px", metric="M-LD", best="lowest"),
        Column(title="raw px", metric="M-LD", alignment="raw", digits=0),
    ]
    assert score_table(lines, columns, "row")[2:] == [
        "| ours | **2.00** | 5 |",
        "| theirs | <u>3.00</u> | 4 |",
        "| target | 0.00 | 0 |",
    ]

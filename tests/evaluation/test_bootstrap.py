import numpy as np
import pytest

from kfusion.evaluation.bootstrap import improvement_percent, method, ratio, summarise

NAN = float("nan")


def test_every_speaker_counts_the_same() -> None:
    found = summarise(np.array([1.0, 1.0, 1.0, 5.0]), ["a", "a", "a", "b"])
    assert found.mean == pytest.approx(3)
    assert found.clip_mean == pytest.approx(2)


def test_undefined_clips_are_left_out_and_counted() -> None:
    found = summarise(np.array([1.0, NAN, 3.0, NAN]), ["a", "a", "b", "c"])
    assert found.mean == pytest.approx(2)
    assert (found.clips, found.undefined) == (2, 2)


def test_nothing_defined_is_undefined_and_not_zero() -> None:
    found = summarise(np.array([NAN, NAN]), ["a", "b"])
    assert np.isnan([found.mean, found.low, found.high, found.clip_mean]).all()
    assert (found.clips, found.undefined) == (0, 2)


def test_a_single_clip_has_no_interval() -> None:
    found = summarise(np.array([2.0]), ["a"])
    assert found.mean == 2
    assert np.isnan([found.low, found.high]).all()


def test_the_interval_of_one_speaker_is_that_of_a_mean_over_clips() -> None:
    values = np.random.default_rng(0).normal(10, 2, 100)
    found = summarise(values, ["a"] * 100)
    half = 1.96 * values.std() / 10
    assert found.low == pytest.approx(values.mean() - half, abs=0.08)
    assert found.high == pytest.approx(values.mean() + half, abs=0.08)


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(1)
    speakers = [f"s{index // 5}" for index in range(100)]
    hits = 0
    for _ in range(100):
        offsets = random.normal(0, 1, 20).repeat(5)
        found = summarise(offsets + random.normal(0, 1, 100), speakers)
        hits += found.low <= 0 <= found.high
    assert 87 <= hits <= 100


def test_speakers_that_differ_widen_the_interval() -> None:
    values = np.random.default_rng(2).normal(0, 0.1, 40) + np.repeat([0.0, 1, 2, 3], 10)
    by_speaker = summarise(values, [f"s{index // 10}" for index in range(40)])
    as_one = summarise(values, ["s"] * 40)
    assert by_speaker.high - by_speaker.low > 1.5 * (as_one.high - as_one.low)


def test_the_same_values_give_the_same_interval() -> None:
    values = np.random.default_rng(3).normal(size=12)
    speakers = ["a", "b", "c"] * 4
    assert summarise(values, speakers) == summarise(values, speakers)


def test_a_third_less_is_an_improvement_of_a_third() -> None:
    values = np.array([2.0, 4.0, 6.0])
    found = improvement_percent(values, values * 1.5, ["a", "a", "b"])
    assert [found.mean, found.low, found.high, found.clip_mean] == pytest.approx([100 / 3] * 4)


def test_a_ratio_uses_clips_that_define_both_and_never_divides_by_zero() -> None:
    found = ratio(np.array([1.0, NAN, 3.0]), np.array([2.0, 2.0, NAN]), ["a", "a", "a"])
    assert found.mean == pytest.approx(0.5)
    assert (found.clips, found.undefined) == (1, 2)
    assert np.isnan(ratio(np.array([1.0, 1.0]), np.zeros(2), ["a", "b"]).mean)


def test_the_method_says_over_what_it_resamples() -> None:
    assert "one speaker" in method(["a", "a"])
    assert "speakers, then clips" in method(["a", "b"])

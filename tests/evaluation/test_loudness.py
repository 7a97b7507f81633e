"""A face that hears only how loud it is."""

import numpy as np
import pytest
from factories.evaluation import loudness, speech

from kfusion.evaluation.loudness import FLOOR_DB, LevelMap, levels


def test_levels_are_relative_to_the_loudest_and_bounded() -> None:
    sound = speech(3, 90)
    heard = levels(sound, 90)
    assert (heard.max(), heard.min()) == (0, -1)
    assert np.allclose(levels(0.1 * sound, 90), heard)
    assert np.allclose(levels(0 * sound, 90), 0)


def test_half_the_amplitude_is_6_db() -> None:
    sound = np.concatenate([np.ones(16_000), 0.5 * np.ones(16_000)]).astype(np.float32)
    assert levels(sound, 60)[45] == pytest.approx(20 * np.log10(0.5) / -FLOOR_DB)


def test_the_map_finds_a_face_that_follows_the_level() -> None:
    fitted = LevelMap()
    direction = np.random.default_rng(0).normal(size=(68, 2))
    for seed in range(4):
        sound = speech(seed, 120)
        fitted.add(sound, (0.3 + levels(sound, 120))[:, None, None] * direction)
    sound = speech(9, 120)
    assert fitted(sound, 120) == pytest.approx((0.3 + levels(sound, 120))[:, None, None] * direction, abs=1e-4)
    assert np.corrcoef(loudness(sound, 120), levels(sound, 120))[0, 1] > 0.6


def test_a_training_split_that_is_never_louder_or_quieter_gives_its_mean_face() -> None:
    fitted = LevelMap()
    fitted.add(np.zeros(16_000, np.float32), np.ones((30, 68, 2), np.float32))
    assert fitted(np.zeros(16_000, np.float32), 30) == pytest.approx(np.ones((30, 68, 2)))

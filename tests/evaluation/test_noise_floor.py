import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "noise_floor.py"
SPOTS = np.array([[40.0, 60.0], [90.5, 30.5], [70.0, 100.0]])
WIDTH_PX = 4.0


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("noise_floor", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["noise_floor"] = module
    spec.loader.exec_module(module)
    return module


def picture() -> np.ndarray:
    """Three bright spots in three colours on black, (120, 140, 3)."""
    y, x = np.mgrid[0.5:120, 0.5:140]
    spots = [np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * WIDTH_PX**2)) for cx, cy in SPOTS]
    return (255 * np.stack(spots, -1)).round().astype(np.uint8)


class SpotFinder:
    """Finds the middle of the spot of each colour, and keeps the pictures."""

    def __init__(self) -> None:
        self.shown: list[np.ndarray] = []

    def find(self, image: np.ndarray) -> list[np.ndarray]:
        self.shown.append(image)
        y, x = np.mgrid[0.5 : image.shape[0], 0.5 : image.shape[1]]
        weight = image.astype(np.float64) / image.sum((0, 1))
        return [np.stack([(x[..., None] * weight).sum((0, 1)), (y[..., None] * weight).sum((0, 1))], -1)]


def test_what_is_found_in_the_moved_picture_is_moved_back(script: ModuleType) -> None:
    finder = SpotFinder()
    look = script.SecondLook(finder, np.random.default_rng(0))
    for _ in range(8):
        (found,) = look.find(picture())
        assert found == pytest.approx(SPOTS, abs=0.02)


def test_every_picture_is_moved_by_a_little_and_by_something_else(script: ModuleType) -> None:
    finder = SpotFinder()
    look = script.SecondLook(finder, np.random.default_rng(0))
    for _ in range(8):
        look.find(picture())
    moved = np.array([SpotFinder().find(image)[0] for image in finder.shown]) - SPOTS
    assert moved.std(0).min() > 0.1
    assert np.abs(moved).max() < 0.5 + 0.02 * 70


def test_a_picture_that_is_not_moved_stays_as_it_is(script: ModuleType) -> None:
    assert script.resampled(picture(), 1.0, np.zeros(2)).tolist() == picture().tolist()

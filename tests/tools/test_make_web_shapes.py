"""What the page shares with Python is what Python has now."""

import json
import runpy
from pathlib import Path

import numpy as np
import pytest

from kfusion.assets import FACE_SHAPES
from kfusion.landmarks import LandmarkSequence
from kfusion.motion.face_motion import MotionReader

ROOT = Path(__file__).parents[2]
TOOL = runpy.run_path(str(ROOT / "tools" / "make_web_shapes.py"))


def test_the_pages_shapes_are_the_packaged_ones():
    assert TOOL["SHAPES"].read_text() == TOOL["measured_shapes"]()


def test_every_number_of_the_pages_shapes_is_the_same_float32():
    text = TOOL["SHAPES"].read_text()
    with np.load(FACE_SHAPES) as stored:
        for name, direction in zip(stored["names"].tolist(), stored["directions"], strict=True):
            row = text.partition(f"  {name}: ")[2].partition("\n")[0].removesuffix(",")
            assert np.array_equal(np.array(json.loads(row), np.float32), direction.ravel())


@pytest.mark.parametrize("room", ["motion", "formats"])
def test_the_pages_fixtures_are_what_python_reads_now(room):
    fixture = json.loads((ROOT / "web" / "tests" / room / "fixtures" / "motion.json").read_text())
    motion = json.loads((ROOT / "web" / "tests" / "motion" / "fixtures" / "motion.json").read_text())
    points = np.array(fixture["points"], np.float32).reshape(-1, 68, 2)
    reader = MotionReader(np.array(motion["rest"], np.float32).reshape(68, 2))
    read = reader(LandmarkSequence(points=points, fps=fixture["fps"]))
    np.testing.assert_allclose(read.weights.ravel(), fixture["weights"], atol=1e-5)
    np.testing.assert_allclose(read.head.ravel(), fixture["head"], atol=1e-5)


def test_the_pages_fixtures_are_small():
    folders = [TOOL["MOTION"], TOOL["FORMATS"]]
    assert sum(file.stat().st_size for folder in folders for file in folder.iterdir()) < 200_000

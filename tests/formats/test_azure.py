import json

import numpy as np
import pytest
from factories.motion import shaped

from kfusion.face_shapes import ARKIT_SHAPES


@pytest.mark.parametrize(("fps", "frames"), [(30.0, 31), (60.0, 61), (25.0, 26)])
def test_there_are_55_numbers_60_times_a_second(written, fps, frames):
    content = json.loads(written(shaped(frames, fps=fps, mouthSmileLeft=0.8), "azure").read_text())
    rows = np.array(content["BlendShapes"])
    assert content["FrameIndex"] == 0
    assert rows.shape == (np.ceil(round(frames / fps * 60, 6)), 55)
    smile = rows[:, ARKIT_SHAPES.index("mouthSmileLeft")]
    assert smile[30] == pytest.approx(0.4, abs=0.02)  # half a second
    assert smile[60] == pytest.approx(0.8, abs=0.02)
    assert not np.delete(rows, ARKIT_SHAPES.index("mouthSmileLeft"), axis=1).any()

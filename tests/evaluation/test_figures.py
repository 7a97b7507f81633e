from pathlib import Path

import numpy as np
import pytest
from factories.evaluation import Listener, prepared
from factories.inputs import face_points
from PIL import Image, ImageColor

from kfusion.errors import OutputError
from kfusion.evaluation.cases import Selection
from kfusion.evaluation.figures import ERROR_COLOUR, SILENCE_COLOUR, Curve, draw_clips, draw_curves, draw_face_grid
from kfusion.evaluation.score_sheet import FaceExample
from kfusion.evaluation.scoring import evaluate


def coloured(path: Path, colour: str) -> np.ndarray:
    """Which pixels of a picture have a colour, (height, width)."""
    with Image.open(path) as picture:
        return (np.asarray(picture.convert("RGB")) == ImageColor.getrgb(colour)).all(-1)


def example(off_px: float) -> FaceExample:
    face = face_points()
    moved = face + np.float32([off_px, 0])
    return FaceExample(
        clip_id="c",
        inter_ocular_px=50.0,
        times_s=[0.5],
        target=[face.ravel().tolist()],
        predicted=[moved.ravel().tolist()],
    )


def test_points_that_are_far_off_are_ringed_and_near_ones_are_not(tmp_path: Path) -> None:
    for name, off_px in (("near", 2.9), ("far", 3.1)):  # 6 % of 50 px are 3 px
        draw_face_grid(tmp_path / f"{name}.png", "a test set", [("ours", example(off_px))])
    near, far = (coloured(tmp_path / f"{name}.png", ERROR_COLOUR).sum() for name in ("near", "far"))
    assert far > near + 68  # the legend has a ring of its own


def test_every_curve_has_its_colour_in_every_panel(tmp_path: Path) -> None:
    curves = [
        Curve(title=colour, x=[1.0, 3.0], values={"a": [up, up], "b": [-up, 2 * up]}, style={"color": colour, "lw": 4})
        for up, colour in enumerate(("#ff0000", "#0000ff"))
    ]
    draw_curves(tmp_path / "curves.png", "training", {"a": "left", "b": "right"}, curves, "steps")
    for curve in curves:
        seen = coloured(tmp_path / "curves.png", curve.title)
        halves = np.array_split(seen[:, : seen.shape[1] * 3 // 4], 2, axis=1)  # the legend stands to the right
        assert all(half.sum() > 20 for half in halves)


def test_clips_are_drawn_with_their_silence(tmp_path: Path) -> None:
    store = prepared(tmp_path / "data", {"train": {"a": 1}, "test": {"b": 2, "c": 1}}, frames=40)
    found = evaluate(Listener(), [store], Selection())
    draw_clips(tmp_path / "figure.png", Listener(), [store], Selection(), found.clips)
    seen = coloured(tmp_path / "figure.png", SILENCE_COLOUR)
    assert len(seen) > 3 * 500
    assert all(third.sum() > 500 for third in np.array_split(seen, 3))


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError, match="cannot write"):
        draw_face_grid(tmp_path / "file" / "faces.png", "a test set", [("ours", example(0))])

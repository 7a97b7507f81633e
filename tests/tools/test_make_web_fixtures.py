"""What the page is held against is what this package gives."""

import json
from pathlib import Path

import make_web_fixtures
import numpy as np
import pytest

from kfusion import assets, load
from kfusion.audio import read_audio
from kfusion.inference.identity import read_identity
from kfusion.landmarks import inter_ocular_distance

KEPT = make_web_fixtures.FIXTURES
MOTION = json.loads((KEPT / "motion.json").read_text())
TOLERANCE = 0.004
"""In eye distances: what other processors make of 8-bit products."""


@pytest.fixture
def rewritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(make_web_fixtures, "FIXTURES", tmp_path)
    return tmp_path


def test_the_motion_that_the_page_is_held_against_is_that_of_the_packaged_weights() -> None:
    face = read_identity(assets.SAMPLE_PORTRAIT).points
    speech, model = read_audio(assets.SAMPLE_SPEECH), load(threads=1)
    stored = np.fromfile(KEPT / "motion.bin", "<u2") / MOTION["parts_of_a_pixel"]
    for kind, make, name in (("recording", "recorded", "happy"), ("stream", "streamed", "surprised, later")):
        (said,) = [one for one in MOTION["cases"] if (one["kind"], one["name"]) == (kind, name)]
        case = make_web_fixtures.MotionCase(**{field: said[field] for field in make_web_fixtures.MotionCase._fields})
        points = getattr(make_web_fixtures, make)(model, make_web_fixtures.sound_of(case, speech), face, case).points
        kept = points[:: case.every]
        wanted = stored[said["at"] // 2 :][: kept.size].reshape(kept.shape)
        assert len(points) == said["frames"]
        assert np.linalg.norm(kept - wanted, axis=-1).max() < TOLERANCE * float(inter_ocular_distance(face))


def test_the_emotions_and_the_pictures_that_the_page_is_held_against_are_made_anew_alike(rewritten: Path) -> None:
    make_web_fixtures.write_expressions(read_identity(assets.SAMPLE_PORTRAIT).points)
    make_web_fixtures.write_pixels()
    made, kept = (json.loads((folder / "expressions.json").read_text()) for folder in (rewritten, KEPT))
    assert made.keys() == kept.keys()
    for emotion, moved in kept.items():
        np.testing.assert_allclose(made[emotion], moved, atol=2)
    assert json.loads((rewritten / "pixels.json").read_text()) == json.loads((KEPT / "pixels.json").read_text())


def test_the_resampled_sound_that_the_page_is_held_against_is_made_anew_alike(rewritten: Path) -> None:
    make_web_fixtures.write_resampling()
    made, kept = (json.loads((folder / "resampling.json").read_text()) for folder in (rewritten, KEPT))
    assert [one["rate_hz"] for one in made] == [one["rate_hz"] for one in kept]
    for one, other in zip(made, kept, strict=True):
        np.testing.assert_allclose(one["samples"], other["samples"], atol=1e-4)


def test_the_faces_that_the_page_is_held_against_are_found_alike() -> None:
    face = read_identity(assets.SAMPLE_PORTRAIT).points
    kept = {one["name"]: one for one in json.loads((KEPT / "faces.json").read_text())}
    np.testing.assert_allclose(kept["portrait"]["points"], face.ravel(), atol=0.3)
    assert MOTION["face"] == pytest.approx(face.ravel().tolist(), abs=0.3)


def test_the_folder_stays_small() -> None:
    assert sum(file.stat().st_size for file in KEPT.iterdir()) < 400_000

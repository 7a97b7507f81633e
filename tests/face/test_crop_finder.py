"""MediaPipe's networks on LiteRT find what MediaPipe finds."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import kfusion
from kfusion.errors import MissingExtraError
from kfusion.face import FaceFinder
from kfusion.face import crop_finder as module
from kfusion.face.crop_finder import CropFinder, litert_version
from kfusion.landmarks import Points

PORTRAIT = Path(kfusion.__file__).parent / "assets" / "portrait.jpg"
MOST_PX = 0.05
"""Of a crop of 256: the extractor moves by 0.2 px when the crop is moved by a pixel."""


@pytest.fixture(scope="module")
def finder() -> Iterator[FaceFinder]:
    pytest.importorskip("ai_edge_litert", reason="the extra litert is not installed")
    with FaceFinder(max_faces=1) as found:
        yield found


def crop(angle: float = 0.0, scale: float = 1.0, light: float = 1.0) -> np.ndarray:
    """The portrait, turned and scaled about its middle, as a crop shows it."""
    portrait = Image.open(PORTRAIT).convert("RGB").resize((256, 256)).rotate(angle, Image.Resampling.BICUBIC)
    edge = 128 * (1 - 1 / scale)
    box = (edge, edge, 256 - edge, 256 - edge)
    shown = portrait.transform((256, 256), Image.Transform.EXTENT, box, Image.Resampling.BICUBIC)
    return (np.asarray(shown) * light).astype(np.uint8)


class Nobody:
    """Must not be asked."""

    def find(self, image: np.ndarray) -> list[Points]:
        raise AssertionError("the face is seen")


@pytest.mark.parametrize("angle", [-25.0, 0.0, 12.0])
@pytest.mark.parametrize(("scale", "light"), [(1.0, 1.0), (0.7, 1.0), (1.2, 0.5)])
def test_the_points_are_those_of_mediapipe(finder: FaceFinder, angle: float, scale: float, light: float) -> None:
    shown = crop(angle, scale, light)
    ((expected,), (found,)) = finder.find(shown), CropFinder(Nobody()).find(shown)
    assert np.linalg.norm(found - expected, axis=-1).mean() < MOST_PX


def test_where_it_sees_no_face_the_other_finder_has_the_last_word(finder: FaceFinder) -> None:
    seen = np.zeros((68, 2), np.float32)

    class Other:
        def find(self, image: np.ndarray) -> list[Points]:
            return [seen]

    assert CropFinder(finder).find(np.full((256, 256, 3), 128, np.uint8)) == []
    (found,) = CropFinder(Other()).find(np.zeros((256, 256, 3), np.uint8))
    assert found is seen


def test_without_litert_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(_: str) -> str:
        raise module.PackageNotFoundError

    monkeypatch.setattr(module, "version", gone)
    with pytest.raises(MissingExtraError, match=r"--finder litert needs packages .* pip install 'kfusion\[litert\]'"):
        litert_version()
    monkeypatch.setitem(__import__("sys").modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(MissingExtraError, match="litert"):
        CropFinder(Nobody())

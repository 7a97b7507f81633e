from dataclasses import replace
from pathlib import Path

import pytest
from factories.motion import shaped
from factories.visemes import saying

from kfusion.formats.motion_files import MOTION_FORMATS, write_motion
from kfusion.motion.face_motion import Motion


@pytest.fixture
def smile() -> Motion:
    """A second in which the character smiles more and more on the left, jaw and mouth going left: 0.8, 0.2, 0.4."""
    return shaped(mouthSmileLeft=0.8, jawLeft=0.2, mouthLeft=0.4)


@pytest.fixture
def written(tmp_path: Path):
    """Writes a motion in a format as `kfusion generate` does, with the visemes of its sound, and gives the file."""

    def write(motion: Motion, kind: str, **more: object) -> Path:
        motion = motion if motion.visemes else replace(motion, visemes=saying("sil aa"))
        return write_motion(motion, tmp_path / f"m{MOTION_FORMATS[kind].ending}", kind, **more)

    return write

"""Parquet: a row a frame, for data frames and training sets."""

from pathlib import Path
from typing import Any

import numpy as np

from kfusion.errors import MissingExtraError
from kfusion.face_shapes import ARKIT_SHAPES
from kfusion.landmarks import POINT_COUNT, coordinate_keys
from kfusion.motion.face_motion import Motion


def write_parquet(motion: Motion, path: Path) -> None:
    """Columns `frame`, `time_s`, `x0`, `y0` ... `y67`, the 52 shapes, `headYaw`, `headPitch`, `headRoll` in radians.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise MissingExtraError("writing Parquet", "train", "pip install pyarrow") from error
    sequence = motion.sequence
    facts = {"fps": sequence.fps, "model": sequence.model, "source": sequence.source}
    facts |= coordinate_keys(sequence.coordinates)
    table = pyarrow.table(_columns(motion), metadata={f"kfusion_{name}": str(fact) for name, fact in facts.items()})
    parquet.write_table(table, path)


def _columns(motion: Motion) -> dict[str, Any]:
    names = [f"{axis}{point}" for point in range(POINT_COUNT) for axis in "xy"]
    flat = motion.sequence.points.reshape(len(motion), -1)
    return {
        "frame": motion.sequence.first_frame + np.arange(len(motion)),
        "time_s": motion.times_s,
        **dict(zip(names, flat.T, strict=True)),
        **dict(zip(ARKIT_SHAPES, motion.weights.T, strict=True)),
        **dict(zip(("headYaw", "headPitch", "headRoll"), motion.head.T, strict=True)),
    }

"""Live2D: `motion3.json` with the standard parameters of a face."""

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kfusion.motion.face_motion import Motion

FULLY_OPEN = 0.5
"""The `jawOpen` that opens a drawn mouth as far as it goes."""
LINEAR = 0


def write_live2d(motion: Motion, path: Path) -> None:
    """A curve for every parameter, a point a frame."""
    curves = [
        {"Target": "Parameter", "Id": name, "Segments": _segments(motion.times_s - motion.times_s[0], values)}
        for name, values in _parameters(motion).items()
    ]
    meta = {
        "Duration": round(len(motion) / motion.fps, 4),
        "Fps": motion.fps,
        "Loop": False,
        "AreBeziersRestricted": True,
        "CurveCount": len(curves),
        "TotalSegmentCount": len(curves) * (len(motion) - 1),
        "TotalPointCount": len(curves) * len(motion),
        "UserDataCount": 0,
        "TotalUserDataSize": 0,
    }
    path.write_text(json.dumps({"Version": 3, "Meta": meta, "Curves": curves}))


def _parameters(motion: Motion) -> dict[str, NDArray[np.float64]]:
    """The standard parameters (Live2D, Standard Parameter List): angles in degrees, L the character's left."""
    yaw, pitch, roll = np.degrees(motion.head.astype(np.float64)).T
    both = {name: (motion.of(f"{name}Left") + motion.of(f"{name}Right")) / 2 for name in ("mouthSmile", "mouthFrown")}
    form = both["mouthSmile"] - both["mouthFrown"] - motion.of("mouthPucker")
    return {
        "ParamAngleX": np.clip(yaw, -30, 30),
        "ParamAngleY": np.clip(pitch, -30, 30),
        "ParamAngleZ": np.clip(roll, -30, 30),
        "ParamEyeLOpen": 1 - motion.of("eyeBlinkLeft"),
        "ParamEyeROpen": 1 - motion.of("eyeBlinkRight"),
        "ParamEyeLSmile": np.asarray(motion.of("mouthSmileLeft") * motion.of("eyeSquintLeft")),
        "ParamEyeRSmile": np.asarray(motion.of("mouthSmileRight") * motion.of("eyeSquintRight")),
        "ParamBrowLY": _brow(motion, "Left"),
        "ParamBrowRY": _brow(motion, "Right"),
        "ParamMouthForm": np.clip(form, -1, 1),
        "ParamMouthOpenY": np.clip(motion.of("jawOpen") / FULLY_OPEN, 0, 1),
    }


def _brow(motion: Motion, side: str) -> NDArray[np.float64]:
    """How high a brow is, -1 to 1."""
    up = np.maximum(motion.of("browInnerUp"), motion.of(f"browOuterUp{side}"))
    return np.asarray(np.clip(up - motion.of(f"browDown{side}"), -1, 1))


def _segments(times_s: NDArray[np.float64], values: NDArray[np.float64]) -> list[float]:
    """The first point, then kind, time and value of each line to the next."""
    points = [(round(float(time), 4), round(float(value), 4)) for time, value in zip(times_s, values, strict=True)]
    return [*points[0], *(number for time, value in points[1:] for number in (LINEAR, time, value))]

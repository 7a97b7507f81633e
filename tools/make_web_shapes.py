"""Make what the page's folder `web/src/motion` shares with Python: the shapes of faces, and fixtures of its tests.

Usage: python tools/make_web_shapes.py

`web/src/motion/measured_shapes.js` holds what `src/kfusion/assets/face_shapes.npz` does, number by number.
`web/tests/motion/fixtures` holds what Python makes of the packaged speech and portrait: landmarks with their weights
and head angles, also of a head that turns, and a piece of the speech with its visemes.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import kfusion
from kfusion.assets import FACE_SHAPES, SAMPLE_PORTRAIT, SAMPLE_SPEECH
from kfusion.audio import SAMPLE_RATE_HZ, read_audio
from kfusion.face_shapes import mean_face_depth, to_mean_face
from kfusion.formats.motion_files import MOTION_FORMATS, write_motion
from kfusion.landmarks import LandmarkSequence, Points
from kfusion.motion.face_motion import Motion, MotionReader
from kfusion.motion.resting import most_closed_face
from kfusion.motion.visemes import VisemeTrack, read_visemes

WEB = Path(__file__).parents[1] / "web"
SHAPES = WEB / "src" / "motion" / "measured_shapes.js"
MOTION, FORMATS = (WEB / "tests" / folder / "fixtures" for folder in ("motion", "formats"))
HEARD = slice(round(0.6 * SAMPLE_RATE_HZ), round(2.1 * SAMPLE_RATE_HZ))
"""The piece of the sample speech that the page's tests hear."""
SPOKEN, WRITTEN = 16, 5
"""Frames of it whose motion is kept, and that are written in every format."""
TURNS = ((0.3, 0.0), (-0.2, 0.1), (0.0, -0.25), (0.1, 0.2))
"""Yaw and roll of a turned head, radians."""
FILES = ("livelink", "rhubarb", "rhubarb-tsv", "glb")


def main() -> None:
    """Write the module and the fixtures."""
    SHAPES.write_text(measured_shapes())
    MOTION.mkdir(parents=True, exist_ok=True)
    FORMATS.mkdir(parents=True, exist_ok=True)
    samples = np.round(read_audio(SAMPLE_SPEECH)[HEARD] * 32767).astype(np.int16)
    sequence = kfusion.load(threads=1).generate(samples.astype(np.float32) / 32768, SAMPLE_PORTRAIT)
    track = read_visemes(samples.astype(np.float32) / 32768)
    samples.tofile(MOTION / "speech.s16")
    _write(MOTION / "visemes.json", _track(track))
    rest = most_closed_face(sequence.points)
    points = np.concatenate([sequence.points[:SPOKEN], *(_turned(rest, *turn) for turn in TURNS)])
    motion = MotionReader(rest)(replace(sequence, points=points))
    _write(MOTION / "motion.json", _motion(motion) | {"rest": _shortest(rest)})
    write_formats(replace(sequence, points=points[-WRITTEN:], first_frame=29, source="Grüße.wav"), rest, track)


def write_formats(sequence: LandmarkSequence, rest: Points, track: VisemeTrack) -> None:
    """The same motion in every format that the page writes, and the numbers that it is made of."""
    motion = replace(MotionReader(rest)(sequence), visemes=replace(track, source=sequence.source))
    _write(FORMATS / "motion.json", _motion(motion) | _track(track))
    for ending in (".json", ".csv"):
        sequence.save(FORMATS / f"landmarks{ending}")
    for kind in FILES:
        write_motion(motion, FORMATS / f"motion{MOTION_FORMATS[kind].ending}", kind)


def _turned(face: Points, yaw: float, roll: float) -> Points:
    """A face (1, 68, 2) in the picture of its relief, turned to its left and tilted to its left."""
    place = to_mean_face(face)
    flat, depth = place(face).astype(np.float64), mean_face_depth()[1]
    seen = flat[:, 0] * np.cos(yaw) - depth * np.sin(yaw)
    turned = np.stack(
        [seen * np.cos(roll) + flat[:, 1] * np.sin(roll), flat[:, 1] * np.cos(roll) - seen * np.sin(roll)]
    )
    return place.inverse()(turned.T.astype(np.float32))[None]


def _motion(motion: Motion) -> dict[str, Any]:
    sequence = motion.sequence
    header = {
        "fps": sequence.fps,
        "firstFrame": sequence.first_frame,
        "model": sequence.model,
        "source": sequence.source,
    }
    rows = {"points": sequence.points, "weights": motion.weights, "head": motion.head}
    return header | {name: _shortest(values) for name, values in rows.items()}


def _track(track: VisemeTrack) -> dict[str, Any]:
    events = [{"startS": cue.start_s, "endS": cue.end_s, "viseme": cue.viseme} for cue in track.cues()]
    return {"durationS": track.duration_s, "visemes": _shortest(np.round(track.steps, 4)), "events": events}


def _shortest(values: NDArray[np.float32]) -> list[float]:
    """The numbers with the fewest digits that are the same float32."""
    return [float(str(one)) for one in values.ravel()]


def _write(path: Path, tree: dict[str, Any]) -> None:
    """JSON with a line a key."""
    rows = [f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in tree.items()]
    path.write_text("{\n" + ",\n".join(rows) + "\n}\n")


def measured_shapes() -> str:
    """The text of the JavaScript module: every number the shortest one that is the same float32."""
    with np.load(FACE_SHAPES, allow_pickle=False) as stored:
        directions = dict(zip(stored["names"].tolist(), stored["directions"], strict=True))
        parts = {name: stored[name] for name in ("face", "depth", "triangles")}
    lines = [f"  {name}: {_numbers(one)}," for name, one in directions.items()]
    return "\n".join(
        [
            "// What is measured of faces: src/kfusion/assets/face_shapes.npz, written by tools/make_web_shapes.py.",
            "",
            "/** The mean face, x0, y0, ..., whose eye distance is the unit. */",
            f"// prettier-ignore\nexport const FACE = {_numbers(parts['face'])};",
            "",
            "/** How far behind the outer eye corners each of the 68 points lies. */",
            f"// prettier-ignore\nexport const DEPTH = {_numbers(parts['depth'])};",
            "",
            "/** A mask through the points, three numbers a triangle, clockwise seen from the front. */",
            f"// prettier-ignore\nexport const TRIANGLES = {_numbers(parts['triangles'])};",
            "",
            "/**",
            " * Where the points go for a weight of 1, x0, y0, ..., in eye distances of the mean face.",
            " * @type {Record<string, number[]>}",
            " */",
            "// prettier-ignore\nexport const DIRECTIONS = {",
            *lines,
            "};",
            "",
        ]
    )


def _numbers(values: NDArray[Any]) -> str:
    return f"[{', '.join(np.format_float_positional(one, trim='-') for one in values.ravel())}]"


if __name__ == "__main__":
    main()

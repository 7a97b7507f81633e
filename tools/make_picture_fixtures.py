"""Make `web/tests/picture/fixtures`: what Python draws and reckons, for the tests of the page's talking picture.

    python tools/make_picture_fixtures.py

Two portraits: the packaged one, which shows its teeth, and the same with lips that Python has shut. For both, moments
of the packaged speech with signs of life: their landmarks, how the layers move, and the face as it is drawn.
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

import kfusion
from kfusion import assets
from kfusion.landmarks import Points
from kfusion.motion.life import STILL, LifeSigns
from kfusion.picture.field import sources
from kfusion.picture.hidden_mouth import mouth_evidence
from kfusion.picture.sitter import read_sitter
from kfusion.picture.talking import TalkingPicture
from kfusion.video import Image

FOLDER = Path(__file__).parents[1] / "web" / "tests" / "picture" / "fixtures"
CROP = 1.9, 2.2
"""Half the width and height of what is kept of the portrait, in eye distances."""
EVERY_FRAME, EVERY_NODE = 4, 23
LIVES = (
    STILL,
    STILL,
    STILL,
    LifeSigns(closed=1.0),
    LifeSigns(closed=0.5, gaze=(0.012, 0.004), brows=0.012),
    LifeSigns(shift=(0.03, 0.02), roll=0.02, nearer=0.01),
)
"""Of lips that are shut, half open and open, and of open and half open ones."""
OPENINGS = 0.0, 0.5, 1.0, 0.5, 1.0, 0.5
"""Of the widest, for each of these."""
FACE, MOUTH = ((-0.65, -0.35), (0.65, 1.3)), ((-0.45, -0.28), (0.45, 0.32))
"""Low and high corner of what is compared: from between the eyes, and from the middle of the mouth, eye distances."""


def main() -> None:
    """Write the fixtures."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    sitter = read_sitter(assets.SAMPLE_PORTRAIT)
    sequence = kfusion.load().generate(assets.SAMPLE_SPEECH, sitter.identity)
    spoken = sequence.points * np.float32(sitter.scale)
    low, portrait = cropped(sitter.picture, sitter.points)
    rest, spoken = sitter.points - low, spoken - low
    smiling = TalkingPicture(portrait, rest)
    silent = spoken[np.argmin([smiling.opening(points) for points in spoken])]
    shut = (smiling._axes.to_pixels(smiling._settled(silent)) + 0.5).astype(np.float32)
    cases = [case("smiling", portrait, rest, spoken), case("shut", smiling.frame(silent), shut, spoken)]
    write("cases.ndjson", cases)
    write("speech.ndjson", [rounded(points, 2) for points in spoken[::EVERY_FRAME]])


def cropped(picture: Image, points: Points) -> tuple[NDArray[np.float32], Image]:
    """The head of a portrait, and the pixel that is its upper left one."""
    unit = float(np.linalg.norm(points[45] - points[36]))
    middle, reach = points.mean(0), np.array(CROP) * unit
    low = np.maximum(np.floor((middle - reach) / 2) * 2, 0).astype(int)
    high = np.minimum(np.ceil((middle + reach) / 2) * 2, picture.shape[1::-1]).astype(int)
    return low.astype(np.float32), np.ascontiguousarray(picture[low[1] : high[1], low[0] : high[0]])


def case(name: str, portrait: Image, rest: Points, spoken: NDArray[np.float32]) -> dict[str, Any]:
    """What a portrait with landmarks `rest` (68, 2) makes of a few moments of `spoken` (T, 68, 2)."""
    talking = TalkingPicture(portrait, rest)
    save(f"{name}.png", portrait)
    grid = talking._stage.grid
    boxes = {"face": box(talking, FACE, 0), "mouth": box(talking, MOUTH, (talking._face[60] + talking._face[64]) / 2)}
    opening = np.array([talking.opening(points) for points in spoken])
    moments = []
    for number, (life, share) in enumerate(zip(LIVES, OPENINGS, strict=True)):
        points = spoken[np.abs(opening - share * opening.max()).argmin()]
        left, top, right, bottom = boxes["face"]
        save(f"{name}-{number}.png", talking.frame(points, life)[top:bottom, left:right])
        moments.append({"points": rounded(points, 3), "life": asdict(life), **motion(talking, points, life)})
    layout = {key: getattr(grid, key) for key in ("left", "top", "step", "columns", "rows")}
    evidence = mouth_evidence(portrait, rest)[0]
    known = {"name": name, "points": rounded(rest, 3), "grid": layout, "evidence": evidence}
    return {**known, **boxes, "moments": moments}


def motion(talking: TalkingPicture, points: Points, life: LifeSigns) -> dict[str, Any]:
    """The opening of the lips, and how what is seen at some nodes of the face is displaced, by both layers."""
    moved = talking._settled(points) - talking._mouth_shown.reference
    moved[17:27, 1] -= life.brows
    grid = talking._stage.grid
    layers = talking._motions(moved)[:2]
    found = [(sources(grid, layer, grid.nodes) - grid.nodes).reshape(-1, 2)[::EVERY_NODE] for layer in layers]
    return {"opening": talking.opening(points), "upper": rounded(found[0], 3), "lower": rounded(found[1], 3)}


def box(talking: TalkingPicture, corners: Any, middle: Any) -> list[int]:
    """Left, top, right and bottom of a part of the face, in pixels."""
    low, high = (talking._axes.to_pixels(np.array(corner) + middle) for corner in corners)
    return [*np.floor(np.maximum(low, 0)).astype(int).tolist(), *np.ceil(high).astype(int).tolist()]


def rounded(values: NDArray[Any], decimals: int) -> list[float]:
    """Numbers of an array one after the other."""
    return [round(float(value), decimals) for value in values.reshape(-1)]


def save(name: str, picture: Image) -> None:
    """Write a picture."""
    Pillow.fromarray(picture).save(FOLDER / name, optimize=True)


def write(name: str, values: list[Any]) -> None:
    """Write values as JSON, one a line."""
    lines = [json.dumps(value, separators=(",", ":")) + "\n" for value in values]
    (FOLDER / name).write_text("".join(lines))


if __name__ == "__main__":
    main()

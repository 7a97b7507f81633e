"""Make what the page's folder `web/src/motion` shares with Python: the shapes of faces, and fixtures of its tests.

Usage: python tools/make_web_shapes.py

`web/src/motion/measured_shapes.js` holds what `src/kfusion/assets/face_shapes.npz` does, number by number.
`web/tests/motion/fixtures` holds what Python makes of the packaged speech and portrait: landmarks with their weights
and head angles, also of a head that turns, and a piece of the speech with its visemes.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kfusion.assets import FACE_SHAPES

WEB = Path(__file__).parents[1] / "web"
SHAPES = WEB / "src" / "motion" / "measured_shapes.js"


def main() -> None:
    """Write the module and the fixtures."""
    SHAPES.write_text(measured_shapes())


def measured_shapes() -> str:
    """The text of the JavaScript module: every number the shortest one that is the same float32."""
    with np.load(FACE_SHAPES, allow_pickle=False) as stored:
        directions = dict(zip(stored["names"].tolist(), stored["directions"], strict=True))
        parts = {name: stored[name] for name in ("face", "depth", "triangles")}
    lines = [f"  {name}: {_numbers(one)}," for name, one in directions.items()]
    return "\n".join(
        [
            "// Written by tools/make_web_shapes.py from src/kfusion/assets/face_shapes.npz: what is measured of faces.",
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

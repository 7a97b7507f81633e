"""Draw the invented people of the page, and find the 68 points of every face that it offers.

    python tools/make_page_samples.py          # needs Node and Chromium; writes web/samples/*.svg and *.json

With the points there, the page need not find faces before someone can speak. A browser test compares them with what
the page's own finder finds.
"""

import json
import shutil
import subprocess
import tempfile
from pathlib import Path

from kfusion import assets
from kfusion.inference.identity import read_identity

SAMPLES = Path(__file__).parents[1] / "web" / "samples"
CHROMIUM = shutil.which("chromium") or "chromium"
SIZE_PX = 640


def photographed(drawing: Path, folder: Path) -> Path:
    """A PNG of a drawing, as the page sees it."""
    picture = folder / f"{drawing.stem}.png"
    flags = ["--headless", "--no-sandbox", "--hide-scrollbars", f"--window-size={SIZE_PX},{SIZE_PX}"]
    command = [CHROMIUM, *flags, f"--screenshot={picture}", drawing.as_uri()]
    subprocess.run(command, check=True, capture_output=True)
    return picture


def main() -> None:
    """Write the drawings and the points."""
    subprocess.run(["node", SAMPLES / "draw.mjs"], check=True)
    with tempfile.TemporaryDirectory() as folder:
        drawings = [path for path in sorted(SAMPLES.glob("*.svg")) if path.stem != "icon"]
        pictures = {path.stem: photographed(path, Path(folder)) for path in drawings}
        for name, picture in {"collins": assets.SAMPLE_PORTRAIT, **pictures}.items():
            points = read_identity(picture).points.astype(float).ravel().round(2).tolist()
            (SAMPLES / f"{name}.json").write_text(json.dumps(points) + "\n")


if __name__ == "__main__":
    main()

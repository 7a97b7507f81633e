"""What a release says about itself in several places is the same in all of them."""

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

import kfusion

ROOT = Path(__file__).parents[2]
RECIPE = (ROOT / "deploy/conda/recipe.yaml").read_text()
CONDA_NAMES = {"opencv-python-headless": "py-opencv"}
NOT_FOR_CONDA = {"mediapipe"}


def test_the_version_stands_everywhere():
    assert re.search(r"^version: (.*)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)[1] == kfusion.__version__
    assert f'version: "{kfusion.__version__}"' in RECIPE
    assert f"\n## [{kfusion.__version__}]" in (ROOT / "CHANGELOG.md").read_text()


def test_the_conda_recipe_asks_for_what_the_wheel_asks_for():
    lines = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    wanted = {CONDA_NAMES.get(name, name) for line in lines if (name := Requirement(line).name) not in NOT_FOR_CONDA}
    said = set(re.findall(r"^    - ([\w-]+)", RECIPE.partition("  run:")[2].partition("tests:")[0], re.MULTILINE))
    assert said == wanted | {"python"}

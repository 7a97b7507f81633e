"""Imports point one way, and the light parts stay light."""

import ast
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import kfusion

ROOT = Path(kfusion.__file__).parent
CONTRIBUTING = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text()
ORDER = (
    (
        *("landmarks", "landmark_files", "audio", "video", "media", "face"),
        *(
            "emotion",
            "face_shapes",
            "errors",
            "files",
            "numbers",
            "ray_cluster",
            "share",
            "bundle_format",
            "config",
            "assets",
        ),
    ),
    ("data", "models"),
    ("training",),
    ("inference", "presets"),
    ("motion",),
    ("picture", "formats"),
    ("evaluation", "serve"),
    ("benchmark", "integrations", "batch"),
    ("cli", "web"),
)
"""From the ground up: a room imports from its own floor or below."""
LAYERS = {room: floor for floor, rooms in enumerate(ORDER) for room in rooms}
MODULES = sorted(ROOT.rglob("*.py"))


def layer_of(module: str) -> int | None:
    parts = module.split(".")
    return LAYERS.get(parts[1]) if parts[0] == "kfusion" and len(parts) > 1 else None


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_only_from_its_own_layer_or_below(path):
    own = layer_of(".".join(("kfusion", *path.relative_to(ROOT).with_suffix("").parts)))
    if own is None:  # the package's own front door
        return
    above = {name for name in imports(path) if (layer := layer_of(name)) is not None and layer > own}
    assert not above


def test_every_module_has_a_layer():
    names = {path.relative_to(ROOT).parts[0].removesuffix(".py") for path in MODULES}
    assert names - {"__init__", "__main__"} == set(LAYERS)


def test_contributing_draws_the_same_order():
    (drawn,) = re.findall(r"```\n(cli .*?)```", CONTRIBUTING, flags=re.DOTALL)
    floors = [line.split() for line in reversed(drawn.splitlines())]
    assert [set(floor) for floor in floors] == [set(rooms) for rooms in ORDER]


def test_contributing_lists_every_part_of_the_package():
    tree = CONTRIBUTING.partition("```\nsrc/kfusion/\n")[2].partition("\ntests/")[0]
    listed = {name.removesuffix(".py").removesuffix("/") for name in re.findall(r"\w+(?:\.py|/(?= ))", tree)}
    assert listed >= set(LAYERS)


def test_contributing_draws_the_way_of_a_clip_as_the_code_does():
    code = ast.get_docstring(ast.parse((ROOT / "evaluation" / "__init__.py").read_text()))
    assert code is not None
    drawing = textwrap.dedent(code.partition("The way of a clip:\n\n")[2])
    assert f"```\n{drawing}\n```" in CONTRIBUTING


def test_inference_needs_nothing_but_the_base_install():
    heavy = ["torch", "scipy", "lightning", "pyarrow", "matplotlib", "transformers", "safetensors", "onnx", "jaxtyping"]
    program = f"""
import sys
for name in {heavy!r}: sys.modules[name] = None
import kfusion, kfusion.cli.main, kfusion.cli.generate, kfusion.inference.generator, kfusion.inference.preview
import kfusion.cli.stream
"""
    subprocess.run([sys.executable, "-c", program], check=True)

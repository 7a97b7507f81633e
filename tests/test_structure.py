"""Imports point one way, and the light parts stay light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import kfusion

ROOT = Path(kfusion.__file__).parent
LAYERS = {
    **dict.fromkeys(
        (
            "errors",
            "files",
            "numbers",
            "emotion",
            "assets",
            "media",
            "landmark_files",
            "landmarks",
            "audio",
            "video",
            "face",
            "config",
        ),
        0,
    ),
    **dict.fromkeys(("data", "models"), 1),
    "training": 2,
    "presets": 3,
    "inference": 3,
    "evaluation": 4,
    "serve": 4,
    "benchmark": 5,
    "integrations": 5,
    "cli": 6,
}
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


def test_inference_needs_nothing_but_the_base_install():
    heavy = ["torch", "scipy", "lightning", "pyarrow", "matplotlib", "transformers", "safetensors", "onnx", "jaxtyping"]
    program = f"""
import sys
for name in {heavy!r}: sys.modules[name] = None
import kfusion, kfusion.cli.main, kfusion.cli.generate, kfusion.inference.generator, kfusion.inference.preview
import kfusion.cli.stream
"""
    subprocess.run([sys.executable, "-c", program], check=True)

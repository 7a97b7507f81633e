"""A file of the evaluation or the benchmark is told from every other one by its name alone, and so is a class."""

import ast
from collections import defaultdict
from pathlib import Path

import kfusion

ROOT = Path(kfusion.__file__).parent
ROOMS = ("evaluation", "benchmark")


def room(path: Path) -> str:
    return path.relative_to(ROOT).parts[0]


def test_no_file_bears_the_name_of_another() -> None:
    places = defaultdict(list)
    for path in ROOT.rglob("*.py"):
        if path.stem not in ("__init__", "__main__") and room(path) != "cli":
            places[path.stem].append(path)
    shared = {name: paths for name, paths in places.items() if len(paths) > 1}
    assert not [name for name, paths in shared.items() if any(room(path) in ROOMS for path in paths)]


def test_no_class_bears_the_name_of_another() -> None:
    places = defaultdict(list)
    for path in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(path)
    shared = {name: paths for name, paths in places.items() if len(paths) > 1}
    assert not [name for name, paths in shared.items() if any(room(path) in ROOMS for path in paths)]


def test_a_benchmark_makes_no_table_and_no_figure_of_its_own() -> None:
    for path in (ROOT / "benchmark").glob("*.py"):
        text = path.read_text()
        assert "matplotlib.figure" not in text, path
        assert "| ---" not in text, path
        assert "' | '.join" not in text, path

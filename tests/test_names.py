"""A file, a class and a function are told from every other by their names, and a test is found by its name."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

import kfusion

ROOT = Path(kfusion.__file__).parent
CHECKOUT = Path(__file__).parents[1]
TESTS = CHECKOUT / "tests"
MODULES = {path: ast.parse(path.read_text()) for path in sorted(ROOT.rglob("*.py"))}

TYPE = re.compile(r"_?[A-Z]+[a-z]")
LEAST_TEXT = 50
"""Of a function's body: shorter ones may be the same by chance."""
SAYS_NOTHING = {"Entry", "Job", "Row", "Result", "Report", "Request", "Place", "Block", "Manager", "Helper", "Data"}
SAME_JOB_EVERYWHERE = {"main", "add_arguments", "run"}
"""What every program and every verb of the command line has."""
OF_MORE_THAN_ONE_FILE = {
    "baseline_losses": "the losses of all baselines",
    "committed_numbers": "what stands in benchmarks/",
    "extras": "the packages of pyproject.toml",
    "names": "this one",
    "real_corpora": "whole corpora from the files to the report",
    "recorded_scores": "scoring from its start to its end",
    "scoring_a_model": "scoring from its start to its end",
    "versions": "the package, CITATION.cff and the conda recipe",
    "speech_to_landmarks": "a bundle and the network that it was made of",
    "structure": "imports between modules",
    "telemetry": "the package as it is imported",
    "work_folders": "files that several processes write",
    "workers_after_fork": "workers and what uses them",
}


def room(path: Path) -> str:
    return path.relative_to(ROOT).parts[0]


def shared(named: Iterable[tuple[str, Path]]) -> dict[str, list[Path]]:
    places: dict[str, list[Path]] = defaultdict(list)
    for name, path in named:
        places[name].append(path)
    return {name: paths for name, paths in places.items() if len(paths) > 1}


def classes() -> Iterator[tuple[str, Path]]:
    """Every class, and every name for a type, without the underscore of a private one."""
    for path, tree in MODULES.items():
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                yield node.name.lstrip("_"), path
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            for target in targets:
                if isinstance(target, ast.Name) and TYPE.match(target.id) and not is_type_variable(node):
                    yield target.id.lstrip("_"), path


def is_type_variable(node: ast.stmt) -> bool:
    value = getattr(node, "value", None)
    return (
        isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in ("TypeVar", "ParamSpec")
    )


def public_functions() -> Iterator[tuple[str, Path]]:
    for path, tree in MODULES.items():
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
                yield node.name, path


def test_no_file_bears_the_name_of_another() -> None:
    """The verbs of the command line may: a verb's file has the verb's name."""
    files = ((path.stem, path) for path in MODULES if path.stem not in ("__init__", "__main__") and room(path) != "cli")
    assert not shared(files)


def test_no_class_bears_the_name_of_another() -> None:
    assert not shared(classes())


def test_no_class_says_nothing_of_what_it_holds() -> None:
    assert not SAYS_NOTHING & {name for name, _ in classes()}


def test_no_public_function_bears_the_name_of_another() -> None:
    assert not {name: paths for name, paths in shared(public_functions()).items() if name not in SAME_JOB_EVERYWHERE}


def test_no_function_is_written_twice() -> None:
    bodies: dict[str, set[str]] = defaultdict(set)
    for path, tree in MODULES.items():
        for node in tree.body:
            if isinstance(node, ast.FunctionDef):
                start = 1 if ast.get_docstring(node) else 0
                text = "; ".join(ast.unparse(statement) for statement in node.body[start:])
                if len(text) > LEAST_TEXT:
                    bodies[text].add(f"{path.relative_to(ROOT)}: {node.name}")
    assert not [sorted(places) for places in bodies.values() if len(places) > 1]


@pytest.mark.parametrize("path", sorted(TESTS.rglob("test_*.py")), ids=lambda path: str(path.relative_to(TESTS)))
def test_a_test_is_found_from_the_name_of_what_it_tests(path: Path) -> None:
    mirrored = ROOT / path.parent.relative_to(TESTS)
    files = [*mirrored.rglob("*"), *CHECKOUT.glob("*")]
    files += [
        file
        for folder in ("benchmarks", "docs", "examples", "fuzz", "tools")
        for file in (CHECKOUT / folder).rglob("*")
    ]
    known = {name.lower() for file in files for name in (file.stem, f"{file.stem}_page", file.name.replace(".", "_"))}
    assert path.stem.removeprefix("test_") in known | set(OF_MORE_THAN_ONE_FILE)


def test_a_benchmark_makes_no_table_and_no_figure_of_its_own() -> None:
    for path in (ROOT / "benchmark").glob("*.py"):
        text = path.read_text()
        assert "matplotlib.figure" not in text, path
        assert "| ---" not in text, path
        assert "' | '.join" not in text, path

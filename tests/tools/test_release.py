"""The scripts of a release: bounds, workflows, what a wheel must hold."""

import re
import zipfile
from pathlib import Path

import pytest
import yaml
from environment import lowest
from package import LICENCES, TRAVELS, check_wheel
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def commands(path: Path) -> list[str]:
    jobs = yaml.safe_load(path.read_text())["jobs"].values()
    return [line for job in jobs for step in job["steps"] for line in step.get("run", "").splitlines()]


def test_every_requirement_is_held_at_a_version_that_its_bounds_allow():
    held = [Requirement(line) for line in lowest()]
    assert {"av", "numpy", "onnxruntime", "pillow", "mediapipe", "fastapi", "uvicorn"} <= {one.name for one in held}
    for one in held:
        (pin,) = one.specifier
        assert pin.operator == "=="


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_every_requirement_is_held_once_on_each_python(version):
    environment = {"python_version": version, "sys_platform": "linux", "platform_machine": "x86_64"}
    held = [Requirement(line) for line in lowest()]
    names = [one.name for one in held if one.marker is None or one.marker.evaluate(environment)]
    assert len(names) == len(set(names))
    assert "numpy" in names


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_run_what_the_makefile_and_the_tools_have(path):
    lines = commands(path)
    assert lines
    for line in lines:
        assert set(re.findall(r"\bmake ([a-z-]+)", line)) <= TARGETS
        assert all((ROOT / name).is_file() for name in re.findall(r"\btools/\S+\.py", line))


def test_ci_runs_targets_of_the_makefile():
    called = re.findall(r"^make ([a-z-]+)", (ROOT / ".ci" / "run").read_text(), flags=re.MULTILINE)
    assert {"test", "test-portable", "package", "matrix"} <= set(called) <= TARGETS


def wheel(path: Path, leave_out: str = "", add: str = "") -> Path:
    modules = {str(module.relative_to(ROOT / "src")) for module in (ROOT / "src").rglob("*.py")}
    names = TRAVELS | modules | {f"kfusion-1.dist-info/licenses/{name}" for name in LICENCES}
    with zipfile.ZipFile(path, "w") as archive:
        for name in (names | {add} if add else names) - {leave_out}:
            archive.writestr(name, "")
    return path


def test_a_wheel_with_everything_is_good(tmp_path):
    check_wheel(wheel(tmp_path / "a.whl"))


@pytest.mark.parametrize(
    "name", ["kfusion/py.typed", "kfusion/assets/live.onnx", "kfusion-1.dist-info/licenses/licences/Apache-2.0.txt"]
)
def test_a_wheel_without_one_of_its_files_is_not(tmp_path, name):
    with pytest.raises(SystemExit, match=f"missing in the wheel: {name}"):
        check_wheel(wheel(tmp_path / "a.whl", leave_out=name))


def test_a_wheel_with_tests_in_it_is_not(tmp_path):
    with pytest.raises(SystemExit, match=r"too much in the wheel: tests/test_audio\.py"):
        check_wheel(wheel(tmp_path / "a.whl", add="tests/test_audio.py"))

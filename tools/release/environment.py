"""Fresh virtual environments with an installed kfusion, for the scripts beside this one."""

import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Sequence
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
LOWEST, HIGHEST = "lowest", "highest"
EXTRA = "serve"


def run(command: Sequence[str | Path], **options: object) -> None:
    """Run a command; what it prints is shown if it fails.

    Raises:
        SystemExit: it failed.
    """
    done = subprocess.run(
        [str(word) for word in command],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **options,  # type: ignore[call-overload]
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(
            f"{' '.join(str(word) for word in command)}: exit code {done.returncode}\n{done.stdout[-4000:]}"
        )


def interpreter(version: str) -> str | None:
    """The path of a CPython such as `3.12`, from PATH or pyenv; None if there is none that runs."""
    found = [shutil.which(f"python{version}")]
    found += sorted(map(str, Path.home().glob(f".pyenv/versions/{version}.*/bin/python3")))
    for path in filter(None, found):
        probe = [path, "-c", f"import sys; sys.exit('%d.%d' % sys.version_info[:2] != '{version}')"]
        if subprocess.run(probe, capture_output=True, check=False).returncode == 0:
            return path
    return None


def install(python: str, folder: Path, package: Path, constraints: Path | None = None, extra: str = "") -> Path:
    """Install a wheel or sdist into a fresh environment; returns its Python."""
    run([python, "-m", "venv", folder])
    ours = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    bounds = [] if constraints is None else ["-c", constraints]
    target = f"{package}[{extra}]" if extra else str(package)
    run([ours, "-m", "pip", "install", "-q", "--disable-pip-version-check", *bounds, target])
    return ours


def try_out(python: Path, folder: Path) -> None:
    """`kfusion demo`, then everything in smoke.py, outside the checkout."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    run([python, "-m", "kfusion", "demo", "-o", folder / "demo"], cwd=folder, env=clean)
    assert (folder / "demo" / "talking.mp4").stat().st_size > 10_000
    run([python, Path(__file__).with_name("smoke.py")], cwd=folder, env=clean)


def lowest(extra: str = EXTRA) -> list[str]:
    """Every requirement of the package and of one extra, held at the lowest version that its bound allows."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    held = []
    for line in project["dependencies"] + project["optional-dependencies"][extra]:
        requirement = Requirement(line)
        (least,) = re.findall(r"[>=]=\s*([\w.]+)", str(requirement.specifier))
        held.append(f"{requirement.name}=={least}" + (f"; {requirement.marker}" if requirement.marker else ""))
    return held

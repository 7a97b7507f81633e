"""Build the page for the browser, the wheel and the sdist, check what is in them, and try each in a fresh environment.

python tools/release/package.py [-o dist]      # needs the package `build`, and Node
"""

import argparse
import hashlib
import shutil
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

from environment import ROOT, install, run, try_out

TRAVELS = {
    "kfusion/py.typed",
    "kfusion/assets/SHA256SUMS",
    "kfusion/assets/default.onnx",
    "kfusion/assets/live.onnx",
    "kfusion/assets/face_landmarker.task",
    "kfusion/assets/face_shapes.npz",
    "kfusion/assets/whisper_tiny_en_encoder.safetensors",
    "kfusion/assets/mean_face.npy",
    "kfusion/assets/portrait.jpg",
    "kfusion/assets/speech.flac",
    "kfusion/serve/static/index.html",
    "kfusion/serve/static/kfusion.js",
    "kfusion/web/page/index.html.gz",
    "kfusion/web/page/licences.txt",
    "kfusion/web/page/sw.js.gz",
}
LICENCES = {"LICENSE", "NOTICE", *(f"licences/{path.name}" for path in (ROOT / "licences").iterdir())}
STAYS = ("tests/", "fuzz/", "tools/", "benchmarks/", "docs/", "web/", ".github/", ".ci/", "__pycache__/")
"""Not in the wheel; nor in the sdist, from which the wheel alone is made."""


def build(folder: Path) -> tuple[Path, Path]:
    """The sdist and the wheel of this checkout.

    Raises:
        SystemExit: the wheel that is made from the sdist is another.
    """
    shutil.rmtree(folder, ignore_errors=True)
    run(["make", "-C", ROOT, "web"])
    run([sys.executable, "-m", "build", "-q", "--outdir", folder, ROOT])  # the wheel from the sdist
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    with tempfile.TemporaryDirectory() as other:
        run([sys.executable, "-m", "build", "-q", "--wheel", "--outdir", other, ROOT])  # the wheel from the checkout
        (direct,) = Path(other).glob("*.whl")
        if members(direct) != members(wheel):
            raise SystemExit(f"the wheel made from the sdist is not the one made here: {differing(direct, wheel)}")
    return sdist, wheel


def members(wheel: Path) -> dict[str, str]:
    """Name -> sha256 of everything in a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: hashlib.sha256(archive.read(name)).hexdigest() for name in archive.namelist()}


def differing(first: Path, second: Path) -> list[str]:
    """The members that two wheels do not share."""
    ours, theirs = members(first), members(second)
    return sorted({name for name, _ in set(ours.items()) ^ set(theirs.items())})


def check_wheel(wheel: Path) -> None:
    """Everything that must travel is there, and nothing that must not.

    Raises:
        SystemExit: something is missing or too much.
    """
    names = set(members(wheel))
    (info,) = {name.split("/")[0] for name in names if ".dist-info/" in name}
    modules = {str(path.relative_to(ROOT / "src")) for path in (ROOT / "src").rglob("*.py")}
    _report("missing in the wheel", (TRAVELS | modules | {f"{info}/licenses/{name}" for name in LICENCES}) - names)
    _report("too much in the wheel", {name for name in names if not name.startswith(("kfusion/", f"{info}/"))})


def check_sdist(sdist: Path) -> None:
    """As `check_wheel`, for the sdist."""
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    needed = {f"src/{name}" for name in TRAVELS} | LICENCES | {"README.md", "CHANGELOG.md", "pyproject.toml"}
    _report("missing in the sdist", needed - names)
    _report("too much in the sdist", {name for name in names if name.startswith(STAYS) or "__pycache__" in name})


def _report(problem: str, names: set[str]) -> None:
    if names:
        raise SystemExit(f"{problem}: {', '.join(sorted(names))}")


def main() -> int:
    """Build, check, try."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "dist", help="folder that is made anew (dist)")
    sdist, wheel = build(parser.parse_args().output)
    check_wheel(wheel)
    check_sdist(sdist)
    for package in (wheel, sdist):
        with tempfile.TemporaryDirectory() as folder:
            try_out(install(sys.executable, Path(folder, "venv"), package), Path(folder))
        print(f"{package.name}: {package.stat().st_size / 1e6:.1f} MB, works in a fresh environment", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

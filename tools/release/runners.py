"""The wheel as people run it without installing it: `uvx` and `pipx run`, each in a fresh home.

python tools/release/runners.py dist/kfusion-*.whl      # gets uv and pipx from PyPI
"""

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

from environment import ROOT, run

ASSETS = ROOT / "src" / "kfusion" / "assets"
RUNNERS = {"uvx": ["--from"], "pipx": ["run", "--spec"]}
"""How each is told where the package is."""
WORDS = ["kfusion", "generate", "speech.wav", "--face", "portrait.jpg", "-o", "out"]


def try_runner(name: str, tools: Path, wheel: Path) -> None:
    """One film, by one of `RUNNERS`.

    Raises:
        SystemExit: it failed, or there is no film.
    """
    with tempfile.TemporaryDirectory() as home:
        clean = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL_ENV"))}
        shutil.copy(ASSETS / "speech.flac", Path(home, "speech.wav"))
        shutil.copy(ASSETS / "portrait.jpg", home)
        run([tools / name, *RUNNERS[name], wheel, *WORDS], cwd=home, env={**clean, "HOME": home})
        if not Path(home, "out", "talking.mp4").is_file():
            raise SystemExit(f"{name}: no film")


def main() -> int:
    """Try every runner."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("wheel", type=Path)
    wheel = parser.parse_args().wheel.resolve()
    with tempfile.TemporaryDirectory() as folder:
        run([sys.executable, "-m", "venv", folder])
        tools = Path(folder, "bin")
        run([tools / "python", "-m", "pip", "install", "-q", "--disable-pip-version-check", "uv", "pipx"])
        for name in RUNNERS:
            try_runner(name, tools, wheel)
            print(f"{name}: works in a fresh home", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Try a wheel on every supported Python with the lowest and the highest version of everything that it needs.

    python tools/release/matrix.py dist/kfusion-*.whl                       # all of it
    python tools/release/matrix.py dist/kfusion-*.whl --only 3.11-lowest 3.12-highest

Each combination is a fresh environment with the extra `serve`: `kfusion demo`, a recording, a streamed voice, a request
to the service, `kfusion doctor`. An interpreter that is not on the machine is named and left out.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from environment import EXTRA, HIGHEST, LOWEST, install, interpreter, lowest, try_out

PYTHONS = ("3.11", "3.12", "3.13")
ALL = tuple(f"{python}-{bound}" for python in PYTHONS for bound in (LOWEST, HIGHEST))


def attempt(wheel: Path, name: str) -> bool:
    """One combination; False if its Python is not there.

    Raises:
        SystemExit: it cannot be installed or does not work.
    """
    version, bound = name.split("-")
    python = interpreter(version)
    if python is None:
        print(f"{name}: no Python {version} here, left out")
        return False
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        constraints = None
        if bound == LOWEST:
            constraints = Path(folder, "lowest.txt")
            constraints.write_text("\n".join(lowest()) + "\n")
        ours = install(python, Path(folder, "venv"), wheel, constraints, EXTRA)
        try_out(ours, Path(folder))
    print(f"{name}: works ({time.monotonic() - begin:.0f} s)", flush=True)
    return True


def main() -> int:
    """Try them one after another, and go on after a failure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--only", nargs="+", choices=ALL, default=ALL, metavar="PYTHON-BOUND", help=", ".join(ALL))
    arguments = parser.parse_args()
    tried, failed = 0, []
    for name in arguments.only:
        try:
            tried += attempt(arguments.wheel.resolve(), name)
        except SystemExit as error:
            failed.append(name)
            print(f"{name}: FAILS: {error}", flush=True)
    print(f"{tried} work, {len(failed)} fail" + (f": {', '.join(failed)}" if failed else ""))
    return int(bool(failed) or not tried)


if __name__ == "__main__":
    sys.exit(main())

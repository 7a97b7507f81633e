"""A function in a fresh process, where nothing is loaded or warm, on so many cores and as many threads.

Usage: python -m speed.child MODULE:FUNCTION CORES ARGUMENTS, in benchmarks/; the last line of stdout is the result.
"""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

BENCHMARKS = Path(__file__).parents[1]
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def call(function: str, cores: int, /, **arguments: Any) -> Any:
    """What `function` ("module:name") returns, which must go into JSON; its stderr goes to ours.

    Raises:
        CalledProcessError: it failed; its traceback stands on stderr.
    """
    command = [sys.executable, "-m", "speed.child", function, str(cores), json.dumps(arguments)]
    found = os.pathsep.join([str(BENCHMARKS), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = os.environ | {name: str(cores) for name in THREAD_VARIABLES} | {"PYTHONPATH": found}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def pin(cores: int) -> None:
    """Keep this process and its children on the last `cores` of the cores that it may use."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-cores:])


def add_to_path(folder: str | None) -> None:
    """Let Python find what is installed in the virtual environment `folder`, after everything of its own."""
    if folder is not None:
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        sys.path.append(f"{folder}/lib/{version}/site-packages")


def peak_mb() -> float:
    """The most memory this process has ever had in use, resident."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def main() -> None:
    where, cores, arguments = sys.argv[1:]
    pin(int(cores))
    module, _, name = where.partition(":")
    result = getattr(importlib.import_module(module), name)(**json.loads(arguments))
    print("\n" + json.dumps(result))


if __name__ == "__main__":
    main()

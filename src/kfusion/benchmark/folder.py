"""The folder that a run is trained in: made anew when it holds a run with other settings."""

import json
import logging
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kfusion.benchmark.plan import same_config
from kfusion.errors import OutputError
from kfusion.files import atomic_path
from kfusion.training.config import RunConfig

log = logging.getLogger(__name__)

MARK, CLOCK = "benchmark.json", "seconds.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Clock:
    """What a training has taken so far, over all its pieces."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0

    def plus(self, seconds: float, cpu_seconds: float) -> "Clock":
        """After another piece."""
        return Clock(seconds=self.seconds + seconds, cpu_seconds=self.cpu_seconds + cpu_seconds)


def claim(folder: Path, config: RunConfig, data: str, *, again: bool = False) -> None:
    """Make `folder` the place of this run; one that holds another run of the benchmark is emptied, with a notice.

    Raises:
        OutputError: the folder holds something else, or cannot be written.
    """
    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARK).is_file():
            raise OutputError(f"{folder}: holds no run of the benchmark: move it or pass another folder with --runs")
        if again or not _is_same(folder, config, data):
            why = "as asked for" if again else "it was started with other settings or data"
            log.warning("%s: is trained anew, %s", folder, why)
            shutil.rmtree(folder)
    _write(folder / MARK, {"config": asdict(config), "data": data})


def read_clock(folder: Path) -> Clock:
    """What the training in `folder` has taken so far."""
    return Clock(**_read(folder / CLOCK)) if (folder / CLOCK).is_file() else Clock()


def write_clock(folder: Path, clock: Clock) -> None:
    """Keep what the training has taken."""
    _write(folder / CLOCK, asdict(clock))


def _is_same(folder: Path, config: RunConfig, data: str) -> bool:
    found = _read(folder / MARK)
    return found.get("data") == data and same_config(found.get("config"), config)


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text())
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _write(path: Path, content: dict[str, Any]) -> None:
    with atomic_path(path) as part:
        part.write_text(json.dumps(content) + "\n")

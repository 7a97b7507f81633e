"""The folder that a run is trained in: claimed for its settings, its clock, and how the training went."""

import json
import logging
import math
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from kfusion.benchmark.plan import same_config
from kfusion.benchmark.run_record import RateTrial
from kfusion.errors import OutputError
from kfusion.evaluation import score_json
from kfusion.training.callbacks import LAST
from kfusion.training.checkpoint import read_info
from kfusion.training.loop import LOGS
from kfusion.training.module import LOSS, MLD, OPENING
from kfusion.training.run_config import RunConfig

log = logging.getLogger(__name__)

MARK, CLOCK, RATE_TRIALS = "benchmark.json", "seconds.json", "rates.json"
TAGS = {"loss": LOSS, "M-LD": MLD, "correlation": OPENING}


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


def keep_rates(folder: Path, trials: list[RateTrial]) -> None:
    """Write down which learning rates the one of this run was chosen among."""
    _write(folder / RATE_TRIALS, {"rates": [score_json.rounded(asdict(trial)) for trial in trials]})


def kept_rates(folder: Path) -> list[RateTrial] | None:
    """What was written down; None where nothing was searched."""
    found = _read(folder / RATE_TRIALS).get("rates") if (folder / RATE_TRIALS).is_file() else None
    return cast(list[RateTrial], score_json.decoded(list[RateTrial], found)) if found else None


def is_finished(folder: Path) -> bool:
    """Whether the training in `folder` came to its end."""
    return (folder / LAST).is_dir() and read_info(folder / LAST).finished


@contextmanager
def timed(folder: Path) -> Iterator[None]:
    """Adds to the clock of the run, however the block ends."""
    start, cpu = time.monotonic(), time.process_time()
    try:
        yield
    finally:
        if folder.is_dir():
            seconds, cpu_seconds = read_clock(folder)
            seconds, cpu_seconds = seconds + time.monotonic() - start, cpu_seconds + time.process_time() - cpu
            _write(folder / CLOCK, {"seconds": seconds, "cpu_seconds": cpu_seconds})


def read_clock(folder: Path) -> tuple[float, float]:
    """Seconds of the clock and of all threads that the training in `folder` has taken so far, over all its pieces."""
    found = _read(folder / CLOCK) if (folder / CLOCK).is_file() else {}
    return found.get("seconds", 0.0), found.get("cpu_seconds", 0.0)


def read_curve(folder: Path) -> dict[str, list[float]]:
    """One value an epoch of `step` and of each of `TAGS`, from the TensorBoard log; NaN where nothing was logged."""
    events = EventAccumulator(str(folder / LOGS), size_guidance={"scalars": 0})
    events.Reload()
    there = set(events.Tags()["scalars"])
    points = {
        name: {int(event.step): float(event.value) for event in events.Scalars(tag)} if tag in there else {}
        for name, tag in TAGS.items()
    }
    steps = sorted(points["M-LD"])
    values = {name: [found.get(step, math.nan) for step in steps] for name, found in points.items()}
    return {"step": [step + 1.0 for step in steps], **values}


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
    score_json.save(path, json.dumps(content) + "\n")

"""What one run of one row found, and its JSON: the only thing that the report reads."""

import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from kfusion.errors import InputError
from kfusion.files import atomic_path

FORMAT = 1
OK, FAILED = "ok", "failed"
DIGITS = 5
"""Significant digits of what is kept clip by clip; summaries have two more."""

Summary = tuple[float, float, float]
"""Mean, and the lower and the upper end of its 95 % interval."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Example:
    """A few frames of one clip, for the figure; head motion is taken out of both."""

    clip_id: str
    inter_ocular_px: float
    times_s: list[float]
    target: list[list[float]]
    """(frames, 136): x and y of every point in px, interleaved."""
    predicted: list[list[float]]


@dataclass(frozen=True, kw_only=True, slots=True)
class TestResult:
    """A row on one test set."""

    __test__ = False  # pytest: a result, not a test

    data_id: str
    """Only rows with the same one stand in one table."""
    identities: dict[str, int]
    """How many clips got their identity by which rule."""
    clips: list[str]
    speakers: list[str]
    """Of every clip, unique over corpora."""
    summaries: dict[str, dict[str, Summary]]
    """Alignment, metric -> mean over speakers and interval; NaN where undefined."""
    per_clip: dict[str, dict[str, list[float]]]
    """Alignment, metric -> the value of every clip, in the order of `clips`."""
    frechet: float
    """Frechet landmark distance of the mouth, alignment `frame`; NaN where it is not defined."""
    example: Example | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Training:
    """What a trained row cost and how it went."""

    parameters: int
    steps: int
    """Optimiser steps that were taken."""
    clip_seconds: float
    """Seconds of speech that were shown, counting every showing."""
    seconds: float
    """Of the clock."""
    cpu_seconds: float
    """Of all threads together."""
    threads: int
    machine: str
    """The processor."""
    weights: str
    """Digest of the checkpoint that was scored."""
    best_epoch: int
    """The epoch with the lowest validation M-LD; what is scored is the end of the run."""
    curve: dict[str, list[float]]
    """One value an epoch: `step`, `loss`, `M-LD` (validation, % of the inter-ocular distance) and `correlation`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Speed:
    """CPU seconds of one thread for a second of sound: 1 is real time."""

    sound_s: float
    network: float
    """The network alone."""
    with_features: float
    """With the speech encoder, where the network reads its features."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunResult:
    """One run of one row."""

    protocol: str
    row: str
    seed: int
    status: str
    """`ok` or `failed`; a failed run has no numbers."""
    metric_version: int
    kfusion_version: str
    steps: int
    """The budget: optimiser steps that every trained row gets."""
    config: dict[str, Any] | None
    """Of the training (for a sanity row: of the network that it asks); none where nothing is trained."""
    data: dict[str, str]
    """Digests of the training clips, key `train`, and of every test set."""
    reason: str = ""
    """Why it failed."""
    training: Training | None = None
    speed: Speed | None = None
    tests: dict[str, TestResult] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        """Whether there are no numbers."""
        return self.status != OK

    def save(self, path: Path) -> None:
        """Write the JSON; whole or not at all.

        Raises:
            OutputError: the place cannot be written.
        """
        content = {"format": FORMAT, **_to_json(asdict(self), DIGITS + 2)}
        for test, found in content["tests"].items():
            found["per_clip"] = _to_json(self.tests[test].per_clip, DIGITS)
        with atomic_path(path) as part:
            part.write_text(json.dumps(content, separators=(",", ":"), allow_nan=False) + "\n")

    @classmethod
    def load(cls, path: Path) -> Self:
        """A result that `save` wrote.

        Raises:
            InputError: the file cannot be read or is something else.
        """
        try:
            content = json.loads(path.read_text())
            found = content.pop("format")
            if found != FORMAT:
                raise InputError(f"{path}: result format {found}, this version reads {FORMAT}: run the row again")
            return cls(**_from_json(content))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(
                f"{path}: not a result of `kfusion benchmark` ({error}): delete it and run again"
            ) from error


def result_path(results: Path, protocol: str, row: str, seed: int) -> Path:
    """Where the JSON of a run stands."""
    return results / protocol / f"{row}-seed{seed}.json"


def load_results(results: Path, protocol: str) -> Iterator[tuple[Path, RunResult]]:
    """All results of a protocol, in the order of their names."""
    for path in sorted((results / protocol).glob("*-seed*.json")):
        if not path.name.startswith("."):
            yield path, RunResult.load(path)


def _to_json(value: Any, digits: int) -> Any:
    """NaN to None and floats to so many digits, all the way down."""
    if isinstance(value, dict):
        return {key: _to_json(item, digits) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_to_json(item, digits) for item in value]
    if isinstance(value, float):
        return None if math.isnan(value) else float(f"{value:.{digits}g}")
    return value


def _from_json(content: dict[str, Any]) -> dict[str, Any]:
    content["tests"] = {name: _test(found) for name, found in content["tests"].items()}
    for name, kind in (("training", Training), ("speed", Speed)):
        content[name] = None if content[name] is None else kind(**_nan(content[name]))
    return content


def _test(content: dict[str, Any]) -> TestResult:
    example = content.pop("example")
    content["summaries"] = {
        alignment: {metric: tuple(values) for metric, values in metrics.items()}
        for alignment, metrics in _nan(content["summaries"]).items()
    }
    return TestResult(**_nan(content), example=None if example is None else Example(**example))


def _nan(value: Any) -> Any:
    """None to NaN, all the way down."""
    if isinstance(value, dict):
        return {key: _nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_nan(item) for item in value]
    return math.nan if value is None else value

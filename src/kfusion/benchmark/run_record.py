"""What one run of one system found, and its JSON: the only thing that the page of a benchmark reads."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from kfusion.evaluation import score_json
from kfusion.evaluation.bootstrap import Interval
from kfusion.evaluation.score_json import DIGITS, rounded
from kfusion.evaluation.score_sheet import FaceExample

RUN_FORMAT = 1
OK, FAILED = "ok", "failed"
CLIP_DIGITS = DIGITS - 2
"""Significant digits of what is kept clip by clip."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TestScores:
    """A system on one test set: a row of a score sheet, shortened."""

    __test__ = False  # pytest: scores, not a test

    data_id: str
    """Only rows with the same one stand in one table."""
    identities: dict[str, int]
    """How many clips got their identity by which rule."""
    clips: list[str]
    speakers: list[str]
    """Of every clip, unique over corpora."""
    summaries: dict[str, dict[str, Interval]]
    """Alignment, metric -> mean over speakers and interval; NaN where undefined."""
    per_clip: dict[str, dict[str, list[float]]]
    """Alignment, metric -> the value of every clip, in the order of `clips`."""
    frechet: float
    """Frechet landmark distance of the mouth, alignment `frame`; NaN where it is not defined."""
    example: FaceExample | None = None
    shifts_ms: dict[str, float] | None = None
    """By speaker how much later the prediction was shown to compensate the clock; older runs have none."""
    compensated: dict[str, Interval] | None = None
    """Metric -> mean and interval with each speaker's clock compensated, alignment `frame`."""
    compensated_per_clip: dict[str, list[float]] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RateTrial:
    """A short training at one learning rate."""

    factor: float
    """Times the row's own rate."""
    learning_rate: float
    steps: int
    mld: float
    """On the validation split in the end, % of the inter-ocular distance; NaN: it diverged."""
    correlation: float
    seconds: float
    """Of the clock."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingRecord:
    """What a trained system cost and how it went."""

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
    rates: list[RateTrial] | None = None
    """How the learning rates did among which the best on the validation split was chosen; older runs have none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NetworkSpeed:
    """CPU seconds of one thread for a second of sound: 1 is real time."""

    sound_s: float
    network: float
    """The network alone."""
    with_features: float
    """With the speech encoder, where the network reads its features."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunRecord:
    """One run of one system."""

    protocol: str
    row: str
    seed: int
    status: str
    """`ok` or `failed`; a failed run has no numbers."""
    metric_version: int
    kfusion_version: str
    steps: int
    """The budget: optimiser steps that every trained system gets."""
    config: dict[str, Any] | None
    """Of the training (for a sanity row: of the network that it asks); none where nothing is trained."""
    data: dict[str, str]
    """Digests of the training clips, key `train`, and of every test set."""
    reason: str = ""
    """Why it failed."""
    training: TrainingRecord | None = None
    speed: NetworkSpeed | None = None
    tests: dict[str, TestScores] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        """Whether there are no numbers."""
        return self.status != OK

    @property
    def weights(self) -> str | None:
        """Digest of those that were scored."""
        return self.training.weights if self.training else None

    def save(self, path: Path) -> None:
        """Write the JSON; whole or not at all.

        Raises:
            OutputError: the place cannot be written.
        """
        content = rounded(asdict(self))
        for test, scores in self.tests.items():
            content["tests"][test]["per_clip"] = rounded(scores.per_clip, CLIP_DIGITS)
            if scores.compensated_per_clip is not None:
                content["tests"][test]["compensated_per_clip"] = rounded(scores.compensated_per_clip, CLIP_DIGITS)
        score_json.save(path, score_json.to_text(content, RUN_FORMAT))

    @classmethod
    def load(cls, path: Path) -> Self:
        """What `save` wrote.

        Raises:
            InputError: the file cannot be read or is something else.
        """
        return score_json.load_scores(path, cls, RUN_FORMAT, "benchmark result", "delete it and run again")


def run_path(results: Path, protocol: str, row: str, seed: int) -> Path:
    """Where the JSON of a run stands."""
    return results / protocol / f"{row}-seed{seed}.json"


def load_runs(results: Path, protocol: str) -> Iterator[tuple[Path, RunRecord]]:
    """All runs of a protocol, in the order of their names."""
    for path in sorted((results / protocol).glob("*-seed*.json")):
        if not path.name.startswith("."):
            yield path, RunRecord.load(path)

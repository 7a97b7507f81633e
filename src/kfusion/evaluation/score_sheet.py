"""What came out: rows scored on clips, alone or as the evaluation of a model, and their JSON."""

from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from kfusion.evaluation import score_json
from kfusion.evaluation.bootstrap import Summary, Values, summarise
from kfusion.evaluation.metrics.catalogue import FRECHET
from kfusion.evaluation.score_json import rounded

SHEET_FORMAT = 2

Scores = dict[str, float]
"""Score by the key of `METRICS`."""
Table = dict[str, dict[str, dict[str, Summary]]]
"""Row, alignment, metric -> summary."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ClipScores:
    """The scores of one clip."""

    clip_id: str
    corpus: str
    speaker: str
    frames: int
    """How many frames were scored."""
    silent_frames: int
    identity_clip: str
    identity_frame: int
    identity_rule: str
    """`other-clip`, `other-moment` or `frame-0`."""
    audio_from: str | None
    """The clip whose sound the row `shuffled-audio` listened to."""
    emotion_from: str | None
    """The clip whose label the row `shuffled-emotion` was told."""
    scores: dict[str, dict[str, Scores]]
    """Row, alignment, metric -> value; NaN where undefined."""
    compensated: dict[str, Scores] | None = None
    """Row, metric -> value with the speaker's clock compensated, alignment `frame`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FaceExample:
    """A few frames of one clip, for a figure; head motion is taken out of both."""

    clip_id: str
    inter_ocular_px: float
    times_s: list[float]
    target: list[list[float]]
    """(frames, 136): x and y of every point in px, interleaved."""
    predicted: list[list[float]]


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoreSheet:
    """Rows on one selection of clips."""

    metric_version: int
    kfusion_version: str
    data_id: str
    """Hash of the scored clips' names and landmarks: only equal ones may be compared."""
    split: str
    identity: str
    """The rule that was asked for."""
    clips: list[ClipScores]
    frechet: dict[str, float]
    """Frechet landmark distance by row, (% of inter-ocular)^2, alignment `frame`; NaN with too few frames."""
    shifts_ms: dict[str, dict[str, float]] | None = None
    """By row and speaker how much later the prediction was shown to compensate the clock."""

    keys: ClassVar[tuple[str, ...]] = (
        "metric_version", "kfusion_version", "data_id", "split", "identity", "clips", "frechet", "shifts_ms",
    )  # fmt: skip
    """What stands in the JSON, in its order."""

    @property
    def row_names(self) -> list[str]:
        """The rows that were scored."""
        return list(self.frechet)

    @property
    def clip_speakers(self) -> list[str]:
        """Who speaks in each clip, unique over corpora."""
        return [f"{clip.corpus}/{clip.speaker}" for clip in self.clips]

    @property
    def speakers(self) -> list[str]:
        """All of them, each once."""
        return sorted(set(self.clip_speakers))

    @property
    def identities(self) -> dict[str, int]:
        """How many clips got their identity by which rule."""
        return dict(Counter(clip.identity_rule for clip in self.clips))

    @property
    def frames(self) -> int:
        """How many frames were scored."""
        return sum(clip.frames for clip in self.clips)

    def values(self, row: str, alignment: str, metric: str) -> Values:
        """A score of every clip, (clips,); NaN where undefined."""
        return np.array([clip.scores[row][alignment][metric] for clip in self.clips])

    def summary(self, row: str, alignment: str, metric: str) -> Summary:
        """A score over clips and speakers."""
        return summarise(self.values(row, alignment, metric), self.clip_speakers)

    def compensated_values(self, row: str, metric: str) -> Values:
        """A score of every clip with the clocks compensated, (clips,); NaN where it is undefined or older than they."""
        return np.array([np.nan if clip.compensated is None else clip.compensated[row][metric] for clip in self.clips])

    def mean(self, row: str, alignment: str, metric: str) -> float:
        """What a table shows: of `METRICS` the mean, or the Frechet distance."""
        return self.frechet[row] if metric == FRECHET else self.summary(row, alignment, metric).mean

    def to_json(self) -> str:
        """What `save` writes; undefined values are null."""
        content = asdict(self)
        shown = {key: content[key] if key in content else getattr(self, key) for key in self.keys}
        return score_json.to_text(rounded(shown), SHEET_FORMAT, indent=1)

    def save(self, path: Path) -> None:
        """Write the JSON; whole or not at all.

        Raises:
            OutputError: the place cannot be written.
        """
        score_json.save(path, self.to_json())

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """What `save` wrote.

        Raises:
            InputError: the file cannot be read or is something else.
        """
        return score_json.load_scores(Path(path), cls, SHEET_FORMAT, "evaluation", "evaluate again")


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation(ScoreSheet):
    """A model, and the sanity rows beside it, on one selection of clips."""

    model_id: str
    data_sets: list[str]
    interval: str
    """How the intervals were made."""
    notes: list[str]
    """What a reader must know, such as a row that could not be made."""
    rows: Table
    improvement_percent: Table
    """By row that the model is compared with: how far the model is under it, percent of it; negative: above."""
    silence_ratio: dict[str, Summary]
    """Lip speed in silence over that of the target, alignment `frame`, by row."""
    compensated: dict[str, dict[str, Summary]] | None = None
    """Row, metric -> summary with each speaker's clock compensated."""

    keys: ClassVar[tuple[str, ...]] = (
        "metric_version", "kfusion_version", "model_id", "data_id", "data_sets", "split", "speakers", "identity",
        "identities", "interval", "notes", "rows", "improvement_percent", "silence_ratio", "frechet",
        "shifts_ms", "compensated", "clips",
    )  # fmt: skip

    def summary(self, row: str, alignment: str, metric: str) -> Summary:
        """A score over clips and speakers, as it was found when they were scored."""
        return self.rows[row][alignment][metric]

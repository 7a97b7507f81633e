"""What an evaluation found, and its JSON."""

import json
import math
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from kfusion.errors import InputError
from kfusion.evaluation.bootstrap import Summary, Values, summarise
from kfusion.files import atomic_path

FORMAT = 2

Scores = dict[str, float]
"""Score by the key of `METRICS`."""
Table = dict[str, dict[str, dict[str, Summary]]]
"""Row, alignment, metric -> summary."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ClipResult:
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Scored:
    """Rows on one selection of clips."""

    metric_version: int
    kfusion_version: str
    data_id: str
    """Hash of the scored clips' names and landmarks: only equal ones may be compared."""
    split: str
    identity: str
    """The rule that was asked for."""
    clips: list[ClipResult]
    frechet: dict[str, float]
    """Frechet landmark distance by row, (% of inter-ocular)^2; NaN with too few frames."""

    @property
    def rows(self) -> list[str]:
        """Their names."""
        return list(self.frechet)

    @property
    def speakers(self) -> list[str]:
        """Who speaks in each clip, unique over corpora."""
        return [f"{clip.corpus}/{clip.speaker}" for clip in self.clips]

    @property
    def identities(self) -> dict[str, int]:
        """How many clips got their identity by which rule."""
        return dict(Counter(clip.identity_rule for clip in self.clips))

    def values(self, row: str, alignment: str, metric: str) -> Values:
        """A score of every clip, (clips,); NaN where undefined."""
        return np.array([clip.scores[row][alignment][metric] for clip in self.clips])

    def summary(self, row: str, alignment: str, metric: str) -> Summary:
        """A score over clips and speakers."""
        return summarise(self.values(row, alignment, metric), self.speakers)

    def to_json(self) -> str:
        """Plain JSON; undefined values are null."""
        return _to_json(asdict(self))

    def save(self, path: Path) -> None:
        """Write the JSON; whole or not at all.

        Raises:
            OutputError: the place cannot be written.
        """
        _write(path, self.to_json())

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """What `save` wrote.

        Raises:
            InputError: the file cannot be read or is something else.
        """
        with _readable(str(path)):
            return cls(**_content(_read_text(path), str(path)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    """A model, and the sanity rows beside it, on one selection of clips."""

    metric_version: int
    kfusion_version: str
    model_id: str
    data_id: str
    """Hash of the scored clips' names and landmarks: only equal ones may be compared."""
    data_sets: list[str]
    split: str
    speakers: list[str]
    """All speakers that were scored, as corpus/speaker."""
    identity: str
    """The rule that was asked for."""
    identities: dict[str, int]
    """How many clips got their identity by which rule."""
    interval: str
    """How the intervals were made."""
    notes: list[str]
    """What a reader must know, such as a row that could not be made."""
    rows: Table
    improvement_percent: Table
    """By row that the model is compared with: how far the model is under it, percent of it; negative: above."""
    silence_ratio: dict[str, Summary]
    """Lip speed in silence over that of the target, alignment `frame`, by row."""
    frechet: dict[str, float]
    """Frechet landmark distance by row, (% of inter-ocular)^2, alignment `frame`; NaN with too few frames."""
    clips: list[ClipResult]

    @property
    def frames(self) -> int:
        """How many frames were scored."""
        return sum(clip.frames for clip in self.clips)

    def to_json(self) -> str:
        """Plain JSON; undefined values are null."""
        return _to_json(asdict(self))

    @classmethod
    def from_json(cls, text: str, where: str = "evaluation") -> Self:
        """An evaluation that `to_json` wrote.

        Raises:
            InputError: it is no such text, or another version wrote it.
        """
        with _readable(where):
            content = _content(text, where)
            for name in ("rows", "improvement_percent"):
                content[name] = _table(content[name])
            content["silence_ratio"] = {row: Summary(**one) for row, one in content["silence_ratio"].items()}
            return cls(**content)

    def save(self, path: Path) -> None:
        """Write the JSON; whole or not at all.

        Raises:
            OutputError: the place cannot be written.
        """
        _write(path, self.to_json())

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """An evaluation that `save` wrote.

        Raises:
            InputError: the file cannot be read or is something else.
        """
        return cls.from_json(_read_text(path), str(path))


def _to_json(content: dict[str, Any]) -> str:
    return json.dumps({"format": FORMAT, **_without_nan(content)}, indent=1, allow_nan=False) + "\n"


def _write(path: Path, text: str) -> None:
    with atomic_path(path) as part:
        part.write_text(text)


def _read_text(path: str | Path) -> str:
    try:
        return Path(path).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot read the evaluation ({error}): pass an evaluation.json") from error


@contextmanager
def _readable(where: str) -> Iterator[None]:
    try:
        yield
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{where}: not an evaluation that kfusion wrote ({error}): evaluate again") from error


def _content(text: str, where: str) -> dict[str, Any]:
    """What the JSON holds, its clips made already."""
    content: dict[str, Any] = _with_nan(json.loads(text))
    found = content.pop("format")
    if found != FORMAT:
        raise InputError(f"{where}: evaluation format {found}, this version reads {FORMAT}: evaluate again")
    content["clips"] = [ClipResult(**clip) for clip in content["clips"]]
    return content


def _without_nan(value: Any) -> Any:
    """NaN to None, and floats to seven digits, all the way down."""
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_nan(item) for item in value]
    if isinstance(value, float):
        return None if math.isnan(value) else float(f"{value:.7g}")
    return value


_TEXT_KEYS = {"audio_from", "emotion_from"}


def _with_nan(value: Any) -> Any:
    """None to NaN, except where None means that there is no text."""
    if isinstance(value, dict):
        return {key: item if key in _TEXT_KEYS else _with_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_nan(item) for item in value]
    return math.nan if value is None else value


def _table(content: dict[str, Any]) -> Table:
    return {
        row: {
            alignment: {metric: Summary(**summary) for metric, summary in metrics.items()}
            for alignment, metrics in alignments.items()
        }
        for row, alignments in content.items()
    }

"""One corpus prepared on machines that do not know of each other.

Each lists the whole corpus and takes every N-th clip of it (`Share`). What it leaves is a prepared data set of these
clips with their sound as it was recorded, and `shard.json`, which says of what it is a share. A speaker's clips are
spread over all machines and their sound is put on one clock, so that waits for `kfusion.data.merging`.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Self

from kfusion import __version__
from kfusion.data.clip import Clip
from kfusion.errors import InputError, foreign
from kfusion.face import EXTRACTOR
from kfusion.files import atomic_path, check_file
from kfusion.share import Share

SHARE_FILE = "shard.json"
_FORMAT = 1
_REMEDY = "prepare this shard again"


def tools() -> dict[str, str]:
    """Versions of what turns videos into landmarks."""
    versions = {"kfusion": __version__, "extractor": EXTRACTOR}
    for package in ("mediapipe", "av"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "none"
    return versions


@dataclass(frozen=True, kw_only=True, slots=True)
class ShareRecord:
    """What `shard.json` says."""

    share: Share
    protocol: str
    listing: str
    """Digest of all clips of the corpus as this machine listed them, so that shares of other trees are told."""
    listed: int
    """How many those are."""
    census: list[str]
    """What is there of the corpus and what is not."""
    clips: list[str]
    """The ids of this share, in the order of the listing."""
    failures: dict[str, str]
    """Of these, what failed and why."""
    made_by: dict[str, str] = field(default_factory=tools)
    """Versions of what turned videos into landmarks."""

    def write(self, out: Path) -> None:
        """Write it beside the data set.

        Raises:
            OutputError: `out` cannot be written.
        """
        values = {"kfusion_shard": _FORMAT, **asdict(self), "share": str(self.share)}
        with atomic_path(out / SHARE_FILE) as part:
            part.write_text(json.dumps(values, indent=1) + "\n", encoding="ascii")

    @classmethod
    def read(cls, out: Path) -> Self:
        """The record in a folder that `kfusion prepare --shard` made.

        Raises:
            InputError: the folder is none, it is not finished, or the record is damaged or of another version.
        """
        if not (out / SHARE_FILE).is_file():
            raise InputError(f"{out}: {_why_not(out)}")
        path = out / SHARE_FILE
        check_file(path, "record of a shard")
        with foreign(f"{path}: damaged", _REMEDY):
            values = json.loads(path.read_bytes())
            found = values.pop("kfusion_shard")
            if found != _FORMAT:
                raise InputError(f"{path}: format {found}, this version reads {_FORMAT}: {_REMEDY}")
            return cls(**{**values, "share": Share.parse(values["share"])})

    def __post_init__(self) -> None:
        numbers = range(self.share.number - 1, self.listed, self.share.count)
        if len(self.clips) != len(numbers) or not set(self.failures) <= set(self.clips):
            raise ValueError(f"its clips are not those of shard {self.share}")


def check_place(out: Path, share: Share | None) -> None:
    """Raises `InputError` if `out` holds another share than this one; without a share it becomes a data set."""
    if share is None or not (out / SHARE_FILE).is_file():
        return
    other = ShareRecord.read(out).share
    if other != share:
        raise InputError(f"{out}: holds shard {other}, not {share}: give every shard a folder of its own")


def listing_digest(clips: Iterable[Clip]) -> str:
    """Of what the reader of a corpus says, but not of where the corpus lies."""
    digest = hashlib.sha256()
    for clip in clips:
        labels = (clip.clip_id, clip.path.name, clip.corpus, clip.speaker, clip.split, clip.emotion, clip.intensity)
        digest.update(json.dumps(labels).encode())
    return digest.hexdigest()


def _why_not(out: Path) -> str:
    if not out.is_dir():
        return "no such folder: pass what `kfusion prepare --shard I/N` made"
    if (out / "parts").is_dir():
        return "is not finished: run its `kfusion prepare ... --shard I/N` to the end"
    return f"holds no {SHARE_FILE}: pass what `kfusion prepare --shard I/N` made"


def in_order(records: Sequence[ShareRecord]) -> list[tuple[int, str]]:
    """All clips of all shares as (place in `records`, clip id), in the order of the corpus's listing."""
    order = sorted(range(len(records)), key=lambda index: records[index].share.number)
    count = len(records)
    return [(index, records[index].clips[row]) for row, index in _interleaved(order, records[0].listed, count)]


def _interleaved(order: list[int], listed: int, count: int) -> Iterable[tuple[int, int]]:
    return ((place // count, order[place % count]) for place in range(listed))

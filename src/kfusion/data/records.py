"""What stands beside the shards of a prepared data set: who is in which split, what failed, what is odd, the card."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from kfusion.data.card import data_card
from kfusion.data.clip import Clip
from kfusion.files import atomic_path

_ESCAPED = "backslashreplace"
"""For bytes in the names of files that are not UTF-8."""

Failures = Mapping[str, str]
"""Clip id -> the reason why it was left out."""
Oddities = Mapping[str, Sequence[str]]
"""Clip id -> what is odd about a clip that was prepared all the same."""


def write_records(
    out: Path, kept: list[Clip], failures: Failures, oddities: Oddities, *, protocol: str, census: Sequence[str] = ()
) -> None:
    """Write the listings and the data card.

    Raises:
        OutputError: `out` cannot be written.
    """
    contents = _listings(kept, failures, oddities) | {"README.md": data_card(out, len(failures), protocol, census)}
    for name, content in contents.items():
        with atomic_path(out / name) as part:
            part.write_text(content, encoding="utf-8", errors=_ESCAPED)


def is_recorded(out: Path, kept: list[Clip], failures: Failures, oddities: Oddities) -> bool:
    """Whether the listings beside the data set are there and say the same."""
    listings = _listings(kept, failures, oddities)
    written = {name: (out / name).read_bytes() if (out / name).is_file() else b"" for name in listings}
    same = all(written[name] == listing.encode("utf-8", _ESCAPED) for name, listing in listings.items())
    return same and (out / "README.md").is_file()


def _listings(kept: list[Clip], failures: Failures, oddities: Oddities) -> dict[str, str]:
    splits = [(clip.clip_id, clip.speaker, clip.split) for clip in kept]
    notes = [(clip_id, note) for clip_id, found in oddities.items() for note in found]
    return {
        "splits.csv": _csv(("clip_id", "speaker", "split"), splits),
        "failures.csv": _csv(("clip_id", "reason"), list(failures.items())),
        "notes.csv": _csv(("clip_id", "note"), notes),
    }


def _csv(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()

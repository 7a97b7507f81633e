"""Prepared clips on disk, whole at whatever moment a run is killed.

data/       the finished data set
parts/      one file a clip, for clips that are not in `data/` yet, or that a later run left out
.data.new/  a data set being written; it counts for nothing until it is renamed to `data`
.data.old/  the former data set, while the new one takes its place
"""

import hashlib
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from kfusion.audio import Samples
from kfusion.data.clip import SPLITS, Clip
from kfusion.data.store import (
    SCHEMA,
    SHARD_CLIPS,
    SoundClock,
    decode_points,
    decode_wav,
    on_clock,
    read_clip,
    shard_paths,
    shard_rows,
    write_shard,
)
from kfusion.errors import InputError, OutputError
from kfusion.files import atomic_path, locked, sweep
from kfusion.landmarks import Points

_LABELS = ("speaker", "split", "emotion", "intensity")
"""Columns that follow the corpus's reader, also for clips that are already prepared."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ClipPlace:
    """Where a prepared clip stands."""

    file: Path
    row_group: int
    row: dict[str, Any]
    """Its columns other than landmarks and sound."""
    in_data: bool
    """Whether it is part of the data set, not a part."""

    def holds(self, clip: Clip) -> bool:
        """Whether this is that clip of that corpus, whatever its labels."""
        return bool(self.row["corpus"] == clip.corpus and self.row["source"] == clip.path.name)

    def is_up_to_date(self, clip: Clip) -> bool:
        """Whether it stands in the data set with the clip's own labels."""
        return self.in_data and all(self.row[label] == getattr(clip, label) for label in _LABELS)

    def recorded(self) -> tuple[Points, Samples]:
        """Its landmarks, and its sound before it was moved.

        Raises:
            InputError: the file is damaged.
        """
        table = on_clock(_table_of(self), SoundClock())
        points = decode_points(table.column("landmarks").combine_chunks())
        return points, decode_wav(table.column("audio")[0]["bytes"].as_py())


def part_path(out: Path, clip_id: str) -> Path:
    """The file of a clip that is not in the data set."""
    digest = hashlib.sha256(clip_id.encode(errors="backslashreplace")).hexdigest()[:20]
    return out / "parts" / f"{digest}.parquet"


@contextmanager
def only_run(out: Path) -> Iterator[None]:
    """No other run prepares `out` meanwhile; makes the folder.

    Raises:
        InputError: one does.
        OutputError: `out` cannot be made.
    """
    with _writing(out):
        out.mkdir(parents=True, exist_ok=True)
    with locked(out, busy=f"{out}: another run is at work here: wait for its end, or choose another place"):
        yield


def check_writable(out: Path) -> None:
    """Raises `OutputError` before hours of work, not after."""
    probe = out / "parts" / ".writable"
    with atomic_path(probe) as part:
        part.touch()
    with _writing(out):
        probe.unlink()


def recover(out: Path) -> None:
    """Undo what a killed run left half done in place of the data set."""
    with _writing(out):
        if (out / ".data.old").exists() and not (out / "data").exists():
            (out / ".data.old").rename(out / "data")
        for leftover in (".data.new", ".data.old"):
            if (out / leftover).exists():
                shutil.rmtree(out / leftover)


def places_in_data(out: Path) -> dict[str, ClipPlace]:
    """The clips of the data set by id.

    Raises:
        InputError: a shard is damaged.
    """
    return {
        row["clip_id"]: ClipPlace(file=shard, row_group=index, row=row, in_data=True)
        for shard in shard_paths(out)
        for index, row in enumerate(shard_rows(shard))
    }


def place_in_parts(out: Path, clip: Clip) -> ClipPlace | None:
    """Where `clip` stands among the parts; a damaged part is none."""
    path = part_path(out, clip.clip_id)
    if not path.is_file():
        return None
    try:
        rows = shard_rows(path)
    except InputError:
        return None
    place = ClipPlace(file=path, row_group=0, row=rows[0], in_data=False)
    return place if place.holds(clip) else None


def set_aside(places: Iterable[ClipPlace], out: Path) -> None:
    """Keep clips that leave the data set as parts, for a later run that wants them."""
    for place in places:
        path = part_path(out, place.row["clip_id"])
        if not path.is_file():
            with atomic_path(path, work_in=out) as part:
                write_shard(part, [_table_of(place)])


def write_data(clips: list[Clip], places: dict[str, ClipPlace], clocks: Mapping[str, SoundClock], out: Path) -> None:
    """Write the shards of `clips`, their sound on `clocks`, and put them in place of the former data set at once.

    What was computed from the former one (`features/`) goes with it.

    Raises:
        InputError: a prepared clip is damaged.
        OutputError: `out` cannot be written.
    """
    new = out / ".data.new"
    with _writing(out), _gone_if_it_fails(new):
        new.mkdir()
        for split in SPLITS:
            members = [clip for clip in clips if clip.split == split]
            for number, start in enumerate(range(0, len(members), SHARD_CLIPS)):
                shard = members[start : start + SHARD_CLIPS]
                with atomic_path(new / f"{split}-{number:05d}.parquet") as path:
                    write_shard(path, (_finished(places[clip.clip_id], clip, clocks[clip.clip_id]) for clip in shard))
        if (out / "features").exists():
            shutil.rmtree(out / "features")
        if (out / "data").exists():
            (out / "data").rename(out / ".data.old")
        new.rename(out / "data")
        if (out / ".data.old").exists():
            shutil.rmtree(out / ".data.old")


def remove_parts(clips: Iterable[Clip], out: Path) -> None:
    """Remove the parts of clips that are in the data set, and what killed workers left."""
    parts = out / "parts"
    with _writing(out):
        if not parts.is_dir():
            return
        for clip in clips:
            part_path(out, clip.clip_id).unlink(missing_ok=True)
        sweep(parts)
        for leftover in parts.glob(".*"):
            if leftover.is_file():
                leftover.unlink()
        if not any(parts.iterdir()):
            parts.rmdir()


def _table_of(place: ClipPlace) -> pa.Table:
    try:
        return read_clip(place.file, place.row_group)
    except (OSError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{place.file}: damaged ({reason}): remove this file and run the command again") from error


def _finished(place: ClipPlace, clip: Clip, clock: SoundClock) -> pa.Table:
    """The clip as its corpus labels it now, its sound on its clock."""
    table = _table_of(place)
    if clock != SoundClock.of(place.row):
        table = on_clock(table, clock)
    for label in _LABELS:
        index = SCHEMA.get_field_index(label)
        column = pa.array([getattr(clip, label)], SCHEMA.field(label).type)
        table = table.set_column(index, SCHEMA.field(label), column)
    return table


@contextmanager
def _gone_if_it_fails(folder: Path) -> Iterator[None]:
    """A full disk is not left full."""
    try:
        yield
    except Exception:
        shutil.rmtree(folder, ignore_errors=True)
        raise


@contextmanager
def _writing(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(f"{out}: cannot write ({error.strerror or error}): choose another place") from error

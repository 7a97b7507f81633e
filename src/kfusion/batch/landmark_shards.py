"""Results in Parquet: a row a recording, a file or more a piece, the same bytes whoever computed them."""

from collections.abc import Iterator
from heapq import merge
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from kfusion.batch.manifest_item import Item
from kfusion.errors import foreign
from kfusion.files import work_folder, writing
from kfusion.landmarks import POINT_COUNT, LandmarkSequence

RESULT_SCHEMA = pa.schema(
    [
        ("row", pa.int64()),
        ("name", pa.string()),
        ("speech", pa.string()),
        ("face", pa.string()),
        ("emotion", pa.string()),
        ("intensity", pa.int8()),
        ("fps", pa.float64()),
        ("frames", pa.int32()),
        ("coordinates", pa.string()),
        ("model", pa.string()),
        ("notes", pa.list_(pa.string())),
        ("landmarks", pa.list_(pa.list_(pa.list_(pa.float32(), 2), POINT_COUNT))),
    ],
    metadata={"kfusion_format": "1"},
)
"""`row` counts in the manifest, from 1; `landmarks` are (frames, 68, 2), in the frame that `coordinates` names."""
GROUP_FRAMES = 30_000
"""In a row group, which is as much as is held at once; a longer recording is one alone."""
FILE_FRAMES = 900_000
"""In a file, half a gigabyte: the next one of the piece begins before there are more."""


def write_row(path: Path, item: Item, sequence: LandmarkSequence, notes: list[str]) -> None:
    """The result of one recording, alone, until its piece is whole."""
    points = pa.array(sequence.points.ravel())
    frames = pa.FixedSizeListArray.from_arrays(pa.FixedSizeListArray.from_arrays(points, 2), POINT_COUNT)
    landmarks = pa.ListArray.from_arrays(pa.array([0, len(sequence)], pa.int32()), frames)
    facts = {
        "row": item.row,
        "name": _text(item.name),
        "speech": _text(item.shown_speech),
        "face": _text(item.shown_face),
        "emotion": item.emotion,
        "intensity": item.intensity,
        "fps": sequence.fps,
        "frames": len(sequence),
        "coordinates": sequence.coordinates,
        "model": sequence.model,
        "notes": [_text(note) for note in notes],
    }
    arrays = [pa.array([facts[field.name]], field.type) for field in RESULT_SCHEMA if field.name != "landmarks"]
    table = pa.Table.from_arrays([*arrays, landmarks], schema=RESULT_SCHEMA)
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, RESULT_SCHEMA) as writer:
        writer.write_table(table)


def shard_path(out: Path, piece: int, number: int) -> Path:
    """A file of a piece: `part-000012.parquet`, then `part-000012-1.parquet`, and so on."""
    return out / f"part-{piece:06}{f'-{number}' if number else ''}.parquet"


def write_shards(out: Path, piece: int, rows: Path) -> None:
    """The files of a piece, of what is in them already and of the results in the folder `rows`.

    Files appear whole, from the last to the first: a row that moves on into a later file is in that before it leaves
    its own, so that a run may be killed between them.

    Raises:
        InputError: a file of results is damaged.
        OutputError: there is no place for them.
    """
    earlier = _shards(out, piece)
    tables = _without_doubles(merge(_waiting(rows), _stored(earlier), key=_row))
    with writing(out), work_folder(rows.parent) as work:
        for number in reversed(range(_write_files(work, tables))):
            (work / str(number)).replace(shard_path(out, piece, number))


def _write_files(work: Path, tables: Iterator[Any]) -> int:
    """Files called 0, 1, ... in `work`; how many."""
    files = 0
    writer, frames = None, 0
    for group in _groups(tables):
        size = sum(group.column("frames").to_pylist())
        if writer is None or frames + size > FILE_FRAMES:
            if writer is not None:
                writer.close()
            writer, frames = _open(work / str(files)), 0
            files += 1
        writer.write_table(group, row_group_size=len(group))
        frames += size
    if writer is not None:
        writer.close()
    return files


def _open(path: Path) -> Any:
    """Coordinates hardly repeat: nothing is gained by packing them."""
    texts = [name for name in RESULT_SCHEMA.names if RESULT_SCHEMA.field(name).type == pa.string()]
    return parquet.ParquetWriter(path, RESULT_SCHEMA, compression="none", use_dictionary=texts)


def _groups(tables: Iterator[Any]) -> Iterator[Any]:
    """Tables of recordings together, up to `GROUP_FRAMES` where one is not longer."""
    held: list[Any] = []
    frames = 0
    for table in tables:
        size = table.column("frames")[0].as_py()
        if held and frames + size > GROUP_FRAMES:
            yield pa.concat_tables(held).combine_chunks()
            held, frames = [], 0
        held.append(table)
        frames += size
    if held:
        yield pa.concat_tables(held).combine_chunks()


def _waiting(rows: Path) -> Iterator[Any]:
    for path in sorted(rows.glob("*.arrow"), key=lambda path: int(path.stem)):
        remedy = "remove the file and the line of its row, and run again"
        with foreign(f"{path}: damaged results", remedy), pa.OSFile(str(path)) as file:
            table = pa.ipc.open_file(file).read_all()
        yield table


def _stored(shards: list[Path]) -> Iterator[Any]:
    for path in shards:
        with foreign(f"{path}: damaged results", "remove the file and the record of its piece, and run again"):
            file = parquet.ParquetFile(path)
        with file:
            for number in range(file.num_row_groups):
                group = file.read_row_group(number).cast(RESULT_SCHEMA)
                for place in range(len(group)):
                    yield group.slice(place, 1)


def _shards(out: Path, piece: int) -> list[Path]:
    """The files of a piece that are there, in order."""
    found: list[Path] = []
    while (path := shard_path(out, piece, len(found))).exists():
        found.append(path)
    return found


def _without_doubles(tables: Iterator[Any]) -> Iterator[Any]:
    last = 0
    for table in tables:
        if (row := _row(table)) > last:
            last = row
            yield table


def _row(table: Any) -> int:
    return int(table.column("row")[0].as_py())


def _text(text: str | None) -> str | None:
    """As UTF-8, which names of files need not be."""
    return None if text is None else text.encode("utf-8", "backslashreplace").decode()

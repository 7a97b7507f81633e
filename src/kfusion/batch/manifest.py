"""Manifests as they come: CSV, JSON lines and Parquet, read a row at a time."""

import csv
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kfusion.batch.manifest_item import COLUMNS, Fields
from kfusion.errors import InputError, MissingExtraError, foreign
from kfusion.files import check_file

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_LINE = 1 << 20
"""Letters in a line of JSON."""
BATCH_ROWS = 1000
"""Of a Parquet file that are held at once."""
_NUMBERS = ("intensity", "fps")
_REMEDY = "write the manifest again, as .csv, .jsonl or .parquet"


def manifest_rows(path: Path) -> Iterator[Fields | InputError]:
    """Every row in order, or what is wrong with it; memory does not grow with the file.

    Raises:
        InputError: it is no manifest: of another kind, damaged, without the column `speech`, or with unknown ones.
        MissingExtraError: it is Parquet, and pyarrow is not installed.
    """
    check_file(path, "manifest")
    read = _READERS.get(path.suffix.lower())
    if read is None:
        raise InputError(f"{path}: unknown kind of manifest '{path.suffix}': use {', '.join(_READERS)}")
    yield from read(path)


def check_columns(path: Path, columns: Sequence[str], where: str = "") -> None:
    """Raises `InputError` where a column is unknown, or there twice."""
    for column in columns:
        if column not in COLUMNS:
            near = get_close_matches(str(column), COLUMNS, 1)
            meant = f" (is it {near[0]}?)" if near else ""
            raise InputError(
                f"{path}: unknown column '{str(column)[:60]}'{where}{meant}: use {', '.join(COLUMNS)}, and no others"
            )
        if columns.count(column) > 1:
            raise InputError(f"{path}: the column {column} is there twice{where}: keep one")


def check_has_speech(path: Path, columns: Sequence[str]) -> None:
    """Raises `InputError` where nothing is said of what is to be animated."""
    if "speech" not in columns:
        raise InputError(
            f"{path}: has no column speech ({', '.join(map(str, columns))[:120] or 'no columns'}): "
            "add one with the paths of the recordings"
        )


def _csv_rows(path: Path) -> Iterator[Fields | InputError]:
    with path.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as file, _parsing(path):
        reader = csv.reader(file)
        head = next(reader, [])
        columns = [column.strip() for column in head]
        if "speech" not in columns:  # before unknown ones: semicolons make one of all
            check_has_speech(path, columns)
        check_columns(path, columns)
        for row in reader:
            if not row:
                continue
            if len(row) != len(columns):
                yield InputError(f"has {len(row)} values for {len(columns)} columns: put commas in quotes")
            else:
                yield dict(zip(columns, row, strict=True))


def _json_rows(path: Path) -> Iterator[Fields | InputError]:
    with path.open(encoding="utf-8-sig", errors="surrogateescape") as file:
        number = 0
        while line := file.readline(MAX_LINE):
            number += 1
            if len(line) == MAX_LINE:
                raise InputError(f"{path}: line {number} is longer than {MAX_LINE} letters: write one object a line")
            if line.strip():
                yield _json_row(path, line, number)


def _json_row(path: Path, line: str, number: int) -> Fields | InputError:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        return InputError(f"line {number} is no JSON ({str(error)[:60]}): write one object a line")
    if not isinstance(row, dict):
        return InputError(f'line {number} is no object: write {{"speech": "a.wav"}}')
    check_columns(path, list(row), f" in line {number}")
    return row


def _parquet_rows(path: Path) -> Iterator[Fields | InputError]:
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise MissingExtraError("a manifest in Parquet", "batch") from error
    with _parsing(path), parquet.ParquetFile(path, buffer_size=1 << 20) as file:
        schema = file.schema_arrow
        check_has_speech(path, schema.names)
        check_columns(path, schema.names)
        for field in schema:
            _check_type(path, field)
        for batch in file.iter_batches(batch_size=BATCH_ROWS, use_threads=False):
            yield from batch.to_pylist()


def _check_type(path: Path, field: Any) -> None:
    """Raises `InputError` where a column holds nothing that its values could be."""
    from pyarrow import types

    kind = field.type.value_type if types.is_dictionary(field.type) else field.type
    text = types.is_string(kind) or types.is_large_string(kind)
    number = types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind)
    wanted = "numbers" if field.name in _NUMBERS else "text"
    if not types.is_null(kind) and not (number if field.name in _NUMBERS else text):
        raise InputError(f"{path}: the column {field.name} holds {field.type}, not {wanted}: write it as {wanted}")


@contextmanager
def _parsing(path: Path) -> Iterator[None]:
    """What a parser raises on the way, as an error that names the file; what the reader of rows raises passes."""
    with foreign(f"{path}: a damaged manifest", _REMEDY):
        yield


_READERS: "dict[str, Callable[[Path], Iterator[Fields | InputError]]]" = {
    ".csv": _csv_rows,
    ".jsonl": _json_rows,
    ".ndjson": _json_rows,
    ".parquet": _parquet_rows,
}

"""CSV listings of clips."""

import csv
import logging
from pathlib import Path

from kfusion.errors import InputError

log = logging.getLogger(__name__)


def read_listing(path: Path, *, required: tuple[str, ...], known: tuple[str, ...]) -> list[dict[str, str]]:
    """The rows of a CSV by column name, without spaces around the values; an absent column of `known` is empty.

    A row that stands there several times to the letter counts once.

    Raises:
        InputError: the file is missing or not a CSV, a required column or value is missing, or a
            column is unknown (`known` names the others that may stand there).
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            rows = list(reader)
            columns = [column.strip() for column in reader.fieldnames or ()]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: cannot read the listing ({reason}): pass a UTF-8 CSV file") from error
    _check_columns(path, columns, required, known)
    read = [_row(path, number, row, required, known) for number, row in enumerate(rows, start=2)]
    single = {tuple(row.values()): row for row in read}
    if len(single) < len(read):
        log.warning("%s: %d repeated rows are left out", path, len(read) - len(single))
    return list(single.values())


def _check_columns(path: Path, columns: list[str], required: tuple[str, ...], known: tuple[str, ...]) -> None:
    missing = [column for column in required if column not in columns]
    unknown = [column for column in columns if column not in (*required, *known)]
    if missing:
        raise InputError(f"{path}: column '{missing[0]}' is missing: the columns are {', '.join((*required, *known))}")
    if unknown:
        raise InputError(f"{path}: unknown column '{unknown[0]}': use {', '.join((*required, *known))}")


def _row(
    path: Path, number: int, row: dict[str, str | None], required: tuple[str, ...], known: tuple[str, ...]
) -> dict[str, str]:
    named = {column.strip(): (value or "").strip() for column, value in row.items() if isinstance(column, str)}
    if None in row:
        raise InputError(f"{path}: line {number} has more values than the header: put names with commas in quotes")
    for column in required:
        if not named[column]:
            raise InputError(f"{path}: line {number}: column '{column}' is empty: fill it in")
    return {column: named.get(column, "") for column in (*required, *known)}

"""How scores stand in a JSON file: a format number first, floats to some digits, what is undefined as null."""

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kfusion.errors import InputError, foreign
from kfusion.files import atomic_path, check_file

DIGITS = 7


def to_text(content: dict[str, Any], format_number: int, *, indent: int | None = None) -> str:
    """The text of the file; `content` is `rounded` already. Without `indent` there are no spaces."""
    separators = (",", ":") if indent is None else None
    numbered = {"format": format_number, **content}
    return json.dumps(numbered, indent=indent, separators=separators, allow_nan=False) + "\n"


def save(path: Path, text: str) -> None:
    """Write the file; whole or not at all.

    Raises:
        OutputError: the place cannot be written.
    """
    with atomic_path(path) as part:
        part.write_text(text)


@contextmanager
def stored(path: Path, format_number: int, what: str, remedy: str) -> Iterator[dict[str, Any]]:
    """What `save` wrote, for the block to make values of; undefined numbers are still None.

    Raises:
        InputError: the file cannot be read or has another format, or the block finds something else in it.
    """
    check_file(path, what)
    with foreign(f"{path}: no {what} that kfusion wrote", remedy):
        content = json.loads(path.read_text())
        found = content.pop("format")
        if found != format_number:
            raise InputError(f"{path}: {what} of format {found}, this version reads {format_number}: {remedy}")
        yield content


def rounded(value: Any, digits: int = DIGITS) -> Any:
    """NaN to None, and floats to so many significant digits, all the way down."""
    if isinstance(value, dict):
        return {key: rounded(item, digits) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item, digits) for item in value]
    if isinstance(value, float):
        return None if math.isnan(value) else float(f"{value:.{digits}g}")
    return value


def with_nan(value: Any, empty: frozenset[str]) -> Any:
    """None to NaN, all the way down, but not at or under the keys in `empty`, where there may be nothing."""
    if isinstance(value, dict):
        return {key: item if key in empty else with_nan(item, empty) for key, item in value.items()}
    if isinstance(value, list):
        return [with_nan(item, empty) for item in value]
    return math.nan if value is None else value

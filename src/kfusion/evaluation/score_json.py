"""How scores stand in a JSON file: a format number first, floats to some digits, what is undefined as null."""

import json
import math
from dataclasses import fields, is_dataclass
from functools import lru_cache
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

from kfusion.errors import InputError, foreign
from kfusion.files import atomic_path, check_file

DIGITS = 7
NEWER = frozenset({"shifts_ms", "compensated", "compensated_per_clip", "rates"})
"""Fields that older files lack: None there, and not written where they are None."""

Stored = TypeVar("Stored")


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


def load_scores(path: Path, kind: type[Stored], format_number: int, what: str, remedy: str) -> Stored:
    """The dataclass `kind` that `save` wrote; whatever else stands in the file is left where it is.

    Raises:
        InputError: the file cannot be read, has another format, or lacks something.
    """
    check_file(path, what)
    with foreign(f"{path}: no {what} that kfusion wrote", remedy):
        content = json.loads(path.read_text())
        found = content["format"]
        if found != format_number:
            raise InputError(f"{path}: {what} of format {found}, this version reads {format_number}: {remedy}")
        return cast(Stored, decoded(kind, content))


def rounded(value: Any, digits: int = DIGITS) -> Any:
    """NaN to None, and floats to so many significant digits, all the way down, without `NEWER` that are None."""
    if isinstance(value, dict):
        return {key: rounded(item, digits) for key, item in value.items() if item is not None or key not in NEWER}
    if isinstance(value, list | tuple):
        return [rounded(item, digits) for item in value]
    if isinstance(value, float):
        return None if math.isnan(value) else float(f"{value:.{digits}g}")
    return value


def decoded(hint: Any, value: Any) -> Any:
    """A value of the type `hint`: null is None where there may be nothing, and NaN where a number stands."""
    if hint is float:
        return math.nan if value is None else value
    kind, parts = get_origin(hint), get_args(hint)
    if kind is UnionType:
        return None if value is None else decoded(parts[0], value)
    if kind is dict:
        return {key: decoded(parts[1], item) for key, item in value.items()}
    if kind is list:
        return [decoded(parts[0], item) for item in value]
    if isinstance(hint, type) and is_dataclass(hint):
        there = {name: part for name, part in _parts(hint).items() if name in value or name not in NEWER}
        return hint(**{name: decoded(part, value[name]) for name, part in there.items()})
    if hasattr(hint, "_fields"):  # a named tuple of numbers
        return hint(*(decoded(float, item) for item in value))
    return value


@lru_cache
def _parts(kind: Any) -> dict[str, Any]:
    """The types of the fields of a dataclass."""
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}

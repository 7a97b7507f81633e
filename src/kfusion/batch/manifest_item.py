"""One row of a manifest, checked: what is animated, how, and what its result is called."""

import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from os import fsencode
from os.path import split, splitdrive
from typing import Any, TypeAlias

from kfusion.batch.addresses import is_address, path_in_store, public_address, without_secrets
from kfusion.emotion import check_emotion
from kfusion.errors import InputError
from kfusion.files import is_work

COLUMNS = ("speech", "face", "emotion", "intensity", "fps", "name")
"""All columns of a manifest; `speech` alone must be there."""
STATE = ".batch"
"""The folder with what the run remembers: no result is called so."""
FAILURES = re.compile(r"failures(\.\d+-of-\d+)?\.csv", re.IGNORECASE)
"""The listings of a run: no result is called so."""
MAX_PART_BYTES, MAX_NAME_BYTES = 200, 800
"""Of a part of a name between slashes, and of the whole."""
Fields: TypeAlias = Mapping[str, Any]
"""Column -> value: text, a number, or None."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """What is animated."""

    row: int
    """In the manifest, from 1; the head of a CSV does not count."""
    name: str
    """Of its result, in the folder of results; parts between slashes."""
    speech: str
    """A path as written, from the folder of the manifest on, or an address."""
    face: str | None = None
    emotion: str | None = None
    intensity: int | None = None
    fps: float | None = None

    @property
    def shown_speech(self) -> str:
        """What to call the recording in messages and results."""
        return public_address(self.speech)

    @property
    def shown_face(self) -> str | None:
        """What to call the face."""
        return None if self.face is None else public_address(self.face)


def read_item(row: int, fields: Fields) -> Item:
    """The item in a row.

    Raises:
        InputError: a value cannot be used.
    """
    speech = _text(fields, "speech")
    if speech is None:
        raise InputError("speech is empty: name a recording")
    emotion, intensity = _text(fields, "emotion"), _number(fields, "intensity")
    if intensity is not None and not intensity.is_integer():
        raise InputError(f"intensity is {intensity:g}: use 1, 2 or 3")
    if emotion is not None:
        check_emotion(emotion, None if intensity is None else int(intensity))
    return Item(
        row=row,
        name=_checked_name(_text(fields, "name") or default_name(speech)),
        speech=speech,
        face=_text(fields, "face"),
        emotion=emotion,
        intensity=None if intensity is None else int(intensity),
        fps=_number(fields, "fps"),
    )


def default_name(speech: str) -> str:
    """A recording's path, without its ending and without the way up: `../a/b.wav` is `a/b`."""
    # Not with pathlib, which remembers every part of a path.
    folder, file = split(path_in_store(speech) if is_address(speech) else splitdrive(speech)[1])
    folders = [part for part in folder.replace(os.sep, "/").split("/") if part not in ("", ".", "..")]
    stems = [name for name in (file.rpartition(".")[0], file) if name not in ("", ".", "..") and not is_work(name)]
    if not stems:
        raise InputError(f"{without_secrets(speech)}: has no name to call a result by: fill the column name")
    return "/".join([*folders, stems[0]])


def _checked_name(name: str) -> str:
    """Raises `InputError` unless a result can be called so, inside the folder of results."""
    parts = name.split("/")
    if any(part in ("", ".", "..") or is_work(part) for part in parts) or "\0" in name:
        raise InputError(f"name is '{name}': use a path inside the folder of results, such as speaker/clip")
    if any(len(fsencode(part)) > MAX_PART_BYTES for part in parts) or len(fsencode(name)) > MAX_NAME_BYTES:
        raise InputError(
            f"name is '{name[:40]}...': use {MAX_PART_BYTES} bytes a part and {MAX_NAME_BYTES} in all at the most"
        )
    if parts[0].lower() == STATE or FAILURES.fullmatch(parts[0]):
        raise InputError(f"name is '{name}': {parts[0]} is the run's own: use another")
    return name


def _text(fields: Fields, column: str) -> str | None:
    value = fields.get(column)
    if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
        return None
    if not isinstance(value, str):
        raise InputError(f"{column} is {str(value)[:40]}, not text: write it in quotes")
    return value


def _number(fields: Fields, column: str) -> float | None:
    value = fields.get(column)
    if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
        return None
    try:
        if isinstance(value, bool):
            raise ValueError
        number = float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{column} is '{str(value)[:40]}': use a number") from error
    if not math.isfinite(number):
        raise InputError(f"{column} is {number:g}: use a number")
    return number

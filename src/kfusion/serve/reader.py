"""The process that handles a stranger's files: one form, and gone.

It is forked where that is safe (`kfusion.serve.fork_server`), and else started as
`python -m kfusion.serve.reader LIMITS`. The server gives two orders as lines of JSON, where the form lies and what is
wanted of it, and gets back pieces (`kfusion.serve.reader_wire`): the fields, then the face, the sound and the notes, or
the reason why not. A crash, an endless loop or a bomb ends this process only.
"""

import contextlib
import importlib
import json
import logging
import mmap
import os
import re
import sys
import threading
import traceback
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, BinaryIO, Self

import numpy as np

from kfusion.errors import InputError, KfusionError, one_line
from kfusion.inference.identity import LANDMARK_ENDINGS, Identity, read_identity
from kfusion.inference.recording import Gauge, Recording
from kfusion.serve import reader_wire
from kfusion.serve.confine import Limits, die_with_parent, limit, stay_inside
from kfusion.serve.form import FormPart, read_form, shown, text_of
from kfusion.serve.refusal import RefusedError, as_refusal

BODY = "body"
"""Name of the form in its folder."""
FILES = {"audio": "speech", "face": "face"}
"""Field of the form -> what its file is called here."""
MAX_LANDMARK_BYTES = 256 * 1024
"""Of a landmark file: a compressed one may become a thousand times as long."""
SLOW_IMPORTS = ("mediapipe.tasks.python.vision", "kfusion.face")
_PIECE_SAMPLES = reader_wire.MAX_PIECE_BYTES // 4
_MAX_NOTES, _MAX_CALLS = 4, 8


@dataclass(frozen=True, kw_only=True, slots=True)
class FormOrder:
    """The first order: where a form lies."""

    folder: str
    boundary: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SoundOrder:
    """The second order: what is wanted of its files."""

    allow_silence: bool
    max_duration_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Form:
    """What a form holds."""

    texts: dict[str, str]
    """The fields that are no files."""
    files: dict[str, str]
    """Field -> the name that the client gave the file, without folders."""
    paths: dict[str, Path]
    """Field -> the file."""

    @classmethod
    def open(cls, body: Path, boundary: str) -> Self:
        """The form in the file `body`, its files as files beside it.

        Raises:
            RefusedError: it is not well made.
        """
        with body.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if size else b""
            parts = read_form(content, boundary)
            held = {name: part for name, part in parts.items() if part.file_name or part.end > part.start}
            given = {name: part for name, part in held.items() if part.file_name is not None}
            texts = {name: text_of(content, part) for name, part in held.items() if name not in given}
            paths = {name: _write(content, given[name], body.with_name(FILES[name])) for name in FILES if name in given}
            return cls(texts=texts, files={name: _name(part) for name, part in given.items()}, paths=paths)


def main() -> int:
    """Read one form as the server orders, and end."""
    limits = Limits(**json.loads(sys.argv[1]))
    for name in SLOW_IMPORTS:
        with contextlib.suppress(ImportError):  # without MediaPipe pictures are refused when they come
            importlib.import_module(name)
    return serve(sys.stdin.buffer, _private_stdout(), limits)


def serve(orders: BinaryIO, out: BinaryIO, limits: Limits) -> int:
    """Read one form, in a process that does nothing else: `limits` hold from here on."""
    alone = not die_with_parent()
    limit(limits)
    reader_wire.write_piece(out, reader_wire.HELLO, str(os.getpid()).encode())
    try:
        _obey(orders, out, alone)
    except MemoryError:
        _refuse(out, RefusedError("unusable_input", f"needs more than {limits.memory_mb:g} MB to read: send less"))
    except KfusionError as error:
        _refuse(out, as_refusal(error))
    except Exception as error:  # noqa: BLE001 - whatever it is, it goes into the server's log
        _refuse(out, RefusedError("internal", _short(error)))
    return 0


def _obey(orders: BinaryIO, out: BinaryIO, alone: bool) -> None:
    if not (order := orders.readline()):
        return
    place = FormOrder(**json.loads(order))
    os.chdir(place.folder)
    stay_inside(Path(place.folder))
    form = Form.open(Path(BODY), place.boundary)
    reader_wire.write_json(out, reader_wire.FORM, {"texts": form.texts, "files": form.files})
    if not (order := orders.readline()):
        return
    if alone:
        threading.Thread(target=_end_with_server, args=(orders,), daemon=True).start()
    logging.getLogger("kfusion").addHandler(_Notes(out))
    _read(form, SoundOrder(**json.loads(order)), out)
    reader_wire.write_piece(out, reader_wire.DONE)


def _read(form: Form, wanted: SoundOrder, out: BinaryIO) -> None:
    if "face" in form.paths:
        face = _identity(form.paths["face"])
        reader_wire.write_json(out, reader_wire.FACE, {"points": face.points.tolist(), "coordinates": face.coordinates})
    recording = Recording(source=form.paths["audio"])
    recording.announced_s()  # for its notes
    gauge = Gauge(name=recording.name, allow_silence=wanted.allow_silence)
    for block in gauge.watch(recording.blocks()):
        if gauge.duration_s > wanted.max_duration_s:
            limit_s = wanted.max_duration_s
            raise RefusedError("too_large", f"the recording lasts longer than {limit_s:g} s: send it in parts")
        for start in range(0, len(block), _PIECE_SAMPLES):
            piece = block[start : start + _PIECE_SAMPLES]
            reader_wire.write_piece(out, reader_wire.SOUND, np.ascontiguousarray(piece, "<f4").tobytes())


def _identity(path: Path) -> Identity:
    size = path.stat().st_size
    if path.suffix in LANDMARK_ENDINGS and size > MAX_LANDMARK_BYTES:
        raise InputError(f"{path}: {size} bytes: send the landmarks of one face, up to {MAX_LANDMARK_BYTES} bytes")
    return read_identity(path)


def _write(content: Any, part: FormPart, stem: Path) -> Path:
    """A file of the form as `stem`, with the ending of the client's file if that is a plain one."""
    ending = PurePath(_name(part)).suffix.lower()
    path = stem.with_suffix(ending if re.fullmatch(r"\.[a-z0-9]{1,8}", ending) else "")
    with memoryview(content) as view, path.open("wb") as file:
        file.write(view[part.start : part.end])
    return path


def _name(part: FormPart) -> str:
    """The name that the client gave a file, without folders and control characters."""
    return shown(PurePath((part.file_name or "").replace("\\", "/").replace("\0", "")).name)


class _Notes(logging.Handler):
    """Sends what the library has to say about the files."""

    def __init__(self, out: BinaryIO) -> None:
        super().__init__(logging.WARNING)
        self._out, self._left = out, _MAX_NOTES

    def emit(self, record: logging.LogRecord) -> None:
        """Send one note."""
        if self._left:
            self._left -= 1
            reader_wire.write_json(self._out, reader_wire.NOTE, shown(record.getMessage()))


def _private_stdout() -> BinaryIO:
    """The pipe to the server, out of reach of libraries that print."""
    out = os.fdopen(os.dup(1), "wb")
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 1)
    return out


def _refuse(out: BinaryIO, refusal: RefusedError) -> None:
    """Say why not, without the folder on the server that libraries like to name."""
    message = str(refusal).replace(f"{Path.cwd()}{os.sep}", "")
    reader_wire.write_json(out, reader_wire.REFUSED, {"code": refusal.code, "message": message})


def _short(error: Exception) -> str:
    """Where it came from and what it says, on one line of bounded length: a stranger may have written the rest."""
    calls = [f"{Path(call.filename).name}:{call.lineno}" for call in traceback.extract_tb(error.__traceback__)]
    return f"{type(error).__name__} in {' < '.join(reversed(calls[-_MAX_CALLS:]))}: {shown(one_line(error))}"


def _end_with_server(orders: BinaryIO) -> None:
    """Where the system does not do it: the orders end when the server does."""
    orders.read(1)
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())

"""Recordings that come through a pipe: `/dev/stdin`, `<(...)`, a named pipe.

A recording is read more than once, so what a pipe brings is kept in a file until it is no longer needed.
"""

import os
import select
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from kfusion.errors import InputError

MAX_PIPE_BYTES = 4 << 30
"""The most that is taken from a pipe; a WAV cannot hold more either."""
WRITER_S = 5.0
"""How long a pipe waits for somebody who writes into it."""
IDLE_S = 60.0
"""How long somebody who writes into it may pause."""
_PIECE_BYTES = 1 << 20


def is_pipe(path: Path) -> bool:
    """Whether the path is a pipe, which can be read once."""
    try:
        return stat.S_ISFIFO(path.stat().st_mode)
    except (OSError, ValueError):
        return False


def spool(path: Path) -> Path:
    """The content of a pipe as a file of the same name, in a new folder that is the caller's to delete.

    Raises:
        InputError: nobody writes into the pipe, or no more, or too much, or it may not be read.
    """
    folder = Path(tempfile.mkdtemp(prefix="kfusion-"))
    file = folder / path.name
    try:
        with file.open("xb") as out:
            for piece in _pieces(path):
                out.write(piece)
                if out.tell() > MAX_PIPE_BYTES:
                    raise InputError(f"{path}: brings more than {MAX_PIPE_BYTES} bytes: pass a shorter recording")
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise InputError(f"{path}: cannot read the pipe ({error.strerror}): save it to a file first") from error
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return file


def _pieces(path: Path) -> Iterator[bytes]:
    pipe = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        deadline = time.monotonic() + WRITER_S
        begun = False
        while True:
            try:
                piece = os.read(pipe, _PIECE_BYTES)
            except BlockingIOError:  # somebody is there, and pauses
                begun = True
                _wait(path, pipe)
                continue
            if piece:
                begun = True
                yield piece
            elif begun:
                return
            elif time.monotonic() > deadline:
                raise InputError(f"{path}: nobody writes into the pipe for {WRITER_S:.0f} s: start that first")
            else:
                time.sleep(0.02)
    finally:
        os.close(pipe)


def _wait(path: Path, pipe: int) -> None:
    if not select.select([pipe], [], [], IDLE_S)[0]:
        raise InputError(f"{path}: nothing came through the pipe for {IDLE_S:.0f} s: save it to a file first")

"""What native libraries write to file descriptor 2 while they start, kept off the terminal."""

import os
import re
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO

_STDERR = 2
_STARTUP = re.compile(rb"^(?:[IW]\d{4} |INFO: |WARNING: All log messages before absl).*\n?", re.MULTILINE)
_one_at_a_time = threading.RLock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_one_at_a_time.acquire, after_in_parent=_one_at_a_time.release, after_in_child=_one_at_a_time.release
    )


@contextmanager
def without_startup_chatter() -> Iterator[None]:
    """Leaves out the notes and warnings of native code in the block; whatever else is written comes at its end.

    File descriptor 2 belongs to the whole process: one block runs at a time, others and `os.fork` wait for it, and
    what other threads write meanwhile is not lost. A closed descriptor 2 stays closed.
    """
    with _one_at_a_time:
        try:
            terminal = os.dup(_STDERR)
        except OSError:  # it is closed: nothing can be written to it
            yield
            return
        with _scratch() as kept:
            os.dup2(kept.fileno(), _STDERR)
            try:
                yield
            finally:
                os.dup2(terminal, _STDERR)
                os.close(terminal)
                _write_rest(kept)


def _scratch() -> IO[bytes]:
    try:
        return tempfile.TemporaryFile()
    except OSError:  # no folder that can be written
        return open(os.devnull, "w+b")  # noqa: PTH123


def _write_rest(kept: IO[bytes]) -> None:
    kept.seek(0)
    with suppress(OSError):  # a full disk or a closed pipe
        os.write(_STDERR, _STARTUP.sub(b"", kept.read()))

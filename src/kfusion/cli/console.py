"""Stdout and stderr of the command line, as they are on any machine: closed, full, left by their reader, or not UTF-8.

What cannot be shown never stops the work. What stdout lost is an error at the end, unless its reader has left or there
was none from the start; what stderr lost cannot be told.
"""

import io
import os
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from kfusion.errors import OutputError

_JOINERS = "\u200c\u200d"
"""Zero width, part of words and of emoji."""
_CONTROL = {"Cc", "Cf", "Zl", "Zp"}
"""Unicode categories of what moves the cursor, colours the terminal, ends the line or turns the text round."""


class Console:
    """A stream in the place of `sys.stdout` or `sys.stderr`: its methods do not fail.

    Args:
        stream: where the text goes; None where there is nothing.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.failure: Exception | None = None
        """Why the text since then is lost."""

    def write(self, text: str) -> int:
        """Write as much as can be."""
        self._attempt(lambda stream: stream.write(_encodable(text, stream)))
        return len(text)

    def flush(self) -> None:
        """Send on what was written."""
        self._attempt(lambda stream: stream.flush())

    def check(self) -> None:
        """Send on what was written, and see whether all of it arrived as far as anybody reads it.

        Raises:
            OutputError: something was lost.
        """
        self.flush()
        if self.failure is not None and not isinstance(self.failure, BrokenPipeError):
            reason = getattr(self.failure, "strerror", None) or self.failure
            raise OutputError(f"stdout: cannot write ({reason}): make room, or write elsewhere") from self.failure

    @property
    def absent(self) -> bool:
        """Whether there is no such stream, and never was."""
        return self._stream is None

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        with suppress(AttributeError, ValueError, OSError):
            return bool(self._stream.isatty())
        return False

    def fileno(self) -> int:
        """Its file descriptor."""
        if self._stream is None:
            raise io.UnsupportedOperation("fileno")
        return int(self._stream.fileno())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _attempt(self, action: Any) -> None:
        if self._stream is None or self.failure is not None:
            return
        try:
            action(self._stream)
        except (OSError, ValueError) as error:  # full, left by its reader; closed
            self.failure = error
            _forget(self._stream)


@contextmanager
def console() -> Iterator[tuple[Console, Console]]:
    """Stdout and stderr that never fail, in their places while the block runs."""
    _fill_descriptors()
    before = sys.stdout, sys.stderr
    out, notes = Console(before[0]), Console(before[1])
    sys.stdout, sys.stderr = out, notes
    try:
        yield out, notes
    finally:
        out.flush()
        notes.flush()
        sys.stdout, sys.stderr = before


def show(result: object) -> None:
    """Print one line of the results, sent on at once."""
    print(visible(str(result)), flush=True)


def show_error(message: str) -> None:
    """Say what went wrong on one line of stderr."""
    print(f"kfusion: error: {visible(message)}", file=sys.stderr)


def visible(text: str) -> str:
    r"""The text on one line, with escapes for what acts on a terminal (`\n`, `\x1b`) and for bare bytes, `\xff`."""
    try:
        whole = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # half a character that no file name holds
        whole = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return "".join(_escape(letter) if _acts(letter) else letter for letter in whole)


def _acts(letter: str) -> bool:
    return unicodedata.category(letter) in _CONTROL and letter not in _JOINERS


def _escape(letter: str) -> str:
    return letter.encode("unicode_escape").decode("ascii")


def _encodable(text: str, stream: Any) -> str:
    """The text, with escapes for what the stream's encoding does not have."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        text.encode(encoding, getattr(stream, "errors", None) or "strict")
    except (UnicodeError, LookupError):
        return text.encode(encoding, "backslashreplace").decode(encoding)
    return text


def _fill_descriptors() -> None:
    """Nothing where a standard stream is closed, or the next file that is opened would take its place and its text."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            with suppress(OSError):
                taken = os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
                os.set_inheritable(taken, True)  # or it is closed again in every child


def _forget(stream: Any) -> None:
    """What the stream still holds goes nowhere: Python flushes it once more at the end, which would fail again."""
    with suppress(OSError, ValueError, AttributeError), open(os.devnull, "w") as nowhere:  # noqa: PTH123
        os.dup2(nowhere.fileno(), stream.fileno())

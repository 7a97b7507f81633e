"""Files that can be read to their end, and files that appear whole or not at all."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from kfusion.errors import InputError, OutputError


def check_file(path: Path, what: str) -> int:
    """The size in bytes of a file that can be read from its start to its end.

    Args:
        path: as the user wrote it.
        what: what it should be, for the message: `recording`, `picture`.

    Raises:
        InputError: there is nothing, a folder, a pipe or a device, which may have no end; it is empty, or may not be
            read.
    """
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InputError(f"{path}: no such {what}: check the path") from error
    except (OSError, ValueError) as error:  # a name too long, a loop of links, a NUL character, a locked folder
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: cannot read the {what} ({reason}): check the path") from error
    if stat.S_ISDIR(status.st_mode):
        raise InputError(f"{path}: is a folder: pass one {what}")
    if not stat.S_ISREG(status.st_mode):
        raise InputError(f"{path}: is a pipe, a socket or a device: save it to a file first")
    if not os.access(path, os.R_OK):
        raise InputError(f"{path}: cannot read the {what} (permission denied): change its permissions")
    if not status.st_size:
        raise InputError(f"{path}: the file is empty (0 bytes): record or export it again")
    return status.st_size


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its name when the block ends well, and vanishes otherwise.

    The temporary name keeps the ending of `path`, so that writers that go by it still work.

    Raises:
        OutputError: the folder cannot be made or written, or the disk is full.
    """
    part = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        part.replace(path)
    except OSError as error:
        raise OutputError(f"{path}: cannot write ({error.strerror or error}): choose another place") from error
    finally:
        with suppress(OSError):
            part.unlink()

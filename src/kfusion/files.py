"""Files that can be read to their end, and files that appear whole or not at all.

What is being written lies in a hidden folder of the writer's own beside its place, `.kfusion.RANDOM.part`, on which the
writer holds a lock (`flock`) for as long as it works. The system lets go of the lock when the process ends, however it
ends, and other containers on the same machine see it, which process ids and ages do not offer: a folder of that name
that nobody holds was left by a run that was killed, and the next writer in its place removes it. Where there are no
such locks (Windows, some network file systems) nothing can be told from work that goes on, and nothing is removed.
"""

import hashlib
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from unicodedata import normalize

from kfusion.errors import InputError, OutputError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_HEAD, _TAIL = ".kfusion.", ".part"
_POINTER, _POINTER_BYTES = b"version https://git-lfs.github.com/spec/", 1024
"""How a pointer of Git LFS begins, and what it is always smaller than."""


def check_file(path: Path, what: str) -> int:
    """The size in bytes of a file that can be read from its start to its end.

    Args:
        path: as the user wrote it.
        what: what it should be, for the message: `recording`, `picture`.

    Raises:
        InputError: there is nothing, a folder, a pipe or a device, which may have no end; it is empty, may not be
            read, or only says where Git LFS keeps the content.
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
    refuse_pointer(path)
    return status.st_size


def refuse_pointer(path: Path) -> None:
    """Raises `InputError` where a file only says where Git LFS keeps the content."""
    if is_pointer(path):
        size = path.stat().st_size
        raise InputError(
            f"{path}: is a Git LFS pointer of {size} bytes, not the file itself: run `git lfs pull` in its repository"
        )


def is_pointer(path: Path) -> bool:
    """Whether a file only says where Git LFS keeps the content; what cannot be read is told elsewhere."""
    try:
        if path.stat().st_size >= _POINTER_BYTES:
            return False
        with path.open("rb") as file:
            return file.read(len(_POINTER)) == _POINTER
    except OSError:
        return False


def file_digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def name_key(name: str) -> str:
    """The same for two names that a disk may not tell apart, by case or by how Unicode spells them."""
    return normalize("NFC", normalize("NFD", name).casefold())


def is_utf8(path: Path) -> bool:
    """Whether libraries that take names as UTF-8 can open a file, as onnxruntime does."""
    try:
        return bool(str(path).encode())
    except UnicodeEncodeError:
        return False


@contextmanager
def atomic_path(path: Path, *, work_in: Path | None = None) -> Iterator[Path]:
    """A path of the same name elsewhere, to write a file to, which moves to `path` when the block ends well.

    Otherwise it vanishes, and `path` is as it was. Of several writers at the same time the last one to end wins.

    Args:
        path: where the file goes; its folder is made if need be.
        work_in: another folder on the same disk to work in, for a folder with so many files that to look for old work
            among them takes long.

    Raises:
        OutputError: the folder cannot be made or written, or the disk is full.
        InputError: see `writing`.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with work_folder(work_in or path.parent) as work:
            yield work / path.name
            (work / path.name).replace(path)


@contextmanager
def atomic_folder(folder: Path) -> Iterator[Path]:
    """The same for a folder; should the run be killed between the old and the new one, `recover_folder` mends it.

    Raises:
        OutputError: its place cannot be written, or the disk is full.
        InputError: see `writing`.
    """
    with writing(folder, _earlier(folder)):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with work_folder(folder.parent) as work:
            new = work / folder.name
            new.mkdir()
            yield new
            with locked(folder.parent):
                _swap(folder, new)


def recover_folder(folder: Path) -> None:
    """Put back what `atomic_folder` was about to replace when it was killed."""
    if not folder.exists() and _earlier(folder).is_dir():
        _earlier(folder).rename(folder)


def _swap(folder: Path, new: Path) -> None:
    """`new` in the place of `folder`, which stays if that cannot be."""
    recover_folder(folder)
    shutil.rmtree(_earlier(folder), ignore_errors=True)
    with suppress(FileNotFoundError):
        folder.rename(_earlier(folder))
    try:
        new.rename(folder)
    finally:
        recover_folder(folder)
    shutil.rmtree(_earlier(folder), ignore_errors=True)


def _earlier(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.earlier")


@contextmanager
def writing(place: Path, *others: Path) -> Iterator[None]:
    """What the system says while something is written to `place` (and `others`), as one error that names it.

    An error that names another file is about that file, which was to be read: it is no fault of `place`. Errors that
    name no file come from an open one, and reading has boundaries of its own (`check_file`, `errors.foreign`).

    Raises:
        OutputError: the place cannot be written, or the disk is full.
        InputError: another file cannot be read.
    """
    try:
        yield
    except OSError as error:
        reason, name = error.strerror or error, error.filename
        if isinstance(name, str | bytes) and not _is_of(Path(os.fsdecode(name)), (place, *others)):
            raise InputError(f"{os.fsdecode(name)}: cannot be read ({reason}): check the path") from error
        raise OutputError(f"{place}: cannot write ({reason}): choose another place") from error


def _is_of(path: Path, places: tuple[Path, ...]) -> bool:
    """Whether a path is one of `places`, a folder on the way to one, or lies in a work folder."""
    path = path.absolute()
    return any(place.absolute().is_relative_to(path) for place in places) or any(map(is_work, path.parts))


@contextmanager
def work_folder(place: Path) -> Iterator[Path]:
    """A new hidden folder in the folder `place`, gone when the block ends; those of runs that were killed go first."""
    sweep(place)
    with _claimed(place) as folder:
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def is_work(name: str) -> bool:
    """Whether a folder of this name is a work folder."""
    return name.startswith(_HEAD) and name.endswith(_TAIL)


def sweep(place: Path) -> None:
    """Remove the work folders in `place` that nobody works in any more, as far as that can be told and done."""
    with suppress(OSError), os.scandir(place) as entries:
        for name in [entry.name for entry in entries if is_work(entry.name)]:
            with suppress(BlockingIOError), _lock(place / name, wait=False) as held:
                if held:
                    shutil.rmtree(place / name, ignore_errors=True)


@contextmanager
def locked(folder: Path, *, busy: str | None = None) -> Iterator[None]:
    """No other thread or process is in such a block for the same folder, where there are locks.

    Args:
        folder: that exists.
        busy: what to say instead of waiting.

    Raises:
        InputError: `busy`.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(_lock(folder, wait=busy is None))
        except BlockingIOError as error:
            raise InputError(busy) from error
        yield


@contextmanager
def _claimed(place: Path) -> Iterator[Path]:
    """A new locked folder; one that a `sweep` took before it was locked is given up."""
    while True:
        folder = place / f"{_HEAD}{secrets.token_hex(8)}{_TAIL}"
        folder.mkdir()
        with _lock(folder, wait=True):
            if folder.is_dir():
                yield folder
                return


@contextmanager
def _lock(folder: Path, *, wait: bool) -> Iterator[bool]:
    """Whether the lock on a folder is held: not where there are no locks, or no such folder.

    Raises:
        BlockingIOError: somebody else holds it, and it is not waited for.
    """
    descriptor = _open_folder(folder)
    if descriptor is None:
        yield False
        return
    try:
        yield _flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    finally:
        _flock(descriptor, fcntl.LOCK_UN)  # to close it is not enough if a child has inherited it
        os.close(descriptor)


def _open_folder(folder: Path) -> int | None:
    try:
        return None if fcntl is None else os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None


def _flock(descriptor: int, operation: int) -> bool:
    try:
        fcntl.flock(descriptor, operation)
    except BlockingIOError:
        raise
    except OSError:  # a file system without locks
        return False
    return True

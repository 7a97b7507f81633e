"""Several files that appear in a folder all together or not at all."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from kfusion.errors import OutputError


@contextmanager
def staged(folder: Path, names: Sequence[str]) -> Iterator[Path]:
    """A hidden folder inside `folder` to write files called `names` in; they move to `folder` when the block ends well.

    Otherwise nothing of them stays: files of an earlier run are as they were, and folders that were made are gone.

    Raises:
        OutputError: the place cannot be written, or the disk is full.
    """
    made: list[Path] = []
    work = folder / f".kfusion.{os.getpid()}.part"
    try:
        _make_folders(folder, made)
        _check_targets(folder, names)
        work.mkdir()
        yield work
        _publish(work, folder, names)
        made.clear()
    except OutputError as error:
        raise OutputError(str(error).replace(str(work), str(folder))) from error
    except OSError as error:
        raise OutputError(f"{folder}: cannot write ({error.strerror or error}): choose another place") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
        for empty in reversed(made):
            with suppress(OSError):
                empty.rmdir()


def _make_folders(folder: Path, made: list[Path]) -> None:
    """Make `folder` and its parents, and list in `made` those that were not there."""
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    for place in reversed(missing):
        place.mkdir(exist_ok=True)
        made.append(place)


def _check_targets(folder: Path, names: Sequence[str]) -> None:
    if not folder.is_dir():
        raise OutputError(f"{folder}: is a file: pass a folder for the results")
    for name in names:
        if (folder / name).is_dir():
            raise OutputError(f"{folder / name}: is a folder, a file must go there: move it or choose another place")


def _publish(work: Path, folder: Path, names: Sequence[str]) -> None:
    """Move every file to its place; if one cannot, put back what the others replaced."""
    earlier = work / "earlier"
    earlier.mkdir()
    moved: list[str] = []
    try:
        for name in names:
            if (folder / name).exists():
                (folder / name).replace(earlier / name)
            moved.append(name)
            (work / name).replace(folder / name)
    except OSError:
        for name in moved:
            (folder / name).unlink(missing_ok=True)
            if (earlier / name).exists():
                (earlier / name).replace(folder / name)
        raise

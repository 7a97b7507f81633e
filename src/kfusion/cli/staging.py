"""Several files that appear in a folder all together or not at all."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from kfusion.errors import OutputError
from kfusion.files import locked, work_folder, writing


@contextmanager
def staged(folder: Path, names: Sequence[str]) -> Iterator[Path]:
    """A hidden folder inside `folder` to write files called `names` in; they move to `folder` when the block ends well.

    A name without an ending is that of a folder of files, which takes the place of one that is there.

    Otherwise nothing of them stays: files of an earlier run are as they were, and folders that were made are gone.
    Runs that write to one folder at the same time do not mix their files: the last one to end wins.

    Raises:
        OutputError: the place cannot be written, or the disk is full.
        InputError: something that the block reads cannot be read.
    """
    made: list[Path] = []
    work = folder
    try:
        with writing(folder, *(folder / name for name in names)):
            _make_folders(folder, made)
            _check_targets(folder, names)
            with work_folder(folder) as work:
                yield work
                with locked(folder):
                    _publish(work, folder, names)
        made.clear()
    except OutputError as error:
        raise OutputError(str(error).replace(str(work), str(folder))) from error
    finally:
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
        if (folder / name).is_dir() and Path(name).suffix:
            raise OutputError(f"{folder / name}: is a folder, a file must go there: move it or choose another place")


def _publish(work: Path, folder: Path, names: Sequence[str]) -> None:
    """Move every file to its place; if one cannot, put back what the others replaced."""
    earlier = work / "earlier"
    earlier.mkdir()
    moved: list[str] = []
    try:
        for name in names:
            moved.append(name)
            if (folder / name).exists():
                _keep(folder / name, earlier / name)
            (work / name).replace(folder / name)
    except BaseException:  # a request to stop, too
        for name in moved:
            if (earlier / name).exists():
                (earlier / name).replace(folder / name)
            elif not (work / name).exists():
                _remove(folder / name)
        raise


def _keep(path: Path, copy: Path) -> None:
    """A second name, so that the file is there at any moment; its only one where there are no second names."""
    try:
        copy.hardlink_to(path)
    except OSError:
        path.replace(copy)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)

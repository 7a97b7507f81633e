"""Videos in tar files, read where they lie: of an archive only its index is read, of a clip only its own bytes.

A clip is copied to the folder for temporary files (TMPDIR) while a worker is at it, and is gone after that.
"""

import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from kfusion.data.clip import Clip, PackedFile
from kfusion.errors import InputError, foreign
from kfusion.files import check_file, refuse_pointer, work_folder, writing

_BLOCK, _TAR_BLOCK = 1 << 20, 512
_DAMAGED = "download it again"


@dataclass(frozen=True, slots=True)
class TarIndex:
    """The files of an archive, and where it breaks off."""

    files: dict[PurePosixPath, PackedFile]
    """By their names in the archive."""
    problem: str = ""
    """What is wrong with the rest of it."""


def tar_index(archive: Path) -> TarIndex:
    """The plain files in a tar file, as far as it can be read.

    Raises:
        InputError: it is empty, cannot be read, or is no plain tar file.
    """
    size = check_file(archive, "tar file")
    files: dict[PurePosixPath, PackedFile] = {}
    end = 0
    try:
        with archive.open("rb") as raw, tarfile.open(fileobj=raw, mode="r:") as tar:
            for member in tar:
                name, end = PurePosixPath(member.name), member.offset_data + member.size
                if member.isreg() and not member.issparse() and not name.name.startswith("."):
                    files[name] = PackedFile(archive, str(name), member.offset_data, member.size)
    except (tarfile.TarError, OSError, ValueError, EOFError) as error:
        if files:
            return TarIndex(files, f"breaks off after {len(files)} files ({error}): {_DAMAGED}")
        raise InputError(f"{archive}: {_no_tar(archive, error)}") from error
    cut = next((file for file in files.values() if file.offset + file.size > size), None)
    if cut:
        return TarIndex(files, f"breaks off in {cut.name}: {_DAMAGED}")
    if size < -(-end // _TAR_BLOCK) * _TAR_BLOCK + _TAR_BLOCK:  # the empty block that ends an archive
        return TarIndex(files, f"breaks off after {len(files)} files: {_DAMAGED}")
    return TarIndex(files)


def _no_tar(archive: Path, error: Exception) -> str:
    with archive.open("rb") as file:
        start = file.read(4)
    if start.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")):
        return "is a compressed tar file, in which nothing can be looked up: unpack it"
    return f"is no tar file ({error}): {_DAMAGED}"


@contextmanager
def on_disk(clip: Clip) -> Iterator[Clip]:
    """The clip with paths that can be opened; what fails on the way is told of the place that a person knows.

    Raises:
        InputError: a file of it is a Git LFS pointer, or its archive is damaged.
        OutputError: there is no room for temporary files.
    """
    if clip.packed is None and clip.packed_audio is None:
        _refuse_pointers(clip)
        yield clip
        return
    place = Path(tempfile.gettempdir())
    with ExitStack() as stack:
        with writing(place):
            files = _unpacked(clip, stack.enter_context(work_folder(place)))
        try:
            _refuse_pointers(files)
            yield files
        except InputError as error:
            raise InputError(_by_known_names(str(error), files, clip)) from error


def _unpacked(clip: Clip, scratch: Path) -> Clip:
    """The clip with its files in `scratch`, under their own names."""
    files = clip
    if clip.packed is not None:
        files = replace(files, path=_unpack(clip.packed, scratch / "video", clip.path.name), packed=None)
    if clip.packed_audio is not None:
        assert clip.audio_path is not None
        sound = _unpack(clip.packed_audio, scratch / "audio", clip.audio_path.name)
        files = replace(files, audio_path=sound, packed_audio=None)
    return files


def _by_known_names(text: str, files: Clip, clip: Clip) -> str:
    for found, known in ((files.path, clip.path), (files.audio_path, clip.audio_path)):
        text = text.replace(str(found), str(known))
    return text


def _unpack(packed: PackedFile, folder: Path, name: str) -> Path:
    folder.mkdir()
    path = folder / name
    with foreign(f"{packed.archive}: cannot be read", "check the path"):
        source = packed.archive.open("rb")
    with source, path.open("wb") as target:
        source.seek(packed.offset)
        left = packed.size
        while left:
            block = source.read(min(left, _BLOCK))
            if not block:
                raise InputError(f"{packed.archive}: breaks off in {packed.name}: {_DAMAGED}")
            target.write(block)
            left -= len(block)
    return path


def _refuse_pointers(clip: Clip) -> None:
    for path in (clip.path, clip.audio_path):
        if path is not None:
            refuse_pointer(path)

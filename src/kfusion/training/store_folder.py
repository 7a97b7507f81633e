"""A folder on a disk or in an object store, by one interface: whole files, and many short stretches at once."""

import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from kfusion.errors import InputError, OutputError, foreign
from kfusion.files import atomic_path

_OPEN_FILES = 64
"""Of a disk, for each process."""
_WHERE = "check the address, the network and the permissions, then run the same command again"

ByteRange = tuple[str, int, int]
"""Name of a file, first byte, and the byte after the last."""


class StoreFolder:
    """The files under an address: a path, or what fsspec understands (`s3://bucket/set`, `gs://...`, `memory://...`).

    It may be passed to other processes, and used after a fork: connections and open files are each process's own.

    Raises:
        InputError: nothing here understands the address.
    """

    def __init__(self, address: str | Path) -> None:
        self.address = str(address).rstrip("/") or "/"
        self.remote = "://" in self.address
        self._process = 0
        self._filesystem: Any = None
        self._root = ""
        self._open: dict[str, Any] = {}
        if self.remote:
            self._connect()

    def __str__(self) -> str:
        return self.address

    def __getstate__(self) -> dict[str, Any]:
        return {"address": self.address, "remote": self.remote}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["address"])  # type: ignore[misc]

    def __del__(self) -> None:
        for file in getattr(self, "_open", {}).values():
            file.close()

    def sizes(self, folder: str) -> dict[str, int]:
        """Bytes of every file right in a folder, by its name; none where there is no such folder."""
        if not self.remote:
            found = Path(self.address, folder)
            return {path.name: path.stat().st_size for path in found.glob("*")} if found.is_dir() else {}
        filesystem = self._connect()
        with self._foreign(folder):
            filesystem.invalidate_cache()
            try:
                rows = filesystem.ls(f"{self._root}/{folder}", detail=True)
            except FileNotFoundError:
                return {}
        return {PurePosixPath(row["name"]).name: row["size"] for row in rows if row["type"] == "file"}

    def read(self, names: Sequence[str]) -> list[bytes]:
        """The content of files, all of them asked for at once.

        Raises:
            InputError: one cannot be read.
        """
        if not self.remote:
            with self._foreign(", ".join(names[:1])):
                return [Path(self.address, name).read_bytes() for name in names]
        filesystem, paths = self._connect(), [f"{self._root}/{name}" for name in names]
        with self._foreign(", ".join(names[:1])):
            content = filesystem.cat(paths) if paths else {}
            return [content[path] for path in paths]

    def read_stretches(self, stretches: Sequence[ByteRange]) -> list[bytes]:
        """The bytes of every stretch, all of them asked for at once.

        Raises:
            InputError: one cannot be read, or its file ends before it.
        """
        with self._foreign(stretches[0][0] if stretches else ""):
            content = self._remote_stretches(stretches) if self.remote else [self._stretch(*s) for s in stretches]
        for found, (name, first, end) in zip(content, stretches, strict=True):
            if len(found) != end - first:
                raise InputError(f"{self}/{name}: ends early: delete the folder features, it is computed again")
        return content

    def fetch(self, name: str, to: Path) -> None:
        """Bring a file here.

        Raises:
            InputError: it cannot be read.
        """
        filesystem = self._connect()
        with self._foreign(name):
            filesystem.get_file(f"{self._root}/{name}", str(to))

    def put(self, content: bytes | Path, name: str) -> None:
        """Write a file, from memory or of the disk, which appears whole or not at all.

        Raises:
            OutputError: the place cannot be written.
        """
        if not self.remote:
            path = Path(self.address, name)
            with atomic_path(path) as part:
                if isinstance(content, Path):
                    content.replace(part)
                else:
                    part.write_bytes(content)
            return
        filesystem, place = self._connect(), f"{self._root}/{name}"
        remedy = "ask for write access, or copy the data set to a place of your own"
        with foreign(f"{self}/{name}: cannot write", remedy, OutputError):
            if isinstance(content, Path):
                filesystem.put_file(str(content), place)
            else:
                filesystem.pipe_file(place, content)

    def _connect(self) -> Any:
        """The file system of this process: connections do not survive a fork."""
        if self._process != os.getpid():
            with foreign(f"{self}: cannot be opened", "pip install 'kfusion[store]' for s3://, or check the address"):
                import fsspec

                self._filesystem, self._root = fsspec.url_to_fs(self.address)
            self._process, self._open = os.getpid(), {}
        return self._filesystem

    def _remote_stretches(self, stretches: Sequence[ByteRange]) -> list[bytes]:
        filesystem = self._connect()
        names, firsts, ends = zip(*stretches, strict=True) if stretches else ((), (), ())
        paths = [f"{self._root}/{name}" for name in names]
        found: list[bytes] = filesystem.cat_ranges(paths, list(firsts), list(ends), on_error="raise")
        return found

    def _stretch(self, name: str, first: int, end: int) -> bytes:
        if self._process != os.getpid():
            self._process, self._open = os.getpid(), {}
        if name not in self._open:
            if len(self._open) >= _OPEN_FILES:
                self._open.pop(next(iter(self._open))).close()
            self._open[name] = Path(self.address, name).open("rb", buffering=0)  # noqa: SIM115
        file = self._open[name]
        file.seek(first)
        content: bytes = file.read(end - first)
        return content

    def _foreign(self, name: str) -> Any:
        return foreign(f"{self}/{name}: cannot be read", _WHERE)

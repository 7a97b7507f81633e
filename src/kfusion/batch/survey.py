"""A look at a whole manifest before anything is computed: how long it is, and what would stop the run later."""

import hashlib
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kfusion.batch.addresses import check_protocol, is_address
from kfusion.batch.manifest import check_has_speech, manifest_rows
from kfusion.batch.manifest_item import read_item
from kfusion.errors import InputError
from kfusion.files import file_digest, name_key

_SHARES = 64
"""Files that names are dealt out to, so that one of them fits into memory."""
_BUFFER_BYTES = 1 << 12
_NAMED = np.dtype([("high", "<u8"), ("low", "<u8"), ("row", "<u8")])
"""128 bits of the digest of a name, and the row that it stands in."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Survey:
    """What is known of a manifest."""

    digest: str
    """SHA-256 of the file."""
    rows: int


def survey(path: Path, work: Path) -> Survey:
    """What a manifest holds, once it is known that its columns can be used and no two results have one name.

    Args:
        path: the manifest.
        work: an empty folder, for files that take 24 bytes a row.

    Raises:
        InputError: it is no manifest, holds no row, or two rows would have one result.
        MissingExtraError: a package is missing that reads it, or the stores in it.
    """
    digest = file_digest(path)
    names, protocols, columns, rows = _Names(work), set[str](), set[str](), 0
    for row, fields in enumerate(manifest_rows(path), 1):
        rows = row
        if isinstance(fields, InputError):
            continue
        columns.update(fields)
        try:
            item = read_item(row, fields)
        except InputError:
            continue  # told when its turn comes
        names.add(item.name, row)
        for written in filter(None, (item.speech, item.face)):
            if is_address(written) and (protocol := written.partition(":")[0]) not in protocols:
                protocols.add(protocol)
                check_protocol(written)
    if not rows:
        raise InputError(f"{path}: holds no row: write one for every recording")
    check_has_speech(path, sorted(columns) if columns else ["speech"])
    names.close()
    if (twice := names.first_twice()) is not None:
        raise _same_name(path, *twice)
    return Survey(digest=digest, rows=rows)


class _Names:
    """Finds names that come twice, in memory that hardly grows."""

    def __init__(self, work: Path) -> None:
        self._paths = [work / f"names-{share:02}" for share in range(_SHARES)]
        self._buffers = [bytearray() for _ in self._paths]

    def add(self, name: str, row: int) -> None:
        digest = hashlib.blake2b(name_key(name).encode("utf-8", "surrogatepass"), digest_size=16).digest()
        buffer = self._buffers[digest[0] % _SHARES]
        buffer += digest + row.to_bytes(8, "little")
        if len(buffer) > _BUFFER_BYTES:
            self._flush(digest[0] % _SHARES)

    def close(self) -> None:
        for share in range(_SHARES):
            self._flush(share)

    def first_twice(self) -> tuple[int, int] | None:
        """The first row that has the name of an earlier one, behind that one."""
        found = [pair for path in self._paths if (pair := _first_twice(np.fromfile(path, _NAMED))) is not None]
        return min(found, key=lambda pair: pair[1], default=None)

    def _flush(self, share: int) -> None:
        with self._paths[share].open("ab") as file:
            file.write(self._buffers[share])
        self._buffers[share].clear()


def _first_twice(named: NDArray[Any]) -> tuple[int, int] | None:
    named = np.sort(named)
    same = (named["high"][1:] == named["high"][:-1]) & (named["low"][1:] == named["low"][:-1])
    pairs = [(int(named["row"][place]), int(named["row"][place + 1])) for place in np.flatnonzero(same)]
    return min(pairs, key=lambda pair: pair[1], default=None)


def _same_name(path: Path, *rows: int) -> InputError:
    names = []
    for row in rows:
        fields = next(islice(manifest_rows(path), row - 1, None))
        assert not isinstance(fields, InputError)
        names.append(read_item(row, fields).name)
    what = f"'{names[0]}'"
    if names[0] != names[1]:
        what += f" and '{names[1]}', which some disks do not tell apart"
    return InputError(
        f"{path}: rows {rows[0]} and {rows[1]} would have the same result, {what}: tell them apart in the column name"
    )

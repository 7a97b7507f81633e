"""How long the index of an MP4 or QuickTime file will be, before FFmpeg makes room for it.

FFmpeg takes tens of bytes for every sample that such a file announces, and a file of a few hundred bytes can announce
thousands of millions. Other containers announce nothing of the kind: what they hold is read as it comes.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from kfusion.errors import InputError

MAX_ENTRIES = 8_000_000
"""Of the index, all tracks together: 30 hours of pictures and sound."""
MAX_SAMPLES_PER_BYTE = 64
_PCM_BLOCK = 1024
"""Samples of uncompressed sound that FFmpeg makes one entry of."""
_MAX_BOXES = 1_000_000
_MAX_DEPTH = 12
_FOLDERS = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"moof", b"traf", b"free", b"skip", b"hoov", b"wide", b"udta"}
_ROW_NUMBERS = {b"stts": 2, b"ctts": 2, b"stsc": 3}


@dataclass(slots=True)
class _Tables:
    """What the tables of one track announce."""

    samples: int = 0
    chunks: int = 0
    times: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 3), np.int64))
    """Rows of how many samples have which duration."""
    spans: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 3), np.int64))
    """Rows of the first chunk and how many samples it and those after it hold."""
    other: int = 0
    """Entries of fragments, of composition times, of compressed indices."""

    def in_chunks(self) -> int:
        """The samples that all the chunks hold."""
        first = self.spans[:, 0]
        return int((np.diff(first, append=self.chunks + 1).clip(0) * self.spans[:, 1]).sum())

    def entries(self) -> int:
        """The entries of FFmpeg's index."""
        if len(self.times) == 1 and self.times[0, 1] == 1:
            return self.chunks + self.in_chunks() // _PCM_BLOCK + self.other
        return max(self.samples, int(self.times[:, 0].sum())) + self.other


def check_index(path: Path, size: int) -> None:
    """Raises `InputError` if the file announces more samples than can be in it; other kinds of file pass."""
    with path.open("rb") as file:
        if not _is_boxes(file.read(8)):
            return
        tables = [_Tables()]
        for count, (kind, place, end) in enumerate(_boxes(file, 0, size, 0)):
            if kind == b"trak":
                tables.append(_Tables())
            _read_table(file, kind, place, end, tables[-1])
            if count > _MAX_BOXES:
                raise InputError(f"{path}: more than {_MAX_BOXES} boxes in an MP4: export it again")
    entries = sum(table.entries() for table in tables)
    samples = sum(table.in_chunks() for table in tables)
    if entries > min(MAX_ENTRIES, 2 * size + 1000) or samples > MAX_SAMPLES_PER_BYTE * size:
        raise InputError(
            f"{path}: its index announces {max(entries, samples)} samples, and the file holds {size} bytes: "
            "damaged or made to do harm: export it again"
        )


def _is_boxes(head: bytes) -> bool:
    return len(head) == 8 and all(32 <= byte < 127 for byte in head[4:])


def _boxes(file: BinaryIO, start: int, end: int, depth: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, first byte and end of every box and of the boxes in it."""
    while start + 8 <= end:
        file.seek(start)
        head = file.read(16)
        size, kind = struct.unpack(">I4s", head[:8])
        content = start + 8
        if size == 1 and len(head) == 16:
            size, content = struct.unpack(">Q", head[8:])[0], start + 16
        stop = min(end, start + size) if size else end
        if stop < content:
            return
        yield kind, content, stop
        if kind in _FOLDERS and depth < _MAX_DEPTH:
            yield from _boxes(file, content, stop, depth + 1)
        start = stop


def _read_table(file: BinaryIO, kind: bytes, place: int, end: int, tables: _Tables) -> None:
    file.seek(place)
    head = file.read(min(12, end - place)).ljust(12, b"\0")
    first, second = struct.unpack(">II", head[4:])
    if kind in {b"stsz", b"stz2"}:
        tables.samples = second
    elif kind in {b"stco", b"co64"}:
        tables.chunks = min(first, (end - place) // 4)
    elif kind == b"trun":
        tables.other += first
    elif kind == b"cmvd":
        tables.other += struct.unpack(">I", head[:4])[0] // 8
    elif kind in _ROW_NUMBERS:
        rows = _rows(file, place + 8, end, first, _ROW_NUMBERS[kind])
        if kind == b"stts":
            tables.times = rows
        elif kind == b"stsc":
            tables.spans = rows
        else:
            tables.other += int(rows[:, 0].sum())


def _rows(file: BinaryIO, start: int, end: int, count: int, numbers: int) -> NDArray[np.int64]:
    file.seek(start)
    held = max(0, min(count, (end - start) // (4 * numbers), MAX_ENTRIES))
    content = file.read(held * 4 * numbers)
    whole = content[: len(content) // (4 * numbers) * 4 * numbers]
    return np.frombuffer(whole, ">u4").reshape(-1, numbers).astype(np.int64)

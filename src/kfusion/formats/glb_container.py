"""GLB, the binary form of glTF 2.0: one JSON document, one piece of binary data, and what is added to them."""

import json
import struct
from pathlib import Path
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kfusion.errors import InputError, foreign
from kfusion.files import check_file

Document: TypeAlias = dict[str, Any]
"""The JSON of a glTF file."""
VERTICES, INDICES = 34962, 34963
"""What a part of the binary data is used for: glTF's `bufferView.target`."""
MAX_BYTES = 512 * 2**20
_MAGIC, _VERSION = b"glTF", 2
_JSON, _BINARY = b"JSON", b"BIN\0"
_LISTS = ("accessors", "animations", "buffers", "bufferViews", "meshes", "nodes")
_KINDS = {1: "SCALAR", 3: "VEC3", 4: "VEC4"}
_COMPONENTS = {np.dtype(np.float32): 5126, np.dtype(np.uint16): 5123}


class Glb:
    """A glTF file in memory, to which accessors are added."""

    def __init__(self, document: Document, binary: bytes = b"") -> None:
        self.document = document
        self._pieces = [binary]
        self._length = len(binary)

    @classmethod
    def read(cls, path: Path) -> Self:
        """A file that somebody else made.

        Raises:
            InputError: it is missing, too large, damaged, or no GLB of glTF 2.
        """
        if check_file(path, "avatar") > MAX_BYTES:
            raise InputError(f"{path}: larger than {MAX_BYTES // 2**20} MiB: export a smaller avatar")
        data = path.read_bytes()
        if data[:4] != _MAGIC:
            raise InputError(
                f"{path}: not a GLB file (it begins with {data[:4]!r}): export the avatar as binary glTF, .glb"
            )
        with foreign(f"{path}: not a whole GLB file of glTF 2", "export the avatar again"):
            chunks = _chunks(data)
            document = json.loads(chunks[_JSON])
            _check(document)
        return cls(document, chunks.get(_BINARY, b""))

    def add(self, values: NDArray[Any], *, bounds: bool = False, use: int | None = None) -> int:
        """The number of a new accessor that holds `values`, (N,) or (N, 3 or 4), float32 or uint16.

        Args:
            values: what it holds.
            bounds: whether it names its least and largest values: of times and of places it must.
            use: `VERTICES` or `INDICES`, of a mesh.
        """
        self._pad()
        data = np.ascontiguousarray(values)
        view = {"buffer": 0, "byteOffset": self._length, "byteLength": data.nbytes}
        if use is not None:
            view["target"] = use
        accessor = {
            "bufferView": _appended(self.document, "bufferViews", view),
            "componentType": _COMPONENTS[data.dtype],
            "count": len(data),
            "type": _KINDS[1 if data.ndim == 1 else data.shape[1]],
        }
        if bounds:
            accessor |= {"min": np.atleast_1d(data.min(0)).tolist(), "max": np.atleast_1d(data.max(0)).tolist()}
        self._pieces.append(data.tobytes())
        self._length += data.nbytes
        return _appended(self.document, "accessors", accessor)

    def add_animation(self, times_s: NDArray[np.float32], tracks: list[tuple[int, str, NDArray[np.float32]]]) -> None:
        """An animation called `kfusion` of `tracks`: node, what of it moves, a row of values a moment."""
        moments = self.add(times_s.astype(np.float32), bounds=True)
        samplers = [
            {"input": moments, "output": self.add(values), "interpolation": "LINEAR"} for _, _, values in tracks
        ]
        channels = [
            {"sampler": number, "target": {"node": node, "path": path}} for number, (node, path, _) in enumerate(tracks)
        ]
        animation = {"name": "kfusion", "samplers": samplers, "channels": channels}
        _appended(self.document, "animations", animation)

    def write(self, path: Path) -> None:
        """The whole file."""
        self._pad()
        buffers = self.document.setdefault("buffers", [])
        buffers[:1] = [{**(buffers or [{}])[0], "byteLength": self._length}]
        head = json.dumps(self.document, separators=(",", ":"), ensure_ascii=False).encode()
        head += b" " * (-len(head) % 4)
        total = 12 + 8 + len(head) + 8 + self._length
        with path.open("wb") as file:
            file.write(struct.pack("<4sII", _MAGIC, _VERSION, total))
            file.write(struct.pack("<I4s", len(head), _JSON) + head)
            file.write(struct.pack("<I4s", self._length, _BINARY))
            file.writelines(self._pieces)

    def _pad(self) -> None:
        missing = -self._length % 4
        self._pieces.append(b"\0" * missing)
        self._length += missing


def _check(document: Document) -> None:
    """Raises `ValueError` unless more can be added to a document."""
    if not isinstance(document, dict) or document["asset"]["version"].partition(".")[0] != "2":
        raise ValueError("another version of glTF")
    if not all(isinstance(document.get(kind, []), list) for kind in _LISTS):
        raise ValueError("a list that is none")
    if any("uri" in buffer for buffer in document.get("buffers", [])[:1]):
        raise ValueError("it keeps its data in another file")


def _chunks(data: bytes) -> dict[bytes, bytes]:
    """The first piece of each kind."""
    _, version, length = struct.unpack_from("<4sII", data)
    if version != _VERSION or length > len(data):
        raise ValueError(f"version {version}, {length} bytes announced, {len(data)} there")
    chunks: dict[bytes, bytes] = {}
    at = 12
    while at + 8 <= length:
        size, kind = struct.unpack_from("<I4s", data, at)
        if at + 8 + size > length:
            raise ValueError("breaks off")
        chunks.setdefault(kind, data[at + 8 : at + 8 + size])
        at += 8 + size
    return chunks


def _appended(document: Document, kind: str, entry: Document) -> int:
    entries: list[Document] = document.setdefault(kind, [])
    entries.append(entry)
    return len(entries) - 1

"""A GLB file of meshes whose morph targets are sparse: few vertices follow each of them."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
_KINDS = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4", 16: "MAT4"}
_COMPONENTS = {"int8": 5120, "uint8": 5121, "int16": 5122, "uint16": 5123, "float32": 5126}
VERTICES, INDICES = 34962, 34963
"""What a part of the binary data is used for."""


class GlbWriter:
    """The document and the binary data of a file, to which parts are added."""

    def __init__(self) -> None:
        self.document: dict[str, Any] = {"asset": {"version": "2.0"}, "scene": 0, "accessors": [], "bufferViews": []}
        self._pieces: list[bytes] = []
        self._length = 0

    def view(self, data: bytes, **more: int) -> int:
        """The number of a new piece of binary data."""
        self.document["bufferViews"].append({"buffer": 0, "byteOffset": self._length, "byteLength": len(data)} | more)
        padded = data + b"\0" * (-len(data) % 4)
        self._pieces.append(padded)
        self._length += len(padded)
        return len(self.document["bufferViews"]) - 1

    def add(self, values: Array, *, use: int | None = None, bounds: bool = False, normalized: bool = False) -> int:
        """The number of a new accessor that holds `values`, (N,) or (N, 2 to 16); `use` is `VERTICES` or `INDICES`."""
        rows = values.reshape(len(values), -1)
        width = rows.shape[1] * rows.itemsize
        stride = {"byteStride": width + -width % 4} if width % 4 and rows.shape[1] > 1 else {}
        target = {} if use is None else {"target": use}
        padding = np.zeros((len(rows), -width % 4 if stride else 0), np.uint8)
        data = np.concatenate([np.ascontiguousarray(rows).view(np.uint8).reshape(len(rows), -1), padding], 1).tobytes()
        return self._accessor(values, normalized, bounds, {"bufferView": self.view(data, **stride, **target)})

    def add_sparse(self, values: Array, shown: Array) -> int:
        """An accessor of normalized whole numbers, (N, 3), that is 0 but at the vertices `shown`."""
        rows = values[shown]
        still = np.zeros_like(values)
        still[shown] = rows
        kinds = {"bufferView": self.view(shown.astype(np.uint16).tobytes()), "componentType": _COMPONENTS["uint16"]}
        sparse = {"count": len(shown), "indices": kinds, "values": {"bufferView": self.view(rows.tobytes())}}
        return self._accessor(still, True, True, {"sparse": sparse})

    def _accessor(self, values: Array, normalized: bool, bounds: bool, more: dict[str, Any]) -> int:
        rows = values.reshape(len(values), -1)
        accessor = {
            "componentType": _COMPONENTS[values.dtype.name],
            "count": len(values),
            "type": _KINDS[rows.shape[1]],
        }
        if normalized:
            accessor["normalized"] = True
        if bounds:
            accessor |= {"min": rows.min(0).tolist(), "max": rows.max(0).tolist()}
        self.document["accessors"].append(accessor | more)
        return len(self.document["accessors"]) - 1

    def write(self, path: Path) -> None:
        """The whole file."""
        self.document["buffers"] = [{"byteLength": self._length}]
        head = json.dumps(self.document, separators=(",", ":")).encode()
        head += b" " * (-len(head) % 4)
        with path.open("wb") as file:
            file.write(struct.pack("<4sII", b"glTF", 2, 28 + len(head) + self._length))
            file.write(struct.pack("<I4s", len(head), b"JSON") + head)
            file.write(struct.pack("<I4s", self._length, b"BIN\0"))
            file.writelines(self._pieces)

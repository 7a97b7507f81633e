"""Whether an ONNX file keeps tensors in other files, told from its bytes before anything opens it.

ONNX lets a tensor name a file and a place in it. A bundle of this package holds everything itself, so one that names
files is refused: whoever made it would choose which file of this machine is read.
"""

from collections.abc import Iterator
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import TypeAlias

_EXTERNAL = 1
_MAX_DEPTH = 64
_ORT_FORMAT = slice(4, 8), b"ORTM"
"""How onnxruntime's own format begins, which it takes instead of ONNX."""

_TENSOR = "tensor"
_FIELDS: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: _TENSOR, 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: _TENSOR, 6: "graph", 10: _TENSOR, 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: _TENSOR, 2: _TENSOR},
    _TENSOR: {},
}
"""Message of ONNX's protobuf schema -> numbers of its fields that may hold a tensor, and what they are."""
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14
"""Fields of a tensor: the entries that name a file, and where its data are."""
Bytes: TypeAlias = bytes | mmap
Span: TypeAlias = tuple[int, int]


def names_other_files(path: Path) -> bool:
    """Whether a tensor anywhere in an ONNX model lies in another file: in a graph, an attribute, or a function.

    Raises:
        ValueError: the file is empty, no protobuf, nested too deep, or of onnxruntime's own format.
    """
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as model:
        where, mark = _ORT_FORMAT
        if model[where] == mark:
            raise ValueError("onnxruntime's own format")
        return _is_external(model, "model", (0, len(model)), 0)


def _is_external(model: Bytes, kind: str, span: Span, depth: int) -> bool:
    if depth > _MAX_DEPTH:
        raise ValueError("nested too deep")
    inside = _FIELDS[kind]
    for number, value in _fields(model, span):
        if kind == _TENSOR and (number == _EXTERNAL_DATA or (number, value) == (_DATA_LOCATION, _EXTERNAL)):
            return True
        if number in inside and isinstance(value, tuple) and _is_external(model, inside[number], value, depth + 1):
            return True
    return False


def _fields(model: Bytes, span: Span) -> Iterator[tuple[int, int | Span]]:
    """Number and value of every field of a message: an integer, or where the bytes lie."""
    at, end = span
    while at < end:
        tag, at = _integer(model, at, end)
        value: int | Span
        if tag & 7 == 0:
            value, at = _integer(model, at, end)
        elif tag & 7 == 2:
            length, at = _integer(model, at, end)
            value, at = (at, at + length), at + length
        elif tag & 7 in (1, 5):
            value = at = at + (8 if tag & 7 == 1 else 4)
        else:
            raise ValueError("not protobuf")
        if at > end:
            raise ValueError("breaks off")
        yield tag >> 3, value


def _integer(model: Bytes, at: int, end: int) -> tuple[int, int]:
    """A number of 7 bits a byte, the lowest first, and where it ends."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= end:
            raise ValueError("breaks off")
        byte = model[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("not protobuf")

"""A form as `multipart/form-data` (RFC 7578), taken apart where it lies: what is long in it is never copied."""

import re
from dataclasses import dataclass
from mmap import mmap
from typing import NoReturn
from urllib.parse import unquote_to_bytes

from kfusion.serve.refusal import RefusedError

MEDIA_TYPE = "multipart/form-data"
MAX_PARTS = 16
MAX_HEAD_BYTES = 4096
"""Longest head of a part."""
MAX_TEXT_BYTES = 1024
"""Longest field that is no file."""
MAX_TYPE_LENGTH = 300
"""Longest Content-Type of a form."""
MAX_BOUNDARY_LENGTH = 70
"""By RFC 2046."""
MAX_NAME = 200
"""Most characters of a name that are shown."""
_PARAMETER = re.compile(r';[ \t]*([\w*!#$&+.^`|~-]+)=(?:"((?:[^"\\]|\\.)*)"|([^;"\s]*))', re.ASCII)
_UNICODE = ("utf-8", "utf8", "us-ascii", "ascii")
_PLAIN = ("", "7bit", "8bit", "binary")


@dataclass(frozen=True, slots=True)
class FormPart:
    """One field of a form."""

    name: str
    file_name: str | None
    """As the client gave it; None for a field that is no file."""
    start: int
    """Where its content begins in the body."""
    end: int
    """Where its content ends."""


def boundary_of(content_type: str) -> str:
    """The boundary that the Content-Type of a request announces.

    Raises:
        RefusedError: the body is no form with files, or is not in UTF-8.
    """
    media_type, _, _ = content_type.partition(";")
    if media_type.strip().lower() != MEDIA_TYPE:
        _refuse(f"Content-Type is '{shown(content_type) or 'missing'}': send {MEDIA_TYPE} with a file called audio")
    if len(content_type) > MAX_TYPE_LENGTH:
        _refuse(f"Content-Type has {len(content_type)} characters: send up to {MAX_TYPE_LENGTH}")
    parameters = _parameters(content_type)
    _check_charset(parameters)
    boundary = parameters.get("boundary", "")
    if not 0 < len(boundary) <= MAX_BOUNDARY_LENGTH or not (boundary.isascii() and boundary.isprintable()):
        _refuse(f"Content-Type names no boundary of 1 to {MAX_BOUNDARY_LENGTH} characters: let the client make it")
    return boundary


def read_form(body: mmap | bytes, boundary: str) -> dict[str, FormPart]:
    """The parts of a body by name.

    Raises:
        RefusedError: the body is not whole or not well made, or holds more than a form of this server.
    """
    parts: dict[str, FormPart] = {}
    mark = f"--{boundary}".encode()
    at = 0 if body[: len(mark)] == mark else body.find(b"\r\n" + mark) + 2
    if at == 1:
        _refuse("the form holds no part that begins with its boundary: send it again")
    while (start := _after_mark(body, at + len(mark))) is not None:
        head_end = body.find(b"\r\n\r\n", start - 2, start + MAX_HEAD_BYTES)
        end = body.find(b"\r\n" + mark, max(start, head_end + 2))
        if head_end < 0 or end < 0:
            _refuse("the form breaks off, or a part's head is too long: send it again")
        part = _read_head(body[start:head_end], head_end + 4, max(end, head_end + 4))
        if part.name in parts:
            _refuse(f"{shown(part.name)}: is there twice: send it once")
        parts[part.name] = part
        if len(parts) > MAX_PARTS:
            _refuse(f"the form has more than {MAX_PARTS} parts: send the fields of this server")
        at = end + 2
    return parts


def text_of(body: mmap | bytes, part: FormPart) -> str:
    """The content of a field that is no file.

    Raises:
        RefusedError: it is too long, or not in UTF-8.
    """
    if part.end - part.start > MAX_TEXT_BYTES:
        _refuse(f"{shown(part.name)}: has {part.end - part.start} bytes: send up to {MAX_TEXT_BYTES}, or a file")
    return _decoded(body[part.start : part.end], shown(part.name))


def shown(text: str) -> str:
    """What a client wrote, fit for a message: no control characters, not too long."""
    return "".join(character for character in text[:MAX_NAME] if character.isprintable())


def _after_mark(body: mmap | bytes, at: int) -> int | None:
    """Where a part begins behind its boundary; None behind the last one."""
    if body[at : at + 2] == b"--":
        return None
    line_end = body.find(b"\r\n", at, at + MAX_BOUNDARY_LENGTH)
    if line_end < 0 or body[at:line_end].strip(b" \t"):
        _refuse("the form breaks off at a boundary: send it again")
    return line_end + 2


def _read_head(head: bytes, start: int, end: int) -> FormPart:
    fields = {}
    for line in _decoded(head, "the head of a part").split("\r\n"):
        name, _, value = line.partition(":")
        fields[name.strip().lower()] = value.strip()
    disposition = fields.get("content-disposition", "")
    parameters = _parameters(disposition)
    if not disposition.lower().startswith("form-data") or not parameters.get("name"):
        _refuse("a part of the form has no name: send Content-Disposition: form-data; name=...")
    if fields.get("content-transfer-encoding", "").lower() not in _PLAIN:
        _refuse(f"{shown(parameters['name'])}: is in a transfer encoding: send the bytes as they are")
    file_name = parameters.get("filename*", parameters.get("filename"))
    if file_name is None:
        _check_charset(_parameters(fields.get("content-type", "")))
    return FormPart(parameters["name"], file_name, start, end)


def _parameters(text: str) -> dict[str, str]:
    """What stands behind the semicolons of a header."""
    found = {}
    for name, quoted, plain in _PARAMETER.findall(text):
        value = quoted.replace('\\"', '"') or plain
        found[name.lower()] = _extended(value) if name.endswith("*") else value
    return found


def _extended(value: str) -> str:
    """A value as RFC 5987 has it: UTF-8''percent-encoded."""
    charset, _, rest = value.partition("'")
    _check_charset({"charset": charset})
    return _decoded(unquote_to_bytes(rest.partition("'")[2]), "a file name")


def _check_charset(parameters: dict[str, str]) -> None:
    charset = parameters.get("charset", "utf-8")
    if charset.lower() not in _UNICODE:
        _refuse(f"charset is '{shown(charset)}': send UTF-8")


def _decoded(content: bytes, what: str) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        _refuse(f"{what}: is not UTF-8: send UTF-8")


def _refuse(message: str) -> NoReturn:
    raise RefusedError("bad_request", message)

"""How the reader of a stranger's files talks to the server: a kind, a length, and so many bytes.

Nothing here runs code that came with a piece. The server gives its orders as lines of JSON.
"""

import asyncio
import json
import struct
from typing import Any, BinaryIO

HEAD = struct.Struct("<cI")
"""Kind and length of what follows."""
HELLO, FORM, NOTE, FACE, SOUND, REFUSED, DONE = (bytes([letter]) for letter in b"HFNISRD")
"""The number of the process, a form's fields, a note, the face, samples (float32, little-endian, mono, 16 kHz), why
not, and the end."""
MAX_PIECE_BYTES = 256 * 1024


def write_piece(out: BinaryIO, kind: bytes, content: bytes = b"") -> None:
    """Write one piece."""
    out.write(HEAD.pack(kind, len(content)) + content)
    out.flush()


def write_json(out: BinaryIO, kind: bytes, content: Any) -> None:
    """Write one piece of JSON."""
    write_piece(out, kind, json.dumps(content).encode())


async def read_piece(incoming: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Kind and content of the next piece.

    Raises:
        EOFError: there is none, or it is not whole.
        ValueError: it is too long.
    """
    kind, length = HEAD.unpack(await incoming.readexactly(HEAD.size))
    if length > MAX_PIECE_BYTES:
        raise ValueError(f"a piece of {length} bytes")
    return kind, await incoming.readexactly(length)


async def hello(incoming: asyncio.StreamReader) -> bytes:
    """The number of a process that begins to talk.

    Raises:
        EOFError: it does not.
    """
    kind, number = await read_piece(incoming)
    if kind != HELLO:
        raise EOFError(f"{kind!r} instead of a greeting")
    return number

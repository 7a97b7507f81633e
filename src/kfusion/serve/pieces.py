"""How the reader of a stranger's files talks to the server: a kind, a length, and so many bytes, on a pipe.

Nothing here runs code that came with a piece. The server gives its orders as lines of JSON.
"""

import json
import struct
from typing import Any, BinaryIO

HEAD = struct.Struct("<cI")
"""Kind and length of what follows."""
FORM, NOTE, FACE, SOUND, REFUSED, DONE = (bytes([letter]) for letter in b"FNISRD")
"""A form's fields, a note, the face, samples (float32, little-endian, mono, 16 kHz), why not, and the end."""
MAX_PIECE_BYTES = 256 * 1024


def write_piece(out: BinaryIO, kind: bytes, content: bytes = b"") -> None:
    """Write one piece."""
    out.write(HEAD.pack(kind, len(content)) + content)
    out.flush()


def write_json(out: BinaryIO, kind: bytes, content: Any) -> None:
    """Write one piece of JSON."""
    write_piece(out, kind, json.dumps(content).encode())

"""Files and requests that are made to harm a server: small to send, long to read, or not what they say they are."""

import io
import struct
import wave
import zipfile
import zlib
from collections.abc import Iterator

import numpy as np

BOUNDARY = b"b0undary"
FORM = b"multipart/form-data; boundary=" + BOUNDARY
_RATE_HZ = 10_000_000


def files() -> dict[str, tuple[str, str, bytes]]:
    """Name -> field, file name and content of what goes into a form."""
    return {
        "M4A of one-sample packets": ("audio", "a.m4a", m4a(samples=3_000_000, chunks=375, bytes_held=16_000)),
        "M4A with an index of 100 million": ("audio", "a.m4a", m4a(samples=100_000_000, chunks=1, bytes_held=16_000)),
        "FLAC of 57 bytes at 1 Hz": ("audio", "a.flac", flac(rate_hz=1)),
        "noise named MP3": ("audio", "a.mp3", np.random.default_rng(0).bytes(200_000)),
        "playlist named WAV": ("audio", "a.wav", b"ffconcat version 1.0\nfile /etc/passwd\n"),
        "WAV of silence": ("audio", "a.wav", wav(np.zeros(16_000, "<i2"))),
        "npz that unpacks to 2 GiB": ("face", "a.npz", npz_bomb(gib=2)),
        "JSON of brackets": ("face", "a.json", b"[" * 200_000),
        "PostScript named JPEG": ("face", "a.jpg", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n{} loop\n"),
        "PNG of 30000 x 30000": ("face", "a.png", png_head(30_000, 30_000)),
    }


def bodies() -> dict[str, tuple[bytes, bytes]]:
    """Name -> Content-Type and body of what is no form, or no usual one."""
    part = b'--%s\r\nContent-Disposition: form-data; name="a%%d"\r\n\r\nx\r\n' % BOUNDARY
    tiny = b"".join(part % number for number in range(40_000))
    head = b"--%s\r\n%s\r\n\r\n" % (BOUNDARY, b"\r\n".join(b"X-%d: y" % number for number in range(100_000)))
    return {
        "2 MB of ampersands": (b"application/x-www-form-urlencoded", b"&" * 2_000_000),
        "40,000 parts": (FORM, tiny),
        "100,000 headers of a part": (FORM, head),
        "4 MB before the first part": (FORM, b"\r\n--" * 1_000_000),
        "charset utf-7": (FORM + b"; charset=utf-7", b""),
        "boundary of 8 kB": (b"multipart/form-data; boundary=" + b"x" * 8000, b""),
    }


def form(field: str, name: str, content: bytes) -> bytes:
    """A form with one file, and a second of sound where that is a face."""
    speech = b"" if field == "audio" else _part("audio", "a.wav", wav(np.full(16_000, 900, "<i2")))
    return speech + _part(field, name, content) + b"--%s--\r\n" % BOUNDARY


def _part(field: str, name: str, content: bytes) -> bytes:
    disposition = f'form-data; name="{field}"; filename="{name}"'.encode()
    return b"--%s\r\nContent-Disposition: %s\r\n\r\n%s\r\n" % (BOUNDARY, disposition, content)


def post(content_type: bytes, body: bytes) -> bytes:
    """A whole request."""
    return head(content_type, b"Content-Length: %d" % len(body)) + body


def head(content_type: bytes, length: bytes) -> bytes:
    """The head of a request to `POST /v1/generate`."""
    lines = (b"POST /v1/generate HTTP/1.1", b"Host: x", b"Connection: close", b"Content-Type: " + content_type, length)
    return b"\r\n".join(lines) + b"\r\n\r\n"


def one_byte_chunks(count: int) -> bytes:
    """A request whose body comes in chunks of one byte."""
    return head(FORM, b"Transfer-Encoding: chunked") + b"1\r\nx\r\n" * count


def frame(content: bytes, opcode: int, *, last: bool = True) -> bytes:
    """A masked WebSocket frame of under 64 kB, the mask all zero."""
    size = len(content)
    length = bytes([0x80 | size]) if size < 126 else bytes([0xFE, *size.to_bytes(2)])
    return bytes([0x80 * last | opcode]) + length + bytes(4) + content


def wav(samples: np.ndarray) -> bytes:
    """16-bit mono at 16 kHz."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(samples.tobytes())
    return out.getvalue()


def npz_bomb(gib: float) -> bytes:
    """An archive of zeros under the name of landmarks."""
    faces = int(gib * 2**30) // (68 * 2 * 8)
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({faces}, 68, 2), }}".ljust(117) + "\n"
    out = io.BytesIO()
    with (
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("landmarks.npy", "w") as member,
    ):
        member.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode())
        for _ in range(faces * 68 * 2 * 8 // 2**24):
            member.write(bytes(2**24))
    return out.getvalue()


def png_head(width: int, height: int) -> bytes:
    """A PNG that announces a size and holds nothing."""
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))


def flac(rate_hz: int) -> bytes:
    """One block of 65,535 equal samples: almost a day of sound at 1 Hz."""
    samples = 65_535
    stream = (rate_hz << 44) | (15 << 36) | samples
    info = struct.pack(">HH", samples, samples) + bytes(6) + stream.to_bytes(8) + bytes(16)
    begin = b"\xff\xf8\x7d\x08\x00" + struct.pack(">HH", samples - 1, rate_hz)
    begin += bytes([_crc(begin, 0x07, 8)])
    block = begin + b"\x00" + struct.pack(">h", 3000)
    return b"fLaC\x80" + len(info).to_bytes(3) + info + block + _crc(block, 0x8005, 16).to_bytes(2)


def _crc(content: bytes, polynomial: int, bits: int) -> int:
    value = 0
    for byte in content:
        value ^= byte << (bits - 8)
        for _ in range(8):
            value = (value << 1) ^ (polynomial if value >> (bits - 1) else 0)
            value &= (1 << bits) - 1
    return value


def m4a(*, samples: int, chunks: int, bytes_held: int) -> bytes:
    """16-bit sound at 10 MHz that is announced to have so many samples, all chunks of which lie in the same bytes."""
    matrix = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    kind = _box(b"ftyp", b"M4A \0\0\0\0M4A ")
    sound = _box(b"sowt", bytes(6), b"\0\1", bytes(8), struct.pack(">HHHHI", 1, 16, 0, 0, 0))
    offsets = struct.pack(">I", len(kind) + 8) * chunks
    table = (
        _full(b"stsd", 0, struct.pack(">I", 1), sound),
        _full(b"stts", 0, struct.pack(">5I", 2, 1, 2, samples - 1, 1)),
        _full(b"stsc", 0, struct.pack(">4I", 1, 1, samples // chunks, 1)),
        _full(b"stsz", 0, struct.pack(">II", 2, samples)),
        _full(b"stco", 0, struct.pack(">I", chunks), offsets),
    )
    here = _box(b"dinf", _full(b"dref", 0, struct.pack(">I", 1), _full(b"url ", 1)))
    information = _box(b"minf", _full(b"smhd", 0, bytes(4)), here, _box(b"stbl", *table))
    media = _box(
        b"mdia",
        _full(b"mdhd", 0, struct.pack(">4I", 0, 0, _RATE_HZ, samples), b"\x55\xc4\0\0"),
        _full(b"hdlr", 0, bytes(4), b"soun", bytes(13)),
        information,
    )
    track = _full(b"tkhd", 7, struct.pack(">5I", 0, 0, 1, 0, 1000), bytes(12), b"\1\0\0\0", matrix, bytes(8))
    movie = _full(b"mvhd", 0, struct.pack(">5I", 0, 0, 1000, 1000, 0x10000), b"\1\0", bytes(10), matrix, bytes(28))
    return kind + _box(b"mdat", bytes(bytes_held)) + _box(b"moov", movie, _box(b"trak", track, media))


def _box(name: bytes, *contents: bytes) -> bytes:
    content = b"".join(contents)
    return struct.pack(">I", 8 + len(content)) + name + content


def _full(name: bytes, flags: int, *contents: bytes) -> bytes:
    return _box(name, struct.pack(">I", flags), *contents)


def drips(content: bytes, size: int) -> Iterator[bytes]:
    """The content in drops."""
    for start in range(0, len(content), size):
        yield content[start : start + size]

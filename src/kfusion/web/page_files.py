"""The files of the page by their addresses, and how each is sent.

The page lies beside this file, as Vite built it: `NAME.gz` in place of NAME where that is smaller. Its models are
those of the package, under `assets/`.
"""

import gzip
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

from kfusion import assets
from kfusion.errors import InputError

PAGE = Path(__file__).parent / "page"
MODELS = (
    *("live.onnx", "face_landmarker.task", "portrait.jpg", "speech.flac", "face_shapes.npz", "mean_face.npy"),
    *("default.onnx", "visemes.onnx"),
)
"""What the page reads of `kfusion.assets`."""
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".flac": "audio/flac",
    ".glb": "model/gltf-binary",
    ".html": "text/html; charset=utf-8",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
}
OTHER = "application/octet-stream"
FOR_GOOD = "public, max-age=31536000, immutable"
"""For files with a hash of their content in their names."""
ALWAYS_ASKED = "no-cache"
CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class PageAnswer:
    """What a request for a file of the page is answered with."""

    status: HTTPStatus
    headers: dict[str, str] = field(default_factory=dict)
    path: Path | None = None
    """Where the body lies; None for none."""
    unpacked: bool = False
    """Whether the body is sent without its gzip."""

    def chunks(self) -> Iterator[bytes]:
        """The body, piece by piece."""
        if self.path is None:
            return
        with gzip.open(self.path) if self.unpacked else self.path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk


class PageFiles:
    """A built page.

    Args:
        folder: what Vite wrote.

    Raises:
        InputError: there is no page in the folder.
    """

    def __init__(self, folder: Path = PAGE) -> None:
        self.files = {_address(path, folder): path for path in folder.rglob("*") if path.is_file()}
        if "index.html" not in self.files:
            raise InputError(
                f"{folder}: the page is not built: run `make web` in a checkout (needs Node 20.19 or later), "
                "or install kfusion from a wheel, which has it"
            )
        self.files |= {f"assets/{name}": Path(assets.__file__).parent / name for name in MODELS}
        self._policy = f"{_policy(self.files['index.html'])}; frame-ancestors 'none'"

    def answer(self, address: str, headers: Mapping[str, str]) -> PageAnswer:
        """The answer to a GET.

        Args:
            address: path of the URL without the leading slash.
            headers: of the request, their names in lower case.
        """
        name = address or "index.html"
        path = self.files.get(name)
        if path is None:
            return PageAnswer(status=HTTPStatus.NOT_FOUND)
        packed = path.suffix == ".gz"
        unpacked = packed and "gzip" not in headers.get("accept-encoding", "")
        tag = _tag(path, unpacked)
        sent = self._headers(name) | {"ETag": tag}
        if packed:
            sent["Vary"] = "Accept-Encoding"
        if tag in headers.get("if-none-match", ""):
            return PageAnswer(status=HTTPStatus.NOT_MODIFIED, headers=sent)
        if packed and not unpacked:
            sent["Content-Encoding"] = "gzip"
        if not unpacked:
            sent["Content-Length"] = str(path.stat().st_size)
        return PageAnswer(status=HTTPStatus.OK, headers=sent, path=path, unpacked=unpacked)

    def _headers(self, name: str) -> dict[str, str]:
        """What does not depend on the request. Workers are bound by the policy of their own file, so all have it."""
        return {
            "Content-Type": MEDIA_TYPES.get(Path(name).suffix, OTHER),
            "Cache-Control": FOR_GOOD if name.startswith("code/") else ALWAYS_ASKED,
            "Content-Security-Policy": self._policy,
            "Cross-Origin-Opener-Policy": "same-origin",
            "Permissions-Policy": "camera=(self), microphone=(self)",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        }


def _address(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix().removesuffix(".gz")


def _policy(page: Path) -> str:
    """The policy that the page names itself: where it is served by others, that is all there is."""
    content = page.read_bytes()
    text = (gzip.decompress(content) if page.suffix == ".gz" else content).decode()
    found = re.search(r'http-equiv="Content-Security-Policy"\s+content="([^"]*)"', text)
    if found is None:
        raise InputError(f"{page}: names no Content-Security-Policy: build the page anew with `make web`")
    return found[1]


def _tag(path: Path, unpacked: bool) -> str:
    facts = path.stat()
    return f'"{facts.st_mtime_ns:x}-{facts.st_size:x}{"-unpacked" if unpacked else ""}"'

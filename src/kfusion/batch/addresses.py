"""Files by their address: beside the manifest, or in a store that fsspec reaches (`s3://`, `https://`, `gs://`)."""

import os
import re
import time
from errno import EDQUOT, ENOSPC, EROFS
from pathlib import Path, PurePath

from kfusion.errors import InputError, MissingExtraError, OutputError, one_line
from kfusion.files import check_file

MAX_BYTES = 4 << 30
"""Of a file from a store."""
PAUSES_S = (0.5, 1.0, 2.0, 4.0)
"""Before a store that did not answer is asked again."""
_REFUSALS = {*range(400, 500)} - {408, 429}
"""Answers that will be the same next time."""
_FULL = (ENOSPC, EDQUOT, EROFS)
_GONE = (502, 503, 504)
"""Answers of what stands before a store."""
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+(?:::|://)")
_USER = re.compile(r"(?<=://)[^/@\s]+@")
_QUESTION = re.compile(r"(://[^\s?#'\")]*)[?#][^\s'\")]*")
_SECRET_NAME = re.compile(r"KEY|SECRET|TOKEN|PASSWORD|CREDENTIAL", re.IGNORECASE)
_LEAST_SECRET = 8
"""Letters of a secret: shorter values also stand where nobody put them."""


class StoreError(InputError):
    """A store did not give a file, however often it was asked; perhaps it will later."""

    def __init__(self, message: str, store: str | None) -> None:
        """`store` is the one that did not answer; None where it did, with an error of its own."""
        super().__init__(message)
        self.store = store

    def __reduce__(self) -> tuple[type["StoreError"], tuple[str, str | None]]:
        """So that it can come back from a worker process."""
        return type(self), (str(self), self.store)


def is_address(written: str) -> bool:
    """Whether a file lies in a store, not on a disk."""
    return _ADDRESS.match(written) is not None


def store_of(address: str) -> str:
    """The store that an address is in, for messages: protocol and host or bucket."""
    protocol, _, rest = public_address(address).rpartition("://")
    return f"{protocol}://{rest.partition('/')[0]}"


def path_in_store(address: str) -> str:
    """Bucket and path, without who asks and what else is asked."""
    return public_address(address).rpartition("://")[2]


def public_address(text: str) -> str:
    """Addresses in a text without who asks and what else is asked: the same on every machine."""
    return _QUESTION.sub(r"\1", _USER.sub("", text))


def without_secrets(text: str) -> str:
    """A message without what opens a store: the same, and no values of variables that are called secret."""
    text = public_address(text)
    for name, value in os.environ.items():
        if len(value) >= _LEAST_SECRET and _SECRET_NAME.search(name):
            text = text.replace(value, "***")
    return text


def check_protocol(address: str) -> None:
    """Raises `MissingExtraError` where a package is missing that reaches the store of an address."""
    protocol = _protocol(address)
    try:
        from fsspec import get_filesystem_class

        get_filesystem_class(protocol)
    except ImportError as error:
        missing = "" if error.name == "fsspec" else f"pip install {_package(protocol)}"
        raise MissingExtraError(f"reading {protocol}:// addresses", "batch", missing) from error
    except ValueError:  # no such protocol: what is wrong with this row, not with the run
        return


def fetched(address: str, folder: Path) -> Path:
    """The file of an address, copied into `folder` under its own ending.

    Raises:
        InputError: the store has no such file, it is empty or too long, or it may not be read.
        StoreError: the store did not answer.
        OutputError: there is no room for it.
    """
    copy, name, problem = folder / f"fetched{_ending(address)}", without_secrets(address), Exception()
    for pause_s in (0.0, *PAUSES_S):
        time.sleep(pause_s)
        try:
            _copy(address, copy)
            return copy
        except InputError:
            raise
        except (FileNotFoundError, PermissionError, IsADirectoryError, ValueError, ImportError) as error:
            raise InputError(f"{name}: cannot be read ({_said(error)}): check the address") from error
        except Exception as error:  # every store has errors of its own
            if isinstance(error, OSError) and error.errno in _FULL:
                raise OutputError(f"{folder}: cannot write ({error.strerror}): choose another place") from error
            status = _status(error)
            if status in _REFUSALS:
                raise InputError(
                    f"{name}: cannot be read (HTTP {status}): check the address and your rights"
                ) from error
            problem = error
    store = store_of(address)
    gone = None if _status(problem) not in (None, *_GONE) else store
    raise StoreError(f"{name}: the store {store} did not give it ({_said(problem)}): try again later", gone)


def _status(error: BaseException | None) -> int | None:
    """Of the answer of a store, where an error or what led to it has one."""
    while error is not None:
        response = getattr(error, "response", None)
        said = response.get("ResponseMetadata", {}).get("HTTPStatusCode") if isinstance(response, dict) else None
        status = getattr(error, "status", said)
        if isinstance(status, int):
            return status
        error = error.__cause__ or error.__context__
    return None


def opened_file(written: str, base: str, folder: Path, what: str) -> Path:
    """A file that can be read, as a manifest calls it; one from a store is copied into `folder`.

    A path counts from the folder `base` on. Errors call it as the manifest does.

    Raises:
        InputError: there is none, or it cannot be read.
        StoreError: its store did not answer.
    """
    if is_address(written):
        return fetched(written, folder)
    path = Path(base, written)
    try:
        check_file(path, what)
    except InputError as error:
        raise InputError(str(error).replace(str(path), written)) from error
    return path


def called(text: str, path: Path, written: str) -> str:
    """A message about a file that lies at `path`, with the name that the manifest has for it."""
    return public_address(text.replace(str(path), written))


def _copy(address: str, copy: Path) -> None:
    """Not through `open`, which takes whatever a server says before it sends a file for the lack of one."""
    from fsspec.callbacks import Callback
    from fsspec.core import url_to_fs

    name = without_secrets(address)

    class Meter(Callback):  # type: ignore[misc]
        """Stops what is too long."""

        def relative_update(self, inc: int = 1) -> None:
            super().relative_update(inc)
            if self.value > MAX_BYTES:
                raise InputError(f"{name}: is longer than {MAX_BYTES >> 30} GB: cut it into parts")

    system, path = url_to_fs(address)
    system.get_file(path, str(copy), callback=Meter())
    if not copy.stat().st_size:
        raise InputError(f"{name}: the file is empty (0 bytes): record or export it again")


def _ending(address: str) -> str:
    return PurePath(path_in_store(address)).suffix[:16]


def _protocol(address: str) -> str:
    return re.split(r"::|://", address, maxsplit=1)[0].lower()


def _package(protocol: str) -> str:
    return {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfs": "adlfs"}.get(
        protocol, "aiohttp" if protocol.startswith("http") else f"what fsspec asks for {protocol}"
    )


def _said(error: BaseException) -> str:
    return without_secrets(one_line(error))

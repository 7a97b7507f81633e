"""An S3 server on this machine, for as long as a block runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

STORE_SECRET = "wJalrXUtnFEMI"


@contextmanager
def s3_server() -> Iterator[Any]:
    """A new server with `stop()`, which fsspec's `s3` finds meanwhile; skips where its packages are missing."""
    moto = pytest.importorskip("moto.server", reason="moto or flask is not installed")
    s3fs = pytest.importorskip("s3fs", reason="the extra 'store' is not installed")
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    address = f"http://127.0.0.1:{server.get_host_and_port()[1]}"
    keys = {"ACCESS_KEY_ID": "AKIAEXAMPLE", "SECRET_ACCESS_KEY": STORE_SECRET}
    said = {"ENDPOINT_URL": address, "DEFAULT_REGION": "us-east-1", **keys}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in said.items():
            patch.setenv(f"AWS_{name}", value)
        s3fs.S3FileSystem.clear_instance_cache()  # it remembers the servers of earlier blocks
        yield server
        s3fs.S3FileSystem.clear_instance_cache()
    server.stop()

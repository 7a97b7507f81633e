import errno
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import fsspec
import pytest
from factories.object_store import STORE_SECRET, s3_server

from kfusion.batch import addresses
from kfusion.batch.addresses import (
    StoreError,
    check_protocol,
    fetched,
    is_address,
    opened_file,
    path_in_store,
    store_of,
    without_secrets,
)
from kfusion.errors import InputError, OutputError

SECRET = "https://me:pass-word@host:8080/x/a.wav?X-Amz-Signature=abcdef&x=1#y"


class Shop(BaseHTTPRequestHandler):
    """Answers `/a.wav`, `/empty`, and as often as it is told with an error before that."""

    errors: ClassVar[list[int]] = []
    asked = 0

    def do_GET(self) -> None:
        type(self).asked += 1
        status = self.errors.pop(0) if self.errors else 200 if self.path.split("?")[0] in ("/a.wav", "/empty") else 404
        content = b"" if self.path == "/empty" or status != 200 else b"sound" * 1000
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(addresses, "PAUSES_S", (0.01, 0.01))
    Shop.errors, Shop.asked = [], 0
    server = ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_an_address_is_told_from_a_path() -> None:
    assert all(map(is_address, ("s3://b/a", "memory://a", "simplecache::s3://b/a", "HTTP://h/a")))
    assert not any(map(is_address, ("a.wav", "C:\\a.wav", "/a:b/c", "a b://c", "x:y")))


def test_secrets_are_in_no_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI")
    assert without_secrets(SECRET) == "https://host:8080/x/a.wav"
    assert without_secrets(f"no answer from '{SECRET}' (key wJalrXUtnFEMI)") == (
        "no answer from 'https://host:8080/x/a.wav' (key ***)"
    )
    assert store_of(SECRET) == "https://host:8080"
    assert path_in_store(SECRET) == "host:8080/x/a.wav"


def test_a_file_comes_from_a_store_under_its_own_ending(shop: str, tmp_path: Path) -> None:
    fsspec.filesystem("memory").pipe("/far/b.flac", b"music")
    assert fetched("memory://far/b.flac", tmp_path).read_bytes() == b"music"
    copy = fetched(f"{shop}/a.wav?token=1", tmp_path)
    assert (copy.name, copy.read_bytes()) == ("fetched.wav", b"sound" * 1000)


def test_a_store_that_stumbles_is_asked_again(shop: str, tmp_path: Path) -> None:
    Shop.errors = [503, 500]
    assert fetched(f"{shop}/a.wav", tmp_path).stat().st_size == 5000
    assert Shop.asked == 3


@pytest.mark.parametrize(
    ("path", "errors", "message"),
    [
        ("/none.wav", [], "cannot be read .*: check the address"),
        ("/a.wav", [403], r"cannot be read \(HTTP 403\): check the address and your rights"),
        ("/empty", [], "is empty"),
    ],
)
def test_what_a_store_does_not_have_is_not_asked_for_again(
    shop: str, tmp_path: Path, path: str, errors: list[int], message: str
) -> None:
    Shop.errors = list(errors)
    with pytest.raises(InputError, match=message) as caught:
        fetched(f"{shop}{path}", tmp_path)
    assert not isinstance(caught.value, StoreError)
    assert Shop.asked == 1


def test_a_store_that_is_gone_is_told_from_one_that_answers_badly(shop: str, tmp_path: Path) -> None:
    for errors, gone in (([500] * 3, None), ([503] * 3, shop)):
        Shop.errors = list(errors)
        with pytest.raises(StoreError, match=r"did not give it .*: try again later") as caught:
            fetched(f"{shop}/a.wav", tmp_path)
        assert caught.value.store == gone
    nobody = "http://127.0.0.1:9"
    with pytest.raises(StoreError) as caught:
        fetched(f"{nobody}/a.wav?signature=abc", tmp_path)
    assert caught.value.store == nobody
    assert "signature" not in str(caught.value)


def test_a_full_disk_is_no_fault_of_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(addresses, "_copy", full)
    with pytest.raises(OutputError, match=r"cannot write .No space left on device.: choose another place"):
        fetched("memory://far/b.flac", tmp_path)


def test_a_kind_of_store_that_there_is_not_costs_its_row_alone(tmp_path: Path) -> None:
    check_protocol("nosuch://a/b.wav")
    with pytest.raises(InputError, match=r"nosuch://a/b.wav: cannot be read"):
        fetched("nosuch://a/b.wav", tmp_path)


def test_a_file_beside_the_manifest_is_called_as_it_is_there(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"x")
    assert opened_file("a.wav", str(tmp_path), tmp_path, "recording") == tmp_path / "a.wav"
    with pytest.raises(InputError, match=r"^b\.wav: no such recording"):
        opened_file("b.wav", str(tmp_path), tmp_path, "recording")


def test_a_bucket_gives_its_files_and_says_what_it_has_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against a local server of S3; `make integrations`."""
    s3fs = pytest.importorskip("s3fs", reason="the extra 'store' is not installed")
    monkeypatch.setattr(addresses, "PAUSES_S", (0.01,))
    monkeypatch.setattr(s3fs.S3FileSystem, "retries", 1)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with s3_server() as server:
        bucket = fsspec.filesystem("s3", skip_instance_cache=True)
        bucket.mkdir("voices")
        bucket.pipe("voices/a b.wav", b"sound")
        assert fetched("s3://voices/a b.wav", tmp_path).read_bytes() == b"sound"
        with pytest.raises(InputError, match=r"s3://voices/none\.wav: cannot be read") as caught:
            fetched("s3://voices/none.wav", tmp_path)
        assert not isinstance(caught.value, StoreError)
        assert STORE_SECRET not in str(caught.value)
        server.stop()
        with pytest.raises(StoreError, match="the store s3://voices did not give it") as lost:
            fetched("s3://voices/a b.wav", tmp_path)
        assert lost.value.store == "s3://voices"

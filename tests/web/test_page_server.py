"""The page over HTTP: alone, and beside the service."""

import gzip
import http.client
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from factories.serve import QUICK, TinyGenerator
from starlette.testclient import TestClient

from kfusion.cli.main import main
from kfusion.errors import OutputError
from kfusion.serve.app import create_app
from kfusion.web import page_routes
from kfusion.web.page_files import PageFiles
from kfusion.web.page_server import page_server

HTML = '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'" />'


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    (folder / "index.html.gz").write_bytes(gzip.compress(HTML.encode()))
    return folder


@pytest.fixture(scope="module")
def port(built: Path) -> Iterator[int]:
    with page_server(PageFiles(built), 0) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def asked(port: int, method: str, *paths: str, **headers: str) -> list[tuple[int, bytes]]:
    """Answers to requests on one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    answers = []
    for path in paths:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        answers.append((answer.status, answer.read()))
    connection.close()
    return answers


def test_one_connection_serves_many_files(port: int) -> None:
    packed = {"Accept-Encoding": "gzip"}
    page, nothing, picture = asked(port, "GET", "/?seen=1", "/nothing", "/assets/portrait.jpg", **packed)
    assert gzip.decompress(page[1]).decode() == HTML
    assert nothing == (404, b"")
    assert picture[1].startswith(b"\xff\xd8")


def test_a_program_without_gzip_is_served_too(port: int) -> None:
    assert asked(port, "GET", "/") == [(200, HTML.encode())]
    assert asked(port, "HEAD", "/", "/") == [(200, b""), (200, b"")]


def test_a_port_that_is_taken_is_named(built: Path, port: int) -> None:
    with pytest.raises(OutputError, match=rf"127\.0\.0\.1:{port}: cannot listen \(.*\): choose another --port"):
        page_server(PageFiles(built), port).__enter__()


def test_the_service_has_the_page_beside_its_own_routes(
    built: Path, generator: TinyGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_routes, "PAGE", built)
    with TestClient(create_app(QUICK, generator, page_routes.page_routes())) as client:
        answer = client.get("/")
        assert answer.text == HTML
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert client.get("/", headers={"if-none-match": answer.headers["etag"]}).status_code == 304
        assert client.get("/assets/live.onnx").status_code == 200
        assert client.get("/assets/SHA256SUMS").json()["error"]["code"] == "not_found"
        assert client.get("/v1/generate").status_code == 405
        assert "kfusion.js" in client.get("/stream").text


def test_a_service_without_a_built_page_says_how_to_make_it(
    tmp_path: Path, generator: TinyGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_routes, "PAGE", tmp_path)
    with TestClient(create_app(QUICK, generator, page_routes.page_routes())) as client:
        error = client.get("/").json()["error"]
    assert error["code"] == "unavailable"
    assert "make web" in error["message"]
    assert "/stream" in error["message"]


def test_a_page_needs_no_extra() -> None:
    program = """
import sys
for name in ("fastapi", "starlette", "uvicorn", "pydantic"): sys.modules[name] = None
import kfusion.cli.demo, kfusion.web.page_files, kfusion.web.page_server
"""
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ([], "pass -o OUT, or --web"),
        (["-o", "out", "--port", "1"], "pass --web too"),
        (["--web", "-o", "out"], "pass one of them"),
        (["--web", "--port", "70000"], "use 0 to 65535"),
    ],
)
def test_a_demo_that_cannot_be_is_refused_in_one_line(
    words: list[str], problem: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["demo", *words]) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert problem in line

"""The files of the page: what is sent, as what, and nothing else."""

import gzip
from pathlib import Path

import pytest

from kfusion import assets
from kfusion.errors import InputError
from kfusion.web.page_files import MODELS, PAGE, PageFiles

POLICY = "default-src 'none'; connect-src 'self'"
HTML = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}" /><title>page</title>'
PACKED = {"accept-encoding": "gzip, br"}
ROOT = Path(__file__).parents[2]


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """What a build leaves."""
    (tmp_path / "code").mkdir()
    (tmp_path / "index.html.gz").write_bytes(gzip.compress(HTML.encode()))
    (tmp_path / "code" / "page-1234.js.gz").write_bytes(gzip.compress(b"export {};"))
    (tmp_path / "code" / "head-1234.glb").write_bytes(b"glTF")
    return tmp_path


def test_a_browser_is_sent_what_is_packed_and_others_what_is_in_it(built: Path) -> None:
    files = PageFiles(built)
    packed, plain = files.answer("", PACKED), files.answer("", {})
    assert gzip.decompress(b"".join(packed.chunks())) == b"".join(plain.chunks()) == HTML.encode()
    assert packed.headers["Content-Encoding"] == "gzip"
    assert int(packed.headers["Content-Length"]) == len(b"".join(packed.chunks()))
    assert not {"Content-Encoding", "Content-Length"} & set(plain.headers)
    assert packed.headers["ETag"] != plain.headers["ETag"]


def test_names_with_a_hash_are_kept_for_good_and_others_asked_for(built: Path) -> None:
    files = PageFiles(built)
    assert "immutable" in files.answer("code/page-1234.js", PACKED).headers["Cache-Control"]
    for name in ("", "index.html", "assets/live.onnx"):
        assert files.answer(name, PACKED).headers["Cache-Control"] == "no-cache"


def test_what_a_browser_has_is_not_sent_again(built: Path) -> None:
    files = PageFiles(built)
    tag = files.answer("code/head-1234.glb", {}).headers["ETag"]
    again = files.answer("code/head-1234.glb", {"if-none-match": tag})
    assert (again.status, list(again.chunks())) == (304, [])


def test_every_file_carries_the_policy_of_the_page_for_workers_have_their_own(built: Path) -> None:
    files = PageFiles(built)
    for name in files.files:
        policy = files.answer(name, PACKED).headers["Content-Security-Policy"]
        assert policy == f"{POLICY}; frame-ancestors 'none'"


@pytest.mark.parametrize(
    "name",
    ["code/../index.html", "../page_files.py", "/etc/passwd", "code", "code/", "index.html.gz", "assets/__init__.py"],
)
def test_nothing_else_is_sent(built: Path, name: str) -> None:
    assert PageFiles(built).answer(name, PACKED).status == 404


def test_models_come_from_the_package(built: Path) -> None:
    files = PageFiles(built)
    for name in MODELS:
        assert files.files[f"assets/{name}"] == Path(assets.__file__).parent / name


def test_the_models_are_those_that_the_build_lists() -> None:
    source = (ROOT / "web" / "plugins" / "model_files.js").read_text()
    listed = source.partition("MODEL_FILES = {")[2].partition("}")[0]
    assert [line.split('"')[1] for line in listed.strip().splitlines()] == list(MODELS)


def test_without_a_page_the_remedy_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"the page is not built: run `make web`"):
        PageFiles(tmp_path)


@pytest.mark.skipif(not (PAGE / "index.html.gz").exists(), reason="the page is not built: make web")
def test_the_built_page_asks_for_nothing_from_elsewhere() -> None:
    files = PageFiles()
    policy = files.answer("", PACKED).headers["Content-Security-Policy"]
    assert "connect-src 'self' blob:;" in policy
    assert "http" not in policy
    assert "default-src 'none'" in policy
    text = b"".join(files.answer("", {}).chunks()).decode()
    assert not [word for word in ("http://", "https://", "//cdn") if word in text]

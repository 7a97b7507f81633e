"""One server for the tests that only ask, and a generator for those that need a server of their own."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from factories.serve import TinyGenerator, running_server


@pytest.fixture(scope="session", autouse=True)
def own_temporary_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """So that what a server leaves is not taken for what a server of another test process has at work."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("spool")))
        yield


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("serve") / "model.onnx"


@pytest.fixture(scope="session")
def generator(model: Path) -> TinyGenerator:
    return TinyGenerator(model)


@pytest.fixture(scope="session")
def url(generator: TinyGenerator) -> Iterator[str]:
    """Of a server with short time limits."""
    with running_server(generator) as address:
        yield address

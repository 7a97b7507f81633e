"""A generator for the tests of the page beside the service."""

from pathlib import Path

import pytest
from factories.serve import TinyGenerator


@pytest.fixture(scope="session")
def generator(tmp_path_factory: pytest.TempPathFactory) -> TinyGenerator:
    return TinyGenerator(Path(tmp_path_factory.mktemp("web")) / "model.onnx")

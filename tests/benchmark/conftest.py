from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from benchmark_factories import tiny_rows, write_root
from training_factories import TinyEncoder


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows with tiny networks, and the tiny speech encoder wherever one is loaded."""
    rows = tiny_rows()
    for module in ("rows", "worker", "board"):
        monkeypatch.setattr(f"kfusion.benchmark.{module}.known_rows", lambda: rows)
    for place in ("training.features", "models.speech", "benchmark.worker"):
        monkeypatch.setattr(f"kfusion.{place}.load_speech_encoder", lambda name: TinyEncoder())
    monkeypatch.setattr("kfusion.benchmark.speed.SOUND_S", 1)


@pytest.fixture(scope="session")
def data_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_root(tmp_path_factory.mktemp("data"))

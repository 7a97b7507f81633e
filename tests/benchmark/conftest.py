from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from factories.benchmark import tiny_systems, write_root
from factories.training import TinyEncoder


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Systems with tiny networks, and the tiny speech encoder wherever one is loaded."""
    systems = tiny_systems()
    for module in ("systems", "plan", "board"):
        monkeypatch.setattr(f"kfusion.benchmark.{module}.known_systems", lambda: systems)
    for place in ("training.features", "models.speech", "benchmark.speed"):
        monkeypatch.setattr(f"kfusion.{place}.load_speech_encoder", lambda name: TinyEncoder())
    monkeypatch.setattr("kfusion.benchmark.speed.SOUND_S", 1)


@pytest.fixture(scope="session")
def data_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_root(tmp_path_factory.mktemp("data"))

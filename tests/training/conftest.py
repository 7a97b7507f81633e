from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from factories.training import TinyEncoder, write_data_set


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session", autouse=True)
def _tiny_encoder() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kfusion.training.features.load_speech_encoder", lambda name: TinyEncoder())
        yield


@pytest.fixture(scope="session")
def data_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data_set(tmp_path_factory.mktemp("data"))

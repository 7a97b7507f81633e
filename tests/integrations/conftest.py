import numpy as np
import pytest
from factories.inputs import write_stream_bundle

import kfusion
from kfusion.inference.generator import Generator


@pytest.fixture(scope="session")
def generator(tmp_path_factory: pytest.TempPathFactory) -> Generator:
    """A tiny model for streams, whose mouth opens with the loudness."""
    return kfusion.load(write_stream_bundle(tmp_path_factory.mktemp("stream") / "stream.onnx"))


@pytest.fixture
def whole(generator: Generator):
    """The landmarks (T, 68, 2) of mono samples at 16 kHz, streamed in one go."""

    def stream(samples: np.ndarray) -> np.ndarray:
        stream = generator.stream()
        return np.concatenate([stream.push(samples).points, stream.flush().points])

    return stream

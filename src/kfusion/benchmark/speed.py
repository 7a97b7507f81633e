"""How fast a network predicts."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch

from kfusion import assets
from kfusion.audio import SAMPLE_RATE_HZ
from kfusion.benchmark.run_record import NetworkSpeed
from kfusion.models.networks import Network, reads_features
from kfusion.models.speech import load_speech_encoder

SOUND_S = 10
REPEATS = 5


def measure(network: Network) -> NetworkSpeed:
    """CPU seconds of one thread for a second of sound, the fastest of some repeats.

    CPU time, so that other work on the machine counts as little as it can.
    """
    samples = 0.1 * torch.randn(1, SOUND_S * SAMPLE_RATE_HZ, generator=torch.Generator().manual_seed(0))
    face, label = torch.from_numpy(np.load(assets.MEAN_FACE)).float()[None], torch.zeros(1, 2, dtype=torch.long)
    encoder = load_speech_encoder(network.config.speech_encoder).eval()
    network = network.eval()
    with _one_thread(), torch.inference_mode():
        features = encoder.encode(samples)

        alone = _cpu_seconds(lambda: network(samples, features, face, label))
        encoding = _cpu_seconds(lambda: encoder.encode(samples)) if reads_features(network) else 0.0
    return NetworkSpeed(sound_s=SOUND_S, network=alone / SOUND_S, with_features=(alone + encoding) / SOUND_S)


def _cpu_seconds(work: Callable[[], object]) -> float:
    found = []
    for _ in range(REPEATS):
        start = time.thread_time()
        work()
        found.append(time.thread_time() - start)
    return min(found)


@contextmanager
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)

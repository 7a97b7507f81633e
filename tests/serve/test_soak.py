"""Memory stays flat while streams go on.

Ten minutes of sound on eight streams: `KFUSION_SOAK_S=600 pytest tests/serve/test_soak.py --log-cli-level INFO`.
"""

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from factories.inputs import tone, write_stream_bundle

from kfusion.serve.client import Client

log = logging.getLogger(__name__)

SOUND_S = int(os.environ.get("KFUSION_SOAK_S", "30"))
STREAMS = 8


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads memory from /proc")
def test_the_memory_of_eight_streams_is_flat(tmp_path: Path) -> None:
    model = write_stream_bundle(tmp_path / "model.onnx")
    line = [sys.executable, "-m", "kfusion", "serve", "--port", "0", "--model", model, "--ahead-s", "7200"]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            url = server.stdout.readline().strip()
            sizes_mb = measure(url, lambda: memory_mb(server.pid))
        finally:
            server.terminate()
    middle, end = np.median(sizes_mb[len(sizes_mb) // 4 : len(sizes_mb) // 2]), np.median(sizes_mb[-5:])
    log.info("%d x %d s: %.1f MB in the second quarter, %.1f MB at the end", STREAMS, SOUND_S, middle, end)
    assert end < middle + 4


def measure(url: str, size_mb: Callable[[], float]) -> list[float]:
    """Sizes of the server while streams go on, second by second of their sound."""
    sizes_mb: list[float] = []
    frames = [0] * STREAMS

    def talk(number: int) -> None:
        sound = (tone(1.0) * 32767).astype(np.int16)
        with Client(url).stream() as stream:
            for _ in range(SOUND_S):
                frames[number] += len(stream.push(sound))
                if number == 0:
                    sizes_mb.append(size_mb())
            frames[number] += len(stream.flush())

    threads = [threading.Thread(target=talk, args=(number,)) for number in range(STREAMS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert frames == [30 * SOUND_S] * STREAMS
    return sizes_mb


def memory_mb(process: int) -> float:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    (kilobytes,) = (line.split()[1] for line in lines if line.startswith("VmRSS"))
    return int(kilobytes) / 1024

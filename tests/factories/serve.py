"""A server for tests: a tiny generator, and uvicorn on a free port in a thread."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from factories.inputs import write_stream_bundle
from numpy.typing import NDArray

from kfusion.inference.generator import load
from kfusion.inference.landmark_stream import Stream
from kfusion.landmarks import LandmarkSequence
from kfusion.serve.app import create_app
from kfusion.serve.server import listen, make_server
from kfusion.serve.settings import ServerSettings

QUICK = ServerSettings(port=0, write_timeout_s=2, header_timeout_s=3)
"""Ends in seconds what hangs, and never in a test on a busy machine what only takes its time."""


class TinyGenerator:
    """The tiny bundle for streams behind a server, slowed down as a test wants it.

    Args:
        model: where the bundle goes.
        block_s: added to every push of a stream.
        hold: recordings wait for this before they are animated.
    """

    def __init__(self, model: Path, *, block_s: float = 0, hold: threading.Event | None = None) -> None:
        self._generator, self._block_s, self._hold = load(write_stream_bundle(model), threads=1), block_s, hold
        self.card = self._generator.card

    def generate(self, *arguments: Any, **named: Any) -> LandmarkSequence:
        while self._hold is not None and not self._hold.wait(0.01):
            named["progress"](0, None)
        return self._generator.generate(*arguments, **named)

    def stream(self, *arguments: Any, **named: Any) -> Any:
        return SlowStream(self._generator.stream(*arguments, **named), self._block_s)


class SlowStream:
    """A stream that takes some time for every push that makes frames ready."""

    def __init__(self, stream: Stream, push_s: float) -> None:
        self._stream, self._push_s = stream, push_s

    def push(self, samples: NDArray[Any]) -> LandmarkSequence:
        if len(samples) >= self._stream.missing_samples:
            time.sleep(self._push_s)
        return self._stream.push(samples)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def running_server(generator: Any, settings: ServerSettings = QUICK) -> Iterator[str]:
    """The address of a server that runs while the block does; the port is a free one."""
    settings = replace(settings, port=0)
    app = create_app(settings, generator)
    with listen(settings) as listener:
        server = make_server(app, settings)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started and thread.is_alive():
            time.sleep(0.005)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(10)
            assert not thread.is_alive()

"""The running parts behind the application: the model, threads, places and counters."""

import logging
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from kfusion.errors import KfusionError
from kfusion.inference.generator import Generator, load
from kfusion.inference.workers import cores
from kfusion.serve.metrics import Metrics
from kfusion.serve.pool import Slots, Threads
from kfusion.serve.refusal import RefusedError
from kfusion.serve.settings import ServerSettings

log = logging.getLogger(__name__)


class Service:
    """What the requests of one application share; lives in one event loop."""

    def __init__(self, settings: ServerSettings, generator: Generator) -> None:
        half = max(1, settings.max_connections // 2)
        self.settings = settings
        self.generator = generator
        self.metrics = Metrics()
        self.connections = Slots("requests at work", half)
        self.sockets = Slots("open sockets", half)
        self.recordings = Slots("recordings at work", settings.max_requests)
        self.streams = Slots("live streams", settings.max_streams)
        self.metrics.recordings.set_function(lambda: self.recordings.taken)
        self.metrics.streams.set_function(lambda: self.streams.taken)
        self.blocks = Threads("stream", cores())
        self.jobs = Threads("generate", max(1, cores() // 2))
        """Fewer than cores, so that recordings leave room for live speech."""
        self.closing = threading.Event()

    def warm_up(self) -> None:
        """Load what live streams need, so that the first one does not wait for it."""
        try:
            self.generator.stream()
        except KfusionError as error:
            log.warning("no live streams: %s", error)

    def check_fps(self, fps: float) -> None:
        """Raises `RefusedError` for more frames a second than this server makes."""
        most = self.settings.max_fps
        if not 0 < fps <= most:
            raise RefusedError("unusable_input", f"fps is {fps:g}: this server makes up to {most:g} frames a second")

    def close(self) -> None:
        """Stop the work at hand."""
        self.closing.set()
        self.blocks.close()
        self.jobs.close()


@asynccontextmanager
async def running(app: Any, settings: ServerSettings, generator: Generator | None) -> AsyncIterator[None]:
    """The service as `app.state.service` while the block runs; loads the model where none was passed."""
    if generator is None:
        generator = load(settings.model, threads=1)
    service = Service(settings, generator)
    try:
        await service.blocks.run(service.warm_up)
        app.state.service = service
        yield
    finally:
        service.close()

"""The running parts behind the application: the model, threads, places and counters."""

import asyncio
import logging
import statistics
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import numpy as np

from kfusion.audio import SAMPLE_RATE_HZ
from kfusion.bundle_format import BLOCK_SAMPLES
from kfusion.errors import InputError, KfusionError
from kfusion.inference.delivery import Delivery, check_expressiveness, check_lead
from kfusion.inference.generator import Generator, load
from kfusion.inference.workers import cores
from kfusion.serve.pool import Slots, Threads
from kfusion.serve.reader_pool import ReaderPool
from kfusion.serve.refusal import RefusedError
from kfusion.serve.service_metrics import ServiceMetrics
from kfusion.serve.settings import ServerSettings

log = logging.getLogger(__name__)

PATIENCE_S = 5
"""So long a recording may not grow, and a stream may be without sound, before it must give way to a new one."""
STREAM_SHARE = 1 / 3
"""Of the processor time of all cores that streams may take: the rest is for the sockets, bursts and recordings."""
_MEAN_RUNS = 1.2
"""Runs of the network at once, on average: a new one is heard beside the old for 2 s of every 10."""
_TRIED_BLOCKS = 12
_SHORT_S = 1e-4
"""Less is not measured."""
_STOPPING = "the server stops: try again"
_RESTARTING = "the server restarts: connect again"
_LOOK_AGAIN_S = 0.05
_GOODBYE_S = 1.0
"""For streams that are ended to tell their clients so."""


class Service:
    """What the requests of one application share; lives in one event loop."""

    def __init__(self, settings: ServerSettings, generator: Generator) -> None:
        half = max(1, settings.max_connections // 2)
        self.settings = settings
        self.generator = generator
        self.metrics = ServiceMetrics()
        self.connections = Slots("requests at work", half)
        self.sockets = Slots("open sockets", half, patience_s=0)
        self.recordings = Slots("recordings at work", settings.max_requests, PATIENCE_S)
        self.streams = Slots("streams", settings.max_streams or 1, PATIENCE_S)
        self.readers = ReaderPool(settings, self.metrics)
        self.metrics.recordings.set_function(lambda: self.recordings.taken)
        self.metrics.streams.set_function(lambda: self.streams.taken)
        self.metrics.streams_limit.set_function(lambda: self.streams.limit)
        self.blocks = Threads("stream", cores())
        self.jobs = Threads("generate", max(1, cores() // 2))
        """Fewer than cores, so that recordings leave room for streamed speech."""
        self.closing = threading.Event()
        self.draining = False
        """Whether nothing new is begun: the server is to stop."""
        self.metrics.ready.set_function(lambda: not self.draining)

    def warm_up(self) -> None:
        """Load what streams need, so that the first one does not wait for it, and see how many there can be."""
        try:
            block_s = self._block_s()
        except KfusionError as error:
            log.warning("no streams: %s", error)
            return
        if self.settings.max_streams is None:
            self.streams.limit = streams_served(block_s, cores())
        try:
            self.generator.stream(lead_ms=self.settings.lead_ms)
        except InputError as error:
            log.warning("streams must ask for a lead_ms of their own: %s", error)

    def _block_s(self) -> float:
        """Processor time of one block of a stream, the median of some."""
        exact = time.get_clock_info("thread_time").resolution < _SHORT_S
        clock = time.thread_time if exact else time.perf_counter
        stream, silence, spent_s = self.generator.stream(), np.zeros(BLOCK_SAMPLES, np.float32), []
        for _ in range(_TRIED_BLOCKS):
            before_s = clock()
            if len(stream.push(silence)):
                spent_s.append(clock() - before_s)
        return max(_SHORT_S, statistics.median(spent_s))

    def check_fps(self, fps: float) -> None:
        """Raises `RefusedError` for more frames a second than this server makes."""
        most = self.settings.max_fps
        if not 0 < fps <= most:
            raise RefusedError("unusable_input", f"fps is {fps:g}: this server makes up to {most:g} frames a second")

    def delivery(self, lead_ms: float | None, expressiveness: float | None) -> Delivery:
        """What a client asked for, or what this server has for who leaves it open (None).

        Raises:
            InputError: one of them cannot be used.
        """
        lead_ms = self.settings.lead_ms if lead_ms is None else lead_ms
        expressiveness = self.settings.expressiveness if expressiveness is None else expressiveness
        check_lead(lead_ms)
        check_expressiveness(expressiveness)
        return {"lead_ms": lead_ms, "expressiveness": expressiveness}

    def drain(self) -> None:
        """Begin nothing new; what was begun goes on."""
        self.draining = True
        for slots in (self.streams, self.recordings):
            slots.close(_RESTARTING)

    async def drained(self, go_on: Callable[[], bool]) -> None:
        """Wait for what was begun, at most `drain_s` and as long as `go_on`; then end the streams that are left."""
        until_s = time.monotonic() + self.settings.drain_s
        while (self.streams.taken or self.recordings.taken) and go_on() and time.monotonic() < until_s:
            await asyncio.sleep(_LOOK_AGAIN_S)
        self.streams.clear(_RESTARTING, "restarting")
        until_s = time.monotonic() + _GOODBYE_S
        while self.streams.taken and time.monotonic() < until_s:
            await asyncio.sleep(_LOOK_AGAIN_S)

    def stop(self) -> None:
        """Break off the work at hand: who waits for a recording is told so."""
        self.closing.set()
        self.recordings.clear(_STOPPING)
        self.readers.stop()

    async def close(self) -> None:
        """End every process and thread."""
        self.stop()
        await self.readers.close()
        self.blocks.close()
        self.jobs.close()


def streams_served(block_s: float, cores: int) -> int:
    """How many streams so many cores can serve, if a block of 100 ms takes so much processor time: at least 1."""
    return max(1, int(cores * STREAM_SHARE * BLOCK_SAMPLES / SAMPLE_RATE_HZ / (block_s * _MEAN_RUNS)))


@asynccontextmanager
async def running(app: Any, settings: ServerSettings, generator: Generator | None) -> AsyncIterator[None]:
    """The service as `app.state.service` while the block runs; loads the model where none was passed."""
    if generator is None:
        generator = load(settings.model, threads=1)
    service = Service(settings, generator)
    try:
        await service.readers.prepare()
        await service.blocks.run(service.warm_up)
        app.state.service = service
        yield
    finally:
        await service.close()

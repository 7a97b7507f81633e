"""Clients that speak to the server at the pace of speech, all in one process, and note when every frame arrives."""

import asyncio
import json
import random
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from websockets.asyncio.client import ClientConnection, connect

from kfusion.audio import SAMPLE_RATE_HZ
from kfusion.bundle_format import BLOCK_SAMPLES
from kfusion.serve.protocol import VERSION, read_frames
from speed.sound import speech
from speed.timing import percentile

FPS = 30
BLOCK_FRAMES = FPS * BLOCK_SAMPLES // SAMPLE_RATE_HZ
MESSAGE_SAMPLES = SAMPLE_RATE_HZ // 50
"""20 ms, what telephony and WebRTC send."""
SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}


def talk(*, url: str, streams: int, seconds: int) -> dict[str, Any]:
    """What so many streams of so many seconds got, for `child.call`."""
    return asyncio.run(_talk_all(url, streams, seconds))


async def _talk_all(url: str, streams: int, seconds: int) -> dict[str, Any]:
    sound = (speech(seconds) * 32767).round().astype("<i2")
    draw = random.Random(0)
    talkers = [Talker(sound, draw.uniform(0, BLOCK_SAMPLES / SAMPLE_RATE_HZ)) for _ in range(streams)]
    ends = await asyncio.gather(*(talker.run(url) for talker in talkers), return_exceptions=True)
    failures = [f"{type(end).__name__}: {end}" for end in ends if end is not None]
    if len(failures) == streams:
        raise RuntimeError(f"every stream failed: {failures[0]}")
    lateness = [late for talker in talkers for late in talker.lateness()]
    ages = [age for talker in talkers for age in talker.ages()]
    return {
        "streams": streams,
        "seconds": seconds,
        "model": talkers[0].model,
        "look_ahead_s": talkers[0].look_ahead_s,
        "frames": sum(len(talker.arrived) for talker in talkers),
        "missing": sum(talker.missing for talker in talkers),
        "failures": failures,
        "lateness_ms": _percentiles(lateness),
        "age_ms": _percentiles(ages),
        "late_sends_ms": _percentiles([late for talker in talkers for late in talker.late_sends]),
    }


def _percentiles(values_s: list[float]) -> dict[str, float]:
    return {name: round(1000 * percentile(values_s, share), 2) for name, share in SHARES.items()}


@dataclass(slots=True)
class Talker:
    """One client: 20 ms of sound every 20 ms, beginning `offset_s` after the others."""

    sound: np.ndarray
    offset_s: float
    begun: float = 0.0
    """When its first sample was spoken."""
    look_ahead_s: float = 0.0
    model: str = ""
    sent: list[float] = field(default_factory=list)
    """When each message was sent."""
    late_sends: list[float] = field(default_factory=list)
    """How much later than it was due."""
    arrived: list[float] = field(default_factory=list)
    """When each frame came."""
    in_order: bool = True

    async def run(self, url: str) -> None:
        """Connect, speak, flush, and wait for the end."""
        address = f"ws{url.removeprefix('http')}/v1/stream"
        async with connect(address, compression=None, max_size=None, ping_interval=None) as connection:
            start = {
                "type": "start",
                "version": VERSION,
                "sample_rate": SAMPLE_RATE_HZ,
                "encoding": "binary",
                "fps": FPS,
            }
            await connection.send(json.dumps(start))
            ready = json.loads(await connection.recv())
            if ready["type"] != "ready":
                raise RuntimeError(ready["message"])
            self.look_ahead_s, self.model = ready["look_ahead_s"], ready["model"]
            await asyncio.gather(self._speak(connection), self._listen(connection))

    async def _speak(self, connection: ClientConnection) -> None:
        await asyncio.sleep(self.offset_s)
        self.begun = time.perf_counter()
        for at in range(0, len(self.sound), MESSAGE_SAMPLES):
            message = self.sound[at : at + MESSAGE_SAMPLES]
            due = self.begun + (at + len(message)) / SAMPLE_RATE_HZ
            await asyncio.sleep(due - time.perf_counter())
            now = time.perf_counter()
            self.sent.append(now)
            self.late_sends.append(now - due)
            await connection.send(message.tobytes())
        await connection.send('{"type": "flush"}')

    async def _listen(self, connection: ClientConnection) -> None:
        while isinstance(message := await connection.recv(), bytes):
            first, points = read_frames(message)
            self.in_order &= first == len(self.arrived)
            self.arrived += [time.perf_counter()] * len(points)
        end = json.loads(message)
        if end["type"] != "end":
            raise RuntimeError(end)

    @property
    def missing(self) -> int:
        """Frames that did not come; all of them if they came in the wrong order."""
        expected = -(-len(self.sound) * FPS // SAMPLE_RATE_HZ)
        return abs(expected - len(self.arrived)) if self.in_order else expected

    def lateness(self) -> list[float]:
        """For every frame of a streamed block: from the moment the last sound it needs was sent to its arrival."""
        return [arrival - self.sent[message] for arrival, message in self._streamed()]

    def ages(self) -> list[float]:
        """For the same frames: from the moment that the frame shows, as it was spoken, to its arrival."""
        return [arrival - self.begun - frame / FPS for frame, (arrival, _) in enumerate(self._streamed())]

    def _streamed(self) -> list[tuple[float, int]]:
        """Arrival of every frame that came before the flush, and the message that held the last sound it needs."""
        ahead = round(self.look_ahead_s * SAMPLE_RATE_HZ)
        needed = (frame // BLOCK_FRAMES * BLOCK_SAMPLES + ahead for frame in range(len(self.arrived)))
        messages = (-(-samples // MESSAGE_SAMPLES) - 1 for samples in needed)
        pairs = zip(self.arrived, messages, strict=True)
        return [(arrival, message) for arrival, message in pairs if message < len(self.sent)]

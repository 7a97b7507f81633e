"""The server's side of the processes that handle strangers' files (`kfusion.serve.reader`)."""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kfusion.audio import SAMPLE_RATE_HZ, Samples
from kfusion.errors import InputError, KfusionError, one_line
from kfusion.inference.identity import Identity, read_identity
from kfusion.inference.workers import cores
from kfusion.landmarks import check_landmarks
from kfusion.serve import reader, reader_wire
from kfusion.serve.confine import Limits
from kfusion.serve.reader_processes import ReaderProcess, reader_processes
from kfusion.serve.refusal import RefusedError, server_failed
from kfusion.serve.service_metrics import ServiceMetrics
from kfusion.serve.settings import ServerSettings

log = logging.getLogger(__name__)

_CLOCK = 3
"""Seconds by the clock for a second of processor time: on a busy machine others come first."""
_MAX_JSON_BYTES = 64 * 1024
_MAX_PIECES = 1_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class FormContent:
    """What came out of a stranger's files."""

    samples: Samples
    """(N,), mono, 16 kHz, full scale 1."""
    face: Identity
    notes: list[str]


class _GoneError(InputError):
    """The process ended before it had answered."""


class Reader:
    """One process, for one form."""

    def __init__(self, process: ReaderProcess, limits: Limits) -> None:
        self.process, self._limits = process, limits

    async def form(self, folder: Path, boundary: str) -> dict[str, dict[str, str]]:
        """The `texts` and the names of the `files` of the form that lies in `folder`.

        Raises:
            InputError: it cannot be read.
            RefusedError: it is not well made.
        """
        await self._order(reader.FormOrder(folder=str(folder), boundary=boundary))
        kind, content = await self._piece()
        if kind != reader_wire.FORM:
            raise self._broken(f"sent {kind!r} for a form")
        found = _json(content)
        return {name: {str(key): str(value) for key, value in found[name].items()} for name in ("texts", "files")}

    async def hear(self, wanted: reader.SoundOrder) -> FormContent:
        """The sound and the face of the form.

        Raises:
            InputError: they cannot be used.
            RefusedError: they are too long.
        """
        await self._order(wanted)
        face, notes, sound = read_identity(None), list[str](), bytearray()
        for _ in range(_MAX_PIECES):
            kind, content = await self._piece()
            if kind == reader_wire.DONE:
                samples = np.frombuffer(sound, "<f4").astype(np.float32, copy=False)
                return FormContent(samples=samples, face=face, notes=notes)
            if kind == reader_wire.SOUND:
                sound += content
            elif kind == reader_wire.FACE:
                face = _face(_json(content))
            elif kind == reader_wire.NOTE:
                notes.append(str(_json(content)))
            if len(sound) > 4 * (wanted.max_duration_s + 1) * SAMPLE_RATE_HZ:
                break
        raise self._broken("sent more than it was asked for")

    async def _order(self, order: Any) -> None:
        with contextlib.suppress(ConnectionError):  # why it is gone is said where its answer is read
            self.process.outgoing.write(json.dumps(asdict(order)).encode() + b"\n")
            await self.process.outgoing.drain()

    async def _piece(self) -> tuple[bytes, bytes]:
        """Kind and content of the next piece."""
        try:
            kind, content = await reader_wire.read_piece(self.process.incoming)
        except ValueError as error:
            raise self._broken(f"sent {error}") from error
        except (EOFError, ConnectionError) as error:
            cpu_s, memory_mb = self._limits.cpu_s, self._limits.memory_mb
            raise _GoneError(
                f"the files took more than {cpu_s:g} s or {memory_mb:g} MB to read, or broke what reads them: "
                "send them as WAV and JPEG"
            ) from error
        if kind == reader_wire.REFUSED:
            raise _refusal(_json(content))
        return kind, content

    def _broken(self, what: str) -> RefusedError:
        """What the client is told when the process does not keep to its own protocol."""
        log.error("a reader %s", what)
        return server_failed()


class ReaderPool:
    """As many processes as are allowed at once. For one event loop."""

    def __init__(self, settings: ServerSettings, metrics: ServiceMetrics) -> None:
        self._limit_s, self._ends = _CLOCK * settings.read_cpu_s, metrics.reads
        self._limits = Limits(
            cpu_s=settings.read_cpu_s, memory_mb=settings.read_memory_mb, file_mb=settings.max_body_mb
        )
        self._processes = reader_processes(self._limits)
        self._places = asyncio.Semaphore(max(2, cores()))
        self._at_work: set[ReaderProcess] = set()

    async def prepare(self) -> None:
        """Begin what the first process needs."""
        await self._processes.prepare()

    @asynccontextmanager
    async def take(self) -> AsyncIterator[Reader]:
        """A process while the block runs, which may take three times `read_cpu_s`; then it is gone.

        Raises:
            InputError: it took longer.
            RefusedError: there can be none.
        """
        async with self._places:
            process = await self._start_process()
            self._at_work.add(process)
            try:
                with self._counted():
                    async with asyncio.timeout(self._limit_s) as clock:
                        yield Reader(process, self._limits)
            except TimeoutError as error:
                if not clock.expired():
                    raise
                raise InputError(f"the files took more than {self._limit_s:g} s to read: send simpler ones") from error
            finally:
                self._at_work.discard(process)
                await asyncio.shield(process.end())

    async def _start_process(self) -> ReaderProcess:
        try:
            async with asyncio.timeout(self._limit_s):
                return await self._processes.start()
        except (OSError, EOFError) as error:
            log.error("no process to read files with: %s", one_line(error))
            raise RefusedError("unavailable", "the server cannot start a process for the files: try later") from error

    @contextmanager
    def _counted(self) -> Iterator[None]:
        end = "stopped"
        try:
            yield
            end = "done"
        except (TimeoutError, _GoneError):
            end = "limit"
            raise
        except KfusionError:
            end = "refused"
            raise
        finally:
            self._ends.labels(end).inc()

    def stop(self) -> None:
        """End all work at once."""
        for process in self._at_work:
            process.kill()

    async def close(self) -> None:
        """End every process."""
        self.stop()
        await self._processes.close()


def _json(content: bytes) -> Any:
    if len(content) > _MAX_JSON_BYTES:
        raise server_failed()
    return json.loads(content)


def _face(found: dict[str, Any]) -> Identity:
    points = check_landmarks(np.array(found["points"], np.float32), "face")
    return Identity(points=points, coordinates="image" if found["coordinates"] == "image" else "crop")


def _refusal(found: dict[str, str]) -> RefusedError:
    if found["code"] != "internal":
        return RefusedError(found["code"], found["message"])
    log.error("a reader failed: %s", found["message"])
    return server_failed()

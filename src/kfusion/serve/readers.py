"""The server's side of the processes that handle strangers' files (`kfusion.serve.reader`)."""

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import gettempdir
from typing import Any, Self

import numpy as np

from kfusion.audio import SAMPLE_RATE_HZ, Samples
from kfusion.errors import InputError, KfusionError
from kfusion.inference.identity import Identity, read_identity
from kfusion.inference.workers import cores
from kfusion.landmarks import check_landmarks
from kfusion.serve import pieces, reader
from kfusion.serve.confine import Limits
from kfusion.serve.metrics import Metrics
from kfusion.serve.refusal import RefusedError, server_failed
from kfusion.serve.settings import ServerSettings

log = logging.getLogger(__name__)

_POSIX = os.name == "posix"
_KEPT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "TZ")
"""Variables that libraries need to be found and to start."""
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_CLOCK = 3
"""Seconds by the clock for a second of processor time: on a busy machine others come first."""
_REAP_S = 5
_READ_AHEAD_BYTES = 1 << 20
_MAX_JSON_BYTES = 64 * 1024
_MAX_PIECES = 1_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """What came out of a stranger's files."""

    samples: Samples
    """(N,), mono, 16 kHz, full scale 1."""
    face: Identity
    notes: list[str]


class _GoneError(InputError):
    """The process ended before it had answered."""


class Reader:
    """One process, for one form."""

    def __init__(self, process: asyncio.subprocess.Process, limits: Limits) -> None:
        self._process, self._limits = process, limits

    @classmethod
    async def start(cls, limits: Limits) -> Self:
        """A process that gets ready."""
        process = await asyncio.create_subprocess_exec(
            *reader.command(limits),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=_READ_AHEAD_BYTES,
            cwd=gettempdir(),
            env=_environment(),
            start_new_session=_POSIX,
        )
        return cls(process, limits)

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.returncode is None

    async def form(self, folder: Path, boundary: str) -> dict[str, dict[str, str]]:
        """The `texts` and the names of the `files` of the form that lies in `folder`.

        Raises:
            InputError: it cannot be read.
            RefusedError: it is not well made.
        """
        await self._order(reader.Place(folder=str(folder), boundary=boundary))
        kind, content = await self._piece()
        if kind != pieces.FORM:
            raise self._broken(f"sent {kind!r} for a form")
        found = _json(content)
        return {name: {str(key): str(value) for key, value in found[name].items()} for name in ("texts", "files")}

    async def hear(self, wanted: reader.Wanted) -> Heard:
        """The sound and the face of the form.

        Raises:
            InputError: they cannot be used.
            RefusedError: they are too long.
        """
        await self._order(wanted)
        face, notes, sound = read_identity(None), list[str](), bytearray()
        for _ in range(_MAX_PIECES):
            kind, content = await self._piece()
            if kind == pieces.DONE:
                samples = np.frombuffer(sound, "<f4").astype(np.float32, copy=False)
                return Heard(samples=samples, face=face, notes=notes)
            if kind == pieces.SOUND:
                sound += content
            elif kind == pieces.FACE:
                face = _face(_json(content))
            elif kind == pieces.NOTE:
                notes.append(str(_json(content)))
            if len(sound) > 4 * (wanted.max_duration_s + 1) * SAMPLE_RATE_HZ:
                break
        raise self._broken("sent more than it was asked for")

    async def _order(self, order: Any) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(ConnectionError):  # why it is gone is said where its answer is read
            self._process.stdin.write(json.dumps(asdict(order)).encode() + b"\n")
            await self._process.stdin.drain()

    async def _piece(self) -> tuple[bytes, bytes]:
        """Kind and content of the next piece."""
        assert self._process.stdout is not None
        try:
            kind, length = pieces.HEAD.unpack(await self._process.stdout.readexactly(pieces.HEAD.size))
            if length > pieces.MAX_PIECE_BYTES:
                raise self._broken(f"sent a piece of {length} bytes")
            content = await self._process.stdout.readexactly(length)
        except asyncio.IncompleteReadError as error:
            raise _GoneError(await self._why_gone()) from error
        if kind == pieces.REFUSED:
            raise _refusal(_json(content))
        return kind, content

    async def _why_gone(self) -> str:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), _REAP_S)
        code, limits = self._process.returncode, self._limits
        if _POSIX and code in (-signal.SIGXCPU, -signal.SIGKILL):
            return f"the files took more than {limits.cpu_s:g} s or {limits.memory_mb:g} MB to read: send simpler ones"
        return f"the files broke what reads them (it ended with {code}): export them again as WAV and JPEG"

    def _broken(self, what: str) -> RefusedError:
        """What the client is told when the process does not keep to its own protocol."""
        log.error("a reader %s", what)
        return server_failed()

    def kill(self) -> None:
        """End it, and what it may have started, at once."""
        if not self.alive:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if _POSIX:
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()

    async def end(self) -> None:
        """End it, and wait until nothing of it is left."""
        self.kill()
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), _REAP_S)
        except TimeoutError:
            log.error("process %d does not end", self._process.pid)


class Readers:
    """As many processes as are allowed at once, and one that waits. For one event loop."""

    def __init__(self, settings: ServerSettings, metrics: Metrics) -> None:
        self._limit_s, self._ends = _CLOCK * settings.read_cpu_s, metrics.reads
        self._limits = Limits(
            cpu_s=settings.read_cpu_s, memory_mb=settings.read_memory_mb, file_mb=settings.max_body_mb
        )
        self._places = asyncio.Semaphore(cores())
        self._spare: asyncio.Task[Reader] | None = None
        self._at_work: set[Reader] = set()
        self._closed = False

    def prepare(self) -> None:
        """Start one that waits, if none does."""
        if self._spare is None and not self._closed:
            self._spare = asyncio.ensure_future(Reader.start(self._limits))

    @asynccontextmanager
    async def take(self) -> AsyncIterator[Reader]:
        """A process while the block runs, which may take three times `read_cpu_s`; then it is gone.

        Raises:
            InputError: it took longer.
        """
        async with self._places:
            taken = await self._next()
            self._at_work.add(taken)
            try:
                with self._counted():
                    async with asyncio.timeout(self._limit_s) as clock:
                        yield taken
            except TimeoutError as error:
                if not clock.expired():
                    raise
                raise InputError(f"the files took more than {self._limit_s:g} s to read: send simpler ones") from error
            finally:
                self._at_work.discard(taken)
                await asyncio.shield(taken.end())

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

    async def _next(self) -> Reader:
        self.prepare()
        while (spare := self._spare) is not None:
            waiting = await asyncio.shield(spare)  # by several at once; the first to go on has it
            if self._spare is not spare:
                continue
            self._spare = None
            self.prepare()
            if waiting.alive:
                return waiting
            await waiting.end()
            return await Reader.start(self._limits)
        raise RefusedError("busy", "the server stops: try again")

    def stop(self) -> None:
        """End all work at once."""
        self._closed = True
        for taken in self._at_work:
            taken.kill()

    async def close(self) -> None:
        """End every process, the one that waits too."""
        self.stop()
        if self._spare is not None:
            spare, self._spare = self._spare, None
            await (await spare).end()


def _environment() -> dict[str, str]:
    """Where Python finds what this process finds, and nothing that is the server's: no token, no programs."""
    found = os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path)
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {"PATH": "", "PYTHONPATH": found, "PYTHONUTF8": "1", **dict.fromkeys(_ONE_THREAD, "1"), **kept}


def _json(content: bytes) -> Any:
    if len(content) > _MAX_JSON_BYTES:
        raise server_failed()
    return json.loads(content)


def _face(found: dict[str, Any]) -> Identity:
    points = check_landmarks(np.array(found["points"], np.float32), "face")
    return Identity(points=points, frame="image" if found["frame"] == "image" else "crop")


def _refusal(found: dict[str, str]) -> RefusedError:
    if found["code"] != "internal":
        return RefusedError(found["code"], found["message"])
    log.error("a reader failed: %s", found["message"])
    return server_failed()

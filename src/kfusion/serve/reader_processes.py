"""How a process that handles a stranger's files starts, and how it is ended."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import gettempdir
from typing import Any, Protocol

from kfusion.serve import fork_server, reader_wire
from kfusion.serve.confine import Limits

FORKS = sys.platform == "linux"
_POSIX = os.name == "posix"
_KEPT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "TZ")
"""Variables that libraries need to be found and to start."""
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_READ_AHEAD_BYTES = 1 << 20
_REAP_S = 5


@dataclass(frozen=True, slots=True)
class ReaderProcess:
    """One that was started."""

    incoming: asyncio.StreamReader
    outgoing: asyncio.StreamWriter
    kill: Callable[[], None]
    """Ends it, and what it may have started, at once; does nothing where it has ended."""

    async def end(self) -> None:
        """End it, and wait until nothing of it is left."""
        self.kill()
        with contextlib.suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(_REAP_S):
                while await self.incoming.read(_READ_AHEAD_BYTES):
                    pass
        self.outgoing.close()
        with contextlib.suppress(ConnectionError):
            await self.outgoing.wait_closed()


class ReaderProcesses(Protocol):
    """Where processes come from. For one event loop."""

    async def prepare(self) -> None:
        """Begin what is slow."""

    async def start(self) -> ReaderProcess:
        """A new process."""

    async def close(self) -> None:
        """End what was prepared."""


def reader_processes(limits: Limits) -> ReaderProcesses:
    """The way of this system."""
    return ForkedReaders(limits) if FORKS else SpawnedReaders(limits)


class ForkedReaders:
    """Processes are forked from one that is ready (`kfusion.serve.fork_server`)."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._fork_server: asyncio.subprocess.Process | None = None
        self._control = socket.socket()
        self._starting = asyncio.Lock()

    async def prepare(self) -> None:
        """Start the process that forks; again, should it have died."""
        async with self._starting:
            if self._fork_server is not None and self._fork_server.returncode is None:
                return
            self._control.close()
            self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            self._control.setblocking(False)
            with theirs:
                words = (str(theirs.fileno()), json.dumps(asdict(self._limits)))
                self._fork_server = await _start(fork_server.__name__, *words, pass_fds=(theirs.fileno(),))

    async def start(self) -> ReaderProcess:
        """A new process."""
        await self.prepare()
        control = self._control
        ours, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(control, [fork_server.FORK], [theirs.fileno()])
        incoming, outgoing = await asyncio.open_connection(sock=ours, limit=_READ_AHEAD_BYTES)
        try:
            number = int(await reader_wire.hello(incoming))
        except BaseException:
            outgoing.close()  # where it starts nevertheless, it finds nobody, and ends
            raise

        def kill() -> None:
            with contextlib.suppress(OSError):  # the fork server is gone, and with it all that it forked
                control.send(fork_server.END + str(number).encode())

        return ReaderProcess(incoming, outgoing, kill)

    async def close(self) -> None:
        """End the process that forks, and all that it forked."""
        self._control.close()
        if self._fork_server is not None:
            await self._fork_server.wait()


class SpawnedReaders:
    """Every process begins from nothing: slower, and the only way on systems where a fork is not safe."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    async def prepare(self) -> None:
        """Nothing to do."""

    async def start(self) -> ReaderProcess:
        """A new process."""
        pipe = asyncio.subprocess.PIPE
        words = json.dumps(asdict(self._limits))
        process = await _start("kfusion.serve.reader", words, stdin=pipe, stdout=pipe, limit=_READ_AHEAD_BYTES)
        assert process.stdout is not None
        assert process.stdin is not None

        def kill() -> None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL) if _POSIX else process.kill()

        try:
            await reader_wire.hello(process.stdout)
        except BaseException:
            kill()
            raise
        return ReaderProcess(process.stdout, process.stdin, kill)

    async def close(self) -> None:
        """Nothing to do."""


async def _start(module: str, *words: str, **options: Any) -> asyncio.subprocess.Process:
    """`python -m module`; `-P`, because it must import nothing from the folder that it is in."""
    nowhere = asyncio.subprocess.DEVNULL
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", module, *words),
        **{"stdin": nowhere, "stdout": nowhere, "stderr": nowhere} | options,
        cwd=gettempdir(),
        env=_environment(),
        start_new_session=_POSIX,
    )


def _environment() -> dict[str, str]:
    """Where Python finds what this process finds, and nothing that is the server's: no token, no programs."""
    found = os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path)
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {"PATH": "", "PYTHONPATH": found, "PYTHONUTF8": "1", **dict.fromkeys(_ONE_THREAD, "1"), **kept}

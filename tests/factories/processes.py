"""Forked processes that train: several of one run, and some that are killed."""

import os
import signal
import socket
import sys
import traceback
import warnings
from collections.abc import Callable


def forked(act: Callable[[], object], environment: dict[str, str] | None = None) -> int:
    """The id of a process that does something and ends with 0, or with 1 if it fails."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # from Python 3.12 on, of forks beside threads
        process = os.fork()
    if process:
        return process
    os.environ.update(environment or {})
    code = 0
    try:
        act()
    except KeyboardInterrupt:
        code = 130
    except BaseException:  # noqa: BLE001 - also what ends a process
        traceback.print_exc(file=sys.__stderr__)
        code = 1
    finally:
        os._exit(code)


def ended(process: int) -> int:
    """How a process ended: its exit code, or the negative number of the signal that killed it."""
    status = os.waitpid(process, 0)[1]
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def ranks(count: int) -> list[dict[str, str]]:
    """The environment of each of several processes of one run, as torchrun sets it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {"WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    return [
        {name: str(value) for name, value in {**shared, "RANK": rank, "LOCAL_RANK": rank, "GROUP_RANK": 0}.items()}
        for rank in range(count)
    ]


def together(act: Callable[[], object], count: int) -> list[int]:
    """How several processes of one run ended."""
    processes = [forked(act, environment) for environment in ranks(count)]
    return [ended(process) for process in processes]


def kill_self() -> None:
    """As if the power went."""
    os.kill(os.getpid(), signal.SIGKILL)

"""A process that forks the readers, on Linux: `python -m kfusion.serve.fork_server CONTROL LIMITS`.

To import what a reader needs takes longer than to read a recording, so it is done once, here. This process has one
thread and handles no byte of a stranger's, so that a fork of it is whole and clean. The server sends it two kinds of
messages: `f` with a socket, for a reader that talks on it; `e` with the number of a process that is to end.
"""

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
from typing import NoReturn

from PIL import Image

from kfusion.serve import reader
from kfusion.serve.confine import Limits, die_with_parent

FORK, END = b"f", b"e"
_MESSAGE_BYTES = 32
_EARLY = (*reader.SLOW_IMPORTS, "av.subtitles.stream", "concurrent.futures.thread", "importlib.readers")


def main() -> int:
    """Fork readers until the server is gone, and end them with it."""
    die_with_parent()
    control, limits = socket.socket(fileno=int(sys.argv[1])), Limits(**json.loads(sys.argv[2]))
    for name in _EARLY:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    Image.preinit()
    gc.freeze()
    ended, wake = socket.socketpair()
    for end in (ended, wake):
        end.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
    children = set[int]()
    while True:
        ready, _, _ = select.select([control, ended], [], [])
        if ended in ready:
            ended.recv(4096)
            _reap(children)
        if control in ready:
            message, descriptors, _, _ = socket.recv_fds(control, _MESSAGE_BYTES, 1)
            if not message:
                break
            if message == FORK:
                children.add(_fork(descriptors[0], limits, [control, ended, wake]))
            elif (child := int(message[1:])) in children:
                _kill(child)
    for child in children:
        _kill(child)
    return 0


def _fork(descriptor: int, limits: Limits, own: list[socket.socket]) -> int:
    """The number of a new process, which talks on the socket `descriptor`."""
    child = os.fork()
    if not child:
        _be_reader(descriptor, limits, own)
    os.close(descriptor)
    return child


def _be_reader(descriptor: int, limits: Limits, own: list[socket.socket]) -> NoReturn:
    code = 1
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for end in own:
            end.close()
        with os.fdopen(descriptor, "rb") as orders, os.fdopen(os.dup(descriptor), "wb") as out:
            code = reader.serve(orders, out, limits)
    finally:
        os._exit(code)  # nothing of the process that it was forked from is to be run


def _reap(children: set[int]) -> None:
    with contextlib.suppress(ChildProcessError):
        while (child := os.waitpid(-1, os.WNOHANG)[0]) > 0:
            children.discard(child)


def _kill(child: int) -> None:
    """It is not reaped yet, so the number is still its own."""
    for kill in (os.killpg, os.kill):  # before it leads a group of its own, there is none of this number
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(child, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())

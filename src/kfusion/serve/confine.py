"""What a process that handles a stranger's bytes may still do: limits that the operating system keeps.

On every system that has them: processor time, memory, size and number of files, no core files, low priority. On
Linux also: gone when its parent is gone, and, where the kernel has Landlock (5.13), no program can be started, no
file be read but Python's and the libraries', none be written but in one folder, no TCP, no signal to others.
"""

import contextlib
import ctypes
import math
import os
import signal
import struct
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

MAX_FILES = 128
_MAPPED_BYTES = 4 << 30
"""Address space beyond the memory limit, for libraries and what allocators only reserve."""
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
"""Landlock's system calls, of the same numbers on every processor."""
_RULE_BENEATH = 1
_WRITE, _READ = 1 << 1, 1 << 2 | 1 << 3
"""Write to files; read files and list folders."""
_FILE_RIGHTS = {1: (1 << 13) - 1, 2: 1 << 13, 3: 1 << 14, 5: 1 << 15}
"""Version of Landlock -> the rights to files that came with it; execution is among them."""
_FOLDER_ONLY = ~(1 << 1 | 1 << 2 | 1 << 14 | 1 << 15)
"""Rights that a single file cannot be given."""
_SYSTEM_FOLDERS = ("/usr", "/lib", "/lib64", "/opt", "/nix/store", "/etc/ld.so.cache", "/proc", "/sys", "/dev")
"""What shared libraries and the C library read; /opt and /nix hold them in some distributions."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What one process may use."""

    cpu_s: float
    """Processor time of all its threads."""
    memory_mb: float
    """Memory of its own, in MB (1e6 bytes)."""
    file_mb: float
    """Longest file that it writes."""
    niceness: int = 10
    """By how much it gives way to others."""


def limit(limits: Limits) -> None:
    """Bound what this process may use from here on; a system that lacks a limit goes without it."""
    with contextlib.suppress(OSError, AttributeError):
        os.nice(limits.niceness)  # streams come first
    if resource is None:
        return
    memory, cpu_s = round(limits.memory_mb * 1e6), math.ceil(limits.cpu_s)
    bounds: dict[str, tuple[int, int]] = {
        "RLIMIT_CORE": (0, 0),
        "RLIMIT_CPU": (cpu_s, cpu_s + 1),
        "RLIMIT_DATA": (memory, memory),
        "RLIMIT_AS": (memory + _MAPPED_BYTES, memory + _MAPPED_BYTES),
        "RLIMIT_FSIZE": (round(limits.file_mb * 1e6),) * 2,
        "RLIMIT_NOFILE": (MAX_FILES, MAX_FILES),
    }
    for name, bound in bounds.items():
        with contextlib.suppress(OSError, ValueError, AttributeError):
            resource.setrlimit(getattr(resource, name), bound)


def die_with_parent() -> bool:
    """Be killed when the process that started this one ends; whether the system does that."""
    return sys.platform == "linux" and bool(_libc().prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) == 0)


def stay_inside(folder: Path) -> bool:
    """Let this process, and what it starts, write in `folder` only and read little else; whether the kernel can.

    Threads that run already stay as they are.
    """
    if sys.platform != "linux":
        return False
    call = _libc().syscall
    version = call(_CREATE_RULESET, None, 0, 1)
    if version < 1:
        return False
    rights = sum(bits for since, bits in _FILE_RIGHTS.items() if since <= version)
    tcp, scoped = 3 if version >= 4 else 0, 3 if version >= 6 else 0
    attributes = struct.pack("=QQQ", rights, tcp, scoped)[: 8 if version < 4 else 16 if version < 6 else 24]
    ruleset = call(_CREATE_RULESET, attributes, len(attributes), 0)
    if ruleset < 0:
        return False
    try:
        _allow(call, ruleset, [folder], rights & ~1)  # all but execution
        _allow(call, ruleset, map(Path, (*_SYSTEM_FOLDERS, sys.prefix, sys.base_prefix, *sys.path)), _READ)
        _allow(call, ruleset, [Path(os.devnull)], _WRITE)
        _libc().prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        return bool(call(_RESTRICT_SELF, ruleset, 0) == 0)
    finally:
        os.close(ruleset)


def _allow(call: Any, ruleset: int, paths: Iterable[Path], rights: int) -> None:
    for path in paths:
        if not path.is_absolute() or not path.exists():
            continue
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            given = rights if path.is_dir() else rights & ~_FOLDER_ONLY
            call(_ADD_RULE, ruleset, _RULE_BENEATH, struct.pack("=Qi", given, opened), 0)
        finally:
            os.close(opened)


def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)

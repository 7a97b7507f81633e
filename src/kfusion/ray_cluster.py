"""Joining a Ray cluster, without waiting for one that is not there."""

import os
import socket
from typing import Any

from kfusion.errors import foreign

_REACH_S = 10.0


def join_cluster(address: str | None, remedy: str, **settings: Any) -> None:
    """Join the cluster at an address, or begin one on this machine.

    Args:
        address: HOST:PORT, ray://HOST:PORT, or `auto`; None for a new one.
        remedy: what to do where there is none.
        settings: of `ray.init`.

    Raises:
        InputError: there is none.
    """
    import ray

    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    with foreign(f"no Ray cluster at {address or 'this machine'}", remedy):
        reach(address)
        ray.init(address=address, log_to_driver=False, **settings)


def reach(address: str | None) -> None:
    """Raises an error at once where nobody listens; Ray itself goes on trying for minutes."""
    host, colon, port = (address or "").removeprefix("ray://").rpartition(":")
    if colon:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_REACH_S).close()

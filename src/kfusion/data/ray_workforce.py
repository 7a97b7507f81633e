"""Clips shared out to a Ray cluster.

Every worker is an actor of one core that holds the extractor and has one clip at a time, so a slow one holds up nobody
and nothing piles up. It reads the corpus at the path that this machine has it at, and sends the finished part back;
this machine keeps it, so that a lost worker, or a lost node with all its workers, loses no more than the clips at hand,
which others take, and a run that is killed goes on where it was.
"""

import logging
import os
import warnings
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from kfusion.data.clip import Clip
from kfusion.data.parts import part_path
from kfusion.data.processes import DIED, MakeFinder, Workforce
from kfusion.data.sharding import tools
from kfusion.data.store import write_shard
from kfusion.errors import InputError, KfusionError, MissingExtraError, OutputError
from kfusion.files import atomic_path
from kfusion.ray_cluster import join_cluster

log = logging.getLogger(__name__)

_OTHER_TOOLS = "other tools"


def ray_workforce(address: str | None, workers: int | None) -> Workforce:
    """The workers of a cluster; a clip whose worker died is tried by another, and then once more, alone.

    Args:
        address: of the cluster; None for a new one on this machine.
        workers: how many; None for one a core of the cluster.

    Raises:
        MissingExtraError: Ray is not installed.
        InputError: there is no cluster at the address.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Ray's own, of its dependencies
            import ray
    except ImportError as error:
        raise MissingExtraError("--engine ray", "ray") from error
    if not ray.is_initialized():
        remedy = "pass the --address that `ray start --head` names"
        join_cluster(address, remedy, logging_level=logging.ERROR, include_dashboard=False)
    cores = int(ray.cluster_resources().get("CPU", 0))
    count = workers or cores
    if not 1 <= count <= cores:
        raise InputError(f"--workers {count}: the Ray cluster has {cores} cores: pass 1 to {cores}, or add nodes")
    return Workforce(new_lane=partial(_RayLane, ray), rounds=(count, count, 1), spare_deaths=count)


class _RayLane:
    """An actor, or the next one when it has died."""

    def __init__(self, ray: Any, out: Path, make_finder: MakeFinder) -> None:
        self._ray, self._out, self._make_finder = ray, out, make_finder
        self._actor: Any = None

    def submit(self, clip: Clip) -> "Future[Any]":
        """Let it work on a clip."""
        if self._actor is None:
            actor = self._ray.remote(num_cpus=1, max_restarts=0)(_Extractor)
            self._actor = actor.remote(self._make_finder, tools(), str(Path.cwd()))
        job: Future[Any] = self._actor.extract.remote(clip).future()  # a slot in the cluster may have to be waited for
        return job

    def reason(self, clip: Clip, job: "Future[Any]") -> str | None:
        """Keep the part that came back; why there is none."""
        fault = job.exception()
        if isinstance(fault, self._ray.exceptions.RayActorError | self._ray.exceptions.WorkerCrashedError):
            self._actor = None
            return DIED
        if fault is not None:
            raise KfusionError(f"{clip.clip_id}: a Ray worker failed ({fault.__class__.__name__}: {fault})") from fault
        kind, content = job.result()
        if kind is not None:
            raise _FAULTS.get(kind, KfusionError)(content)
        if isinstance(content, str):
            return content
        with atomic_path(part_path(self._out, clip.clip_id), work_in=self._out) as part:
            part.write_bytes(content)
        return None

    def close(self) -> None:
        """Let the actor go, and with it the clip at hand."""
        if self._actor is not None:
            self._ray.kill(self._actor)
            self._actor = None


_FAULTS: dict[str, type[KfusionError]] = {"InputError": InputError, "OutputError": OutputError}


class _Extractor:
    """What runs on the cluster."""

    def __init__(self, make_finder: MakeFinder, wanted: dict[str, str], folder: str) -> None:
        self._make_finder = make_finder
        with suppress(OSError):
            os.chdir(folder)  # where the paths of the clips begin
        self._differs = (
            "" if wanted == tools() else f"a Ray node has {tools()}, this machine {wanted}: install the same"
        )

    def extract(self, clip: Clip) -> tuple[str | None, str | bytes]:
        """None and the part of a clip, or the reason why there is none; or an error that is no fault of the clip."""
        from kfusion.data.one_clip import extracted_table

        if self._differs:
            return _OTHER_TOOLS, self._differs
        try:
            table = extracted_table(clip, self._make_finder)
        except KfusionError as error:
            return type(error).__name__, str(error)
        if isinstance(table, str):
            return None, table
        content = pa.BufferOutputStream()
        write_shard(content, [table])
        return None, content.getvalue().to_pybytes()

"""Lanes on a Ray cluster: an actor a core, each with a process of its own for the items, as on one machine.

Ray starts actors again that were lost with their machine, on another one, and gives them their item once more. Results
come back as bytes, so that the machines need no disk in common; paths in the manifest must be there on all of them.
"""

import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from kfusion.batch.animator import BatchOptions, Outcome
from kfusion.batch.crew import AnyLane, closing_all
from kfusion.batch.lane import BatchLane, ItemLimits, item_folder
from kfusion.batch.manifest_item import Item
from kfusion.errors import MissingExtraError
from kfusion.files import work_folder
from kfusion.ray_cluster import join_cluster

try:
    import ray
except ImportError as error:
    raise MissingExtraError("--engine ray", "ray") from error

RETRIES = 3
"""Of an item whose machine is lost."""


@contextmanager
def ray_lanes(
    address: str | None, jobs: int | None, options: BatchOptions, limits: ItemLimits
) -> Iterator[list[AnyLane]]:
    """Lanes on a cluster, ended with the block.

    Args:
        address: of the cluster, or `auto` for the one of this machine; None for a new one on this machine alone.
        jobs: how many; None for as many as the cluster has cores.
        options: what is asked of every item.
        limits: of one item.

    Raises:
        InputError: there is no such cluster.
    """
    begun = not ray.is_initialized()
    if begun:
        join_cluster(address, "check --address", include_dashboard=False if address is None else None)
    try:
        count = jobs or max(1, int(ray.cluster_resources().get("CPU", 1)))
        actor = ray.remote(num_cpus=1, max_restarts=-1, max_task_retries=RETRIES)(FarLane)
        lanes: list[AnyLane] = [RayActorLane(actor.remote(options, limits)) for _ in range(count)]
        try:
            yield lanes
        finally:
            closing_all(lanes)
    finally:
        if begun:
            ray.shutdown()


class RayActorLane:
    """A lane on a cluster, seen from here."""

    def __init__(self, actor: Any) -> None:
        self._actor = actor

    def submit(self, item: Item) -> "Future[Outcome]":
        """Animate one item there."""
        far: Future[Outcome] = self._actor.run.remote(item).future()
        return far

    def close(self) -> None:
        """End it."""
        ray.kill(self._actor)


class FarLane:
    """The same lane where it is."""

    def __init__(self, options: BatchOptions, limits: ItemLimits) -> None:
        self._stack = ExitStack()
        self._folder = self._stack.enter_context(work_folder(Path(tempfile.gettempdir())))
        self._lane = BatchLane(options, limits, self._folder)

    def run(self, item: Item) -> Outcome:
        """Animate one item; its files come back as bytes."""
        outcome = self._lane.run(item)
        place = item_folder(self._folder, item.row)
        contents = tuple((place / name).read_bytes() for name in outcome.files)
        shutil.rmtree(place, ignore_errors=True)
        return replace(outcome, contents=contents)

"""Manifests, recordings for them, and lanes that work where the test runs."""

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from factories.inputs import tone, write_bundle, write_wav

from kfusion.batch.animator import Animator, BatchOptions, Outcome
from kfusion.batch.batch_run import BatchPlan, BatchSummary, run_batch
from kfusion.batch.crew import AnyLane
from kfusion.batch.lane import item_folder
from kfusion.batch.manifest_item import Item


def write_manifest(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def write_recordings(folder: Path, count: int) -> list[str]:
    """Short recordings of different lengths; their names."""
    names = [f"clip {number}é.wav" for number in range(count)]
    for number, name in enumerate(names):
        write_wav(folder / name, tone(0.3 + 0.1 * (number % 3), level=0.2 + 0.05 * (number % 4)))
    return names


def make_plan(folder: Path, out: str = "out", **changes: Any) -> BatchPlan:
    """Of `folder/manifest.jsonl`, with a tiny model."""
    model = folder / "model.onnx"
    if not model.exists():
        write_bundle(model)
    formats = changes.pop("formats", ("npz",))
    options = BatchOptions(base=str(folder), formats=formats, model=str(model), **changes.pop("options", {}))
    manifest = folder / changes.pop("manifest", "manifest.jsonl")
    return BatchPlan(manifest=manifest, out=folder / out, options=options, model_digest="tiny", **changes)


class HereLane:
    """Animates when an item is submitted, in this process."""

    def __init__(self, options: BatchOptions, folder: Path) -> None:
        self.animate, self.folder = Animator(options), folder
        self.seen: list[int] = []

    def submit(self, item: Item) -> "Future[Outcome]":
        self.seen.append(item.row)
        place, fetched = item_folder(self.folder, item.row), self.folder / "fetched"
        for made in (place, fetched):
            made.mkdir(exist_ok=True)
        return answered(self.animate(item, place, fetched, lambda: None))

    def close(self) -> None:
        pass


def answered(outcome: Outcome) -> "Future[Outcome]":
    future: Future[Outcome] = Future()
    future.set_result(outcome)
    return future


def run_here(plan: BatchPlan, *, lanes: int = 1, seen: list[int] | None = None) -> BatchSummary:
    """Run a plan in this process; the rows that were animated go into `seen`."""

    @contextmanager
    def lanes_in(work: Path) -> Iterator[list[AnyLane]]:
        here = [HereLane(plan.options, work) for _ in range(lanes)]
        try:
            yield list(here)
        finally:
            if seen is not None:
                seen.extend(row for lane in here for row in lane.seen)

    return run_batch(plan, lanes_in, lambda pace: None)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of the results, by its path."""
    paths = [path for path in folder.rglob("*") if path.is_file() and ".batch" not in path.parts]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}

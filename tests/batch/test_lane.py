"""With real processes: what an item may do to its own, and what it costs."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from factories.inputs import tone, write_bundle, write_wav

from kfusion.batch import lane as lane_module
from kfusion.batch.animator import Animator, BatchOptions
from kfusion.batch.lane import BatchLane, ItemLimits, item_folder
from kfusion.batch.manifest_item import Item, read_item
from kfusion.errors import KfusionError
from kfusion.landmarks import LandmarkSequence


class CruelAnimator(Animator):
    """An item may ask for what damaged files and decoders do."""

    def _animate(self, item: Item, folder: Path, *others: Any) -> Any:
        tried = folder.parent / f"tried-{item.row}"
        if item.name == "crash" or (item.name == "crash once" and not tried.exists()):
            tried.touch()
            os.kill(os.getpid(), signal.SIGSEGV)
        if item.name == "hang":
            time.sleep(600)
        if item.name == "bomb":
            np.ones(1 << 30)
        return super()._animate(item, folder, *others)


def cruel_work(*words: Any) -> None:
    lane_module.Animator = CruelAnimator  # type: ignore[misc]
    lane_module._work(*words)


@contextmanager
def open_lane(folder: Path, monkeypatch: pytest.MonkeyPatch, **limits: float) -> Iterator[BatchLane]:
    write_wav(folder / "a.wav", tone(0.5))
    write_bundle(folder / "model.onnx")
    (folder / "work").mkdir()
    monkeypatch.setattr(lane_module, "_work", cruel_work)
    options = BatchOptions(base=str(folder), model=str(folder / "model.onnx"))
    lane = BatchLane(options, ItemLimits(**limits), folder / "work")
    try:
        yield lane
    finally:
        lane.close()


def item(row: int, name: str) -> Item:
    return read_item(row, {"speech": "a.wav", "name": name})


def test_no_item_harms_the_next_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_lane(tmp_path, monkeypatch, time_s=2, memory_mb=1500) as lane:
        names = ("first", "crash", "hang", "bomb", "crash once", "last")
        ends = {name: lane.submit(item(row, name)) for row, name in enumerate(names, 1)}
        reasons = {name: end.result().reason for name, end in ends.items()}
        assert reasons["crash"] is not None
        assert "a.wav: its worker process died 2 times (SIGSEGV;" in reasons["crash"]
        assert reasons["hang"] == "a.wav: took more than 2 s: pass a shorter one, or a longer time"
        assert reasons["bomb"] == "a.wav: does not fit into memory: pass a shorter one, or fewer at a time"
        assert [name for name in names if reasons[name] is None] == ["first", "crash once", "last"]
        left = {path.name for path in (tmp_path / "work").iterdir() if path.is_dir()}
        assert left == {"row-6"}
        last = LandmarkSequence.load(item_folder(tmp_path / "work", 6) / "landmarks.npz")
        assert len(last) == 15
        begun = time.monotonic()
        lane.submit(item(7, "hang"))
    assert time.monotonic() - begun < 4  # closing waits for nobody


def test_a_process_that_cannot_begin_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_lane(tmp_path, monkeypatch) as lane:
        (tmp_path / "model.onnx").write_bytes(b"damaged")
        with pytest.raises(KfusionError, match="not a kfusion bundle, or damaged"):
            lane.submit(item(1, "first")).result()

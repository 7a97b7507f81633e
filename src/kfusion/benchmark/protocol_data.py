"""The prepared data sets of a protocol, and what identifies them."""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kfusion.benchmark.protocols import PREPARE, Protocol, TestSet
from kfusion.data.store import ClipStore, StoredClip
from kfusion.errors import InputError
from kfusion.evaluation.cases import Selection
from kfusion.evaluation.scoring import landmark_bytes

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenTest:
    """A test set whose data is there."""

    test: TestSet
    store: ClipStore

    @property
    def selection(self) -> Selection:
        """Its clips."""
        return Selection(split=self.test.split, speakers=self.test.speakers)


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchmarkData:
    """The data sets of a protocol that are there."""

    train: tuple[ClipStore, ...]
    tests: tuple[OpenTest, ...]

    def digests(self) -> dict[str, str]:
        """What identifies the training clips, key `train`, and the clips of every test set by its name."""
        found = {"train": digest([clip for store in self.train for clip in store.split("train", "val")])}
        return found | {opened.test.name: digest(opened.selection.clips([opened.store])) for opened in self.tests}


def open_data(protocol: Protocol, root: Path) -> BenchmarkData:
    """Open what is there; a test set whose data is missing is left out with a notice.

    Raises:
        InputError: training data, or all test data, is missing or cannot be read.
    """
    names = dict.fromkeys((*protocol.train, *(test.data for test in protocol.tests)))
    stores = {name: ClipStore(root / name) for name in names if any((root / name / "data").glob("*.parquet"))}
    tests = tuple(OpenTest(test=test, store=stores[test.data]) for test in protocol.tests if test.data in stores)
    needed = protocol.train if tests else (*protocol.train, protocol.tests[0].data)
    for name in needed:
        if name not in stores:
            raise InputError(f"protocol {protocol.name}: {_missing(root, name)}")
    for test in protocol.tests:
        if test.data not in stores:
            log.warning("test set '%s' is left out: %s", test.name, _missing(root, test.data))
    return BenchmarkData(train=tuple(stores[name] for name in protocol.train), tests=tests)


def _missing(root: Path, name: str) -> str:
    place = root / name
    command = PREPARE[name].format(place=place)
    return f"no prepared data of {name}, looked for in {place}: make it with `{command}` or pass another --data-root"


def digest(clips: Sequence[StoredClip]) -> str:
    """Hash of the names, labels and landmarks (to 0.01 px) of clips."""
    found = hashlib.sha256()
    for clip in sorted(clips, key=lambda clip: (clip.corpus, clip.clip_id)):
        label = (
            f"{clip.split}/{clip.corpus}/{clip.clip_id} {clip.speaker} {clip.emotion} {clip.intensity}{clip.moved}\n"
        )
        found.update(label.encode() + landmark_bytes(clip.landmarks()))
    return found.hexdigest()[:16]

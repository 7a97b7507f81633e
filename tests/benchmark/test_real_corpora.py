"""The real clips of MEAD and CREMA-D through `prepare`, `evaluate` and `benchmark`, where somebody has them.

KFUSION_CORPORA names a folder with `mead/` and `cremad/` in their published layouts, and perhaps `ravdess/` and
`facegood/`. Minutes; without it nothing here runs.
"""

import json
import os
from pathlib import Path

import pytest
from factories.benchmark import InProcess, setup_in

from kfusion.benchmark.run_record import RunRecord
from kfusion.benchmark.runner import run_protocol
from kfusion.benchmark.systems import find_systems
from kfusion.cli.main import main
from kfusion.data.store import ClipStore

CORPORA = Path(os.environ.get("KFUSION_CORPORA", ""))
needs = {
    name: pytest.mark.skipif(
        "KFUSION_CORPORA" not in os.environ or not (CORPORA / name).is_dir(),
        reason=f"KFUSION_CORPORA names no folder with {name}/",
    )
    for name in ("mead", "cremad", "ravdess", "facegood")
}
VALIDATION_SPEAKER = "M022"
"""Of the protocol `speakers`; a handful of clips need not hold him."""


@pytest.fixture(scope="module")
def mead(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MEAD's clips as links, somebody's standing in for the validation speaker where he is missing."""
    folder = tmp_path_factory.mktemp("mead")
    people = sorted((CORPORA / "mead").iterdir())
    for person in people:
        (folder / person.name).symlink_to(person)
    if not (folder / VALIDATION_SPEAKER).exists():
        trained = next(person for person in reversed(people) if person.name.startswith("W"))
        for video in trained.glob("video/front/*/*/*"):
            link = folder / VALIDATION_SPEAKER / video.relative_to(trained)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(video)
    return folder


@pytest.fixture(scope="module")
def root(mead: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data root made by the command line."""
    data = tmp_path_factory.mktemp("data")
    for name, words in {
        "mead-speakers": ("mead", mead),
        "mead-sentences": ("mead", mead, "--protocol", "sentences"),
        "cremad": ("cremad", CORPORA / "cremad"),
    }.items():
        assert main(["prepare", *map(str, words), "-o", str(data / name), "--workers", "1"]) == 0
    return data


@needs["mead"]
@needs["cremad"]
def test_every_real_clip_is_prepared(root: Path, mead: Path) -> None:
    videos = len(_videos(mead))
    for name in ("mead-speakers", "mead-sentences"):
        store = ClipStore(root / name)
        assert len(store.clips) == videos
        assert {clip.emotion for clip in store.clips} >= {"angry", "disgusted", "happy"}
    clips = ClipStore(root / "cremad").clips
    assert {clip.emotion for clip in clips} == {"angry", "disgusted", "fear", "happy", "neutral", "sad"}
    for clip in clips:
        assert clip.landmarks().shape == (clip.frames, 68, 2)
        assert len(clip.samples()) == clip.frames * 16_000 // 30


@needs["mead"]
@needs["cremad"]
def test_the_packaged_weights_are_evaluated_on_real_clips(root: Path, tmp_path: Path) -> None:
    data = [word for name in ("mead-speakers", "cremad") for word in ("--data", str(root / name))]
    assert main(["evaluate", "default", *data, "-o", str(tmp_path / "scores")]) == 0
    found = json.loads((tmp_path / "scores" / "evaluation.json").read_text())
    ours = found["compensated"]["model"]["opening_correlation"]["mean"]
    assert ours > found["compensated"]["shuffled-audio"]["opening_correlation"]["mean"]
    assert ours > 0.4


@needs["mead"]
@needs["cremad"]
@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("protocol", ["mead-speakers", "mead-sentences"])
def test_the_protocols_run_on_real_clips(root: Path, tmp_path: Path, protocol: str) -> None:
    setup = setup_in(tmp_path, root, protocol)
    rows = [*(("kfusion",) if protocol == "mead-speakers" else ()), "packaged", "hold"]
    outcome = run_protocol(setup, find_systems(tuple(rows)), (0,), InProcess())
    assert (len(outcome.done), outcome.failed) == (len(rows), [])
    for row in rows:
        tests = RunRecord.load(setup.results / protocol / f"{row}-seed0.json").tests
        assert list(tests) == ["mead", "cremad"]
        assert len(tests["cremad"].clips) == len(ClipStore(root / "cremad").clips)


@pytest.mark.parametrize("corpus", [pytest.param(name, marks=needs[name]) for name in ("ravdess", "facegood")])
def test_real_landmarks_are_prepared(tmp_path: Path, corpus: str) -> None:
    words = ["prepare", corpus, str(CORPORA / corpus), "-o", str(tmp_path / corpus), "--workers", "1", "--limit", "12"]
    assert main(words) == 0
    clips = ClipStore(tmp_path / corpus).clips
    assert len(clips) == pytest.approx(12, abs=2)
    for clip in clips:
        landmarks = clip.landmarks()
        assert 0 < landmarks.min() < landmarks.max() < 256
        assert len(clip.samples()) == clip.frames * 16_000 // 30


def _videos(folder: Path) -> list[Path]:
    return [video for person in folder.iterdir() for video in person.glob("video/front/*/*/*.mp4")]

from pathlib import Path

import pytest
from factories.benchmark import InProcess, setup_in, write_corpus

from kfusion.benchmark.protocols import PREPARE, PROTOCOLS
from kfusion.benchmark.run_record import RunRecord
from kfusion.benchmark.runner import run_protocol
from kfusion.benchmark.systems import find_systems
from kfusion.data.cremad import read_cremad
from kfusion.data.mead import read_mead


def plant(root: Path, names: list[str]) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def mead_tree(root: Path, speakers: dict[str, int]) -> Path:
    """MEAD's own folders with so many sentences of two emotions for each speaker."""
    for speaker, count in speakers.items():
        for folder in ("neutral/level_1", "angry/level_3"):
            for kind, ending in (("video/front", "mp4"), ("audio", "m4a")):
                plant(root, [f"{speaker}/{kind}/{folder}/{number:03d}.{ending}" for number in range(count)])
    return root


def cremad_tree(root: Path) -> Path:
    names = [
        f"{actor}_{sentence}_{code}_XX"
        for actor in (1001, 1002)
        for sentence in ("DFA", "IEO")
        for code in ("ANG", "NEU")
    ]
    plant(root, [f"VideoFlash/{name}.flv" for name in names])
    return plant(root, [f"AudioWAV/{name}.wav" for name in names])


MEAD = {"mead-speakers": {"M003": 3, "M022": 3, "W011": 4}, "mead-sentences": {"M005": 16, "W011": 16}}


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("name", ["mead-speakers", "mead-sentences"])
def test_the_mead_protocols_train_on_mead_and_test_on_mead_and_cremad(name: str, tmp_path: Path) -> None:
    mead = read_mead(mead_tree(tmp_path / "mead", MEAD[name]), name.removeprefix("mead-"))
    write_corpus(tmp_path / "data" / name, mead)
    write_corpus(tmp_path / "data" / "cremad", read_cremad(cremad_tree(tmp_path / "cremad")))
    setup = setup_in(tmp_path, tmp_path / "data", name)
    outcome = run_protocol(setup, find_systems(("kfusion", "shuffled-emotion", "hold")), (0,), InProcess())
    assert not outcome.failed
    assert len(outcome.done) == 3
    ours, shuffled = (
        RunRecord.load(setup.results / name / f"{row}-seed0.json") for row in ("kfusion", "shuffled-emotion")
    )
    assert list(ours.tests) == list(shuffled.tests) == ["mead", "cremad"]
    tested = {clip.clip_id for clip in mead if clip.split == "test"}
    assert set(ours.tests["mead"].clips) == tested
    assert len(ours.tests["cremad"].clips) == 8
    trained = {clip.speaker for clip in mead if clip.split == "train"}
    overlap = trained & {clip.speaker for clip in mead if clip.split == "test"}
    assert bool(overlap) == (name == "mead-sentences")


def test_every_data_set_of_a_protocol_says_how_it_is_prepared() -> None:
    for protocol in PROTOCOLS.values():
        assert {*protocol.train, *(test.data for test in protocol.tests)} <= set(PREPARE)
        assert len({test.name for test in protocol.tests}) == len(protocol.tests)
        for test in protocol.tests:
            assert test.zero_shot == (test.data not in protocol.train)

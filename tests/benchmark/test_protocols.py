from pathlib import Path

import pytest
from factories.benchmark import InProcess, setup_in, write_corpus, write_root

from kfusion.benchmark.protocols import PREPARE, PROTOCOLS
from kfusion.benchmark.run_record import RunRecord
from kfusion.benchmark.runner import run_protocol
from kfusion.benchmark.systems import find_systems
from kfusion.data.cremad import read_cremad
from kfusion.data.mead import read_mead
from kfusion.data.ravdess import read_ravdess


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


@pytest.mark.usefixtures("tiny")
def test_a_protocol_with_the_training_data_of_another_scores_its_trainings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write_root(tmp_path / "data")
    names = [f"{emotion}-01-01-01-{actor:02d}" for emotion in ("05", "08") for actor in (8, 9, 24)]
    write_corpus(root / "ravdess", read_ravdess(plant(tmp_path / "r", [f"landmarks/{name}.npz" for name in names])))
    run_protocol(setup_in(tmp_path, root), find_systems(("temporal-conv",)), (0,), InProcess())
    monkeypatch.setattr("kfusion.benchmark.worker.train", lambda *_, **__: pytest.fail("trained again"))
    setup = setup_in(tmp_path, root, "ravdess")
    assert not run_protocol(setup, find_systems(("temporal-conv", "loudness")), (0,), InProcess()).failed
    for row in ("temporal-conv", "loudness"):
        found = RunRecord.load(setup.results / "ravdess" / f"{row}-seed0.json").tests["ravdess"]
        assert set(found.speakers) == {"ravdess/actor09", "ravdess/actor24"}
        assert found.shifts_ms is not None


@pytest.mark.usefixtures("tiny")
def test_the_emotion_protocol_compares_right_swapped_and_no_labels(tmp_path: Path) -> None:
    names = [f"{emotion}-01-01-01-{actor:02d}" for emotion in ("05", "08") for actor in (1, 2, 15, 16, 19, 20)]
    source = plant(tmp_path / "r", [f"landmarks/{name}.npz" for name in names])
    write_corpus(tmp_path / "data" / "ravdess-emotion", read_ravdess(source, "emotion"))
    setup, rows = setup_in(tmp_path, tmp_path / "data", "emotion"), ("kfusion", "shuffled-emotion", "unknown-emotion")
    outcome = run_protocol(setup, find_systems(rows), (0,), InProcess())
    assert (len(outcome.done), outcome.failed) == (3, [])
    own, swapped, unknown = (
        RunRecord.load(setup.results / "emotion" / f"{row}-seed0.json").tests["emotion"] for row in rows
    )
    assert own.clips == swapped.clips == unknown.clips
    assert {speaker.removeprefix("ravdess/") for speaker in own.speakers} == {"actor19", "actor20"}


def test_without_labels_every_label_is_hidden() -> None:
    (system,) = find_systems(("without-labels",))
    assert system.make is not None
    assert system.make().data.unknown_emotion == 1.0


def test_protocols_that_share_trainings_share_their_data() -> None:
    for protocol in PROTOCOLS.values():
        assert PROTOCOLS[protocol.trained_with].train == protocol.train


def test_every_data_set_of_a_protocol_says_how_it_is_prepared() -> None:
    for protocol in PROTOCOLS.values():
        assert {*protocol.train, *(test.data for test in protocol.tests)} <= set(PREPARE)
        assert len({test.name for test in protocol.tests}) == len(protocol.tests)
        for test in protocol.tests:
            assert test.zero_shot == (test.data not in protocol.train)

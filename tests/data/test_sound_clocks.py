"""The sound of a prepared data set is put on the clock of its landmarks, where that is certain, and nothing is lost."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from factories.media import make_clip, write_part
from factories.talking import moved, speech, spoken

from kfusion.benchmark.protocol_data import digest
from kfusion.data.clip import Clip
from kfusion.data.merging import merge
from kfusion.data.parts import part_path
from kfusion.data.preparation import prepare
from kfusion.data.sound_clocks import SyncRule
from kfusion.data.store import ClipStore, clip_table, write_shard
from kfusion.inference.sync import Listener
from kfusion.share import Share
from kfusion.training.training_set import describe

FRAMES = 90
"""Of a clip: 3 s."""


@pytest.fixture(scope="module")
def auto() -> SyncRule:
    return SyncRule(listen=Listener(1))


def talk(speaker: str, number: int, late_ms: float, out: Path, *, still: bool = False) -> Clip:
    """A third of the packaged speech, so much too late, as a part that is ready."""
    clip = make_clip(f"{speaker}/{number}", split="test" if speaker == "cleo" else "train")
    first = number % 3 * FRAMES
    points = spoken().points[first : first + FRAMES]
    samples = moved(speech()[first * 16_000 // 30 : (first + FRAMES) * 16_000 // 30], late_ms)
    row = {name: getattr(clip, name) for name in ("clip_id", "corpus", "speaker", "split", "emotion", "intensity")}
    row |= {"fps": 30, "frames": FRAMES, "missing": 0, "crop": [0, 0, 256], "source": clip.path.name}
    path = part_path(out, clip.clip_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    faces = np.repeat(points[:1], FRAMES, axis=0) if still else points
    write_shard(path, [clip_table(row, faces, samples)])
    return clip


def talks(out: Path, **late_ms: float) -> list[Clip]:
    """Three clips of each speaker."""
    return [talk(speaker, number, late, out) for speaker, late in late_ms.items() for number in range(3)]


def sounds(out: Path) -> dict[str, np.ndarray]:
    return {clip.clip_id: clip.samples() for clip in ClipStore(out).clips}


def test_each_speakers_sound_is_moved_by_what_its_clips_say(tmp_path: Path, auto: SyncRule) -> None:
    clips = talks(tmp_path, anna=90, ben=-60, cleo=0)
    prepare(clips, tmp_path, workers=1, sync=auto)
    for clip in ClipStore(tmp_path).clips:
        late_ms = {"anna": 90, "ben": -60, "cleo": 0}[clip.speaker]
        assert clip.sync_ms == pytest.approx(late_ms, abs=12)
        number = int(clip.clip_id[-1])
        wanted = moved(moved(spoken_sound(number), late_ms), -clip.sync_ms)
        np.testing.assert_allclose(clip.samples(), wanted, atol=1 / 32767)
        assert len(clip.samples()) == FRAMES * 16_000 // 30
    card = (tmp_path / "README.md").read_text()
    assert "`--sync auto`: sound of 2 of 3 speakers moved" in card
    assert "| folder | anna | +" in card
    assert "cleo |" not in card


def spoken_sound(number: int) -> np.ndarray:
    first = number % 3 * FRAMES
    return speech()[first * 16_000 // 30 : (first + FRAMES) * 16_000 // 30]


def test_what_was_moved_comes_back_to_the_bit(tmp_path: Path, auto: SyncRule) -> None:
    clips = talks(tmp_path, anna=90, cleo=-60)
    prepare(clips, tmp_path, workers=1)
    recorded = sounds(tmp_path)
    for rule in (auto, SyncRule(ms=40.0), SyncRule(ms=-33.3), SyncRule(ms=1000.0), SyncRule()):
        prepare(clips, tmp_path, workers=1, sync=rule)
    assert all(np.array_equal(found, recorded[name]) for name, found in sounds(tmp_path).items())


def test_so_many_milliseconds_are_taken_as_asked(tmp_path: Path) -> None:
    clips = talks(tmp_path, anna=0)
    prepare(clips, tmp_path, workers=1, sync=SyncRule(ms=25.0))
    for clip in ClipStore(tmp_path).clips:
        assert clip.sync_ms == 25.0
        wanted = moved(spoken_sound(int(clip.clip_id[-1])), -25.0)
        np.testing.assert_allclose(clip.samples(), wanted, atol=1 / 32767)
    assert "| folder | anna | +25 | as asked |" in (tmp_path / "README.md").read_text()


def test_a_speaker_who_says_too_little_gets_the_clock_of_the_corpus(tmp_path: Path, auto: SyncRule) -> None:
    clips = [*talks(tmp_path, anna=100, ben=100), talk("dora", 0, 100, tmp_path, still=True)]
    prepare(clips, tmp_path, workers=1, sync=auto)
    found = {clip.speaker: clip.sync_ms for clip in ClipStore(tmp_path).clips}
    assert found["dora"] == pytest.approx(100, abs=12)


def test_a_single_clip_is_put_on_the_clock_of_the_corpus_whatever_it_says(tmp_path: Path, auto: SyncRule) -> None:
    clips = [*talks(tmp_path, anna=80, ben=80), talk("dora", 0, -60, tmp_path)]
    prepare(clips, tmp_path, workers=1, sync=auto)
    found = {clip.speaker: clip.sync_ms for clip in ClipStore(tmp_path).clips}
    assert found["dora"] == pytest.approx(80, abs=15)


def test_what_is_not_certain_stays_as_it_is_and_is_said_once(
    tmp_path: Path, auto: SyncRule, caplog: pytest.LogCaptureFixture
) -> None:
    clips = [talk(speaker, number, 100, tmp_path, still=True) for speaker in ("anna", "ben") for number in range(3)]
    prepare(clips, tmp_path, workers=1, sync=auto)
    assert {clip.sync_ms for clip in ClipStore(tmp_path).clips} == {0.0}
    assert [record.message for record in caplog.records] == [
        "folder: how late the sound of 2 of 2 speakers is, is not certain: it is left as it is"
    ]


def test_the_clock_of_an_only_speaker_is_told_as_one(
    tmp_path: Path, auto: SyncRule, caplog: pytest.LogCaptureFixture
) -> None:
    prepare(talks(tmp_path, anna=80), tmp_path, workers=1, sync=auto)
    (line,) = [record.message for record in caplog.records]
    assert re.fullmatch(
        r"folder: the sound of the only speaker is late by \d+ ms and is moved: --sync off leaves it", line
    )


def test_a_set_that_is_too_small_costs_no_network(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def never(_: np.ndarray) -> np.ndarray:
        raise AssertionError("too little to listen to")

    clips = [make_clip("anna/1"), make_clip("anna/2")]
    for clip in clips:
        write_part(clip, tmp_path)
    prepare(clips, tmp_path, workers=1, sync=SyncRule(listen=never))
    assert "left as it is" in caplog.text


@pytest.mark.parametrize("first", [["anna"], ["anna", "cleo"]])
def test_a_run_in_steps_gives_what_one_run_gives(tmp_path: Path, auto: SyncRule, first: list[str]) -> None:
    late = {"anna": 90.0, "cleo": 70.0}
    stepwise, at_once = tmp_path / "a", tmp_path / "b"
    prepare(talks(stepwise, **{name: late[name] for name in first}), stepwise, workers=1, sync=auto)
    prepare(talks(stepwise, **late), stepwise, workers=1, sync=auto)
    prepare(talks(at_once, **late), at_once, workers=1, sync=auto)
    for shard in (at_once / "data").iterdir():
        assert pq.read_table(shard).equals(pq.read_table(stepwise / "data" / shard.name))


def test_a_second_run_listens_to_nothing(tmp_path: Path, auto: SyncRule) -> None:
    clips = talks(tmp_path, anna=90)
    prepare(clips, tmp_path, workers=1, sync=auto)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}

    def never(_: np.ndarray) -> np.ndarray:
        raise AssertionError("it is known already")

    prepare(clips, tmp_path, workers=1, sync=SyncRule(listen=never))
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def without_clocks(out: Path) -> None:
    """The data set as an earlier version wrote it."""
    for shard in (out / "data").iterdir():
        table = pq.read_table(shard)
        old = table.drop_columns([name for name in table.column_names if name.startswith("sync_")])
        with pq.ParquetWriter(shard, old.schema, compression="zstd", write_page_checksum=True) as writer:
            for row in range(len(old)):
                writer.write_table(old.slice(row, 1), row_group_size=1)


def test_a_data_set_of_an_earlier_version_is_read_left_alone_and_moved_when_asked(
    tmp_path: Path, auto: SyncRule
) -> None:
    clips = talks(tmp_path, anna=90)
    prepare(clips, tmp_path, workers=1)
    without_clocks(tmp_path)
    recorded, before = sounds(tmp_path), ids(tmp_path)
    assert {clip.sync_ms for clip in ClipStore(tmp_path).clips} == {0.0}
    (shard,) = (tmp_path / "data").iterdir()
    changed = shard.stat().st_mtime_ns
    prepare(clips, tmp_path, workers=1)
    assert shard.stat().st_mtime_ns == changed
    prepare(clips, tmp_path, workers=1, sync=auto)
    assert all(clip.sync_ms > 70 for clip in ClipStore(tmp_path).clips)
    assert ids(tmp_path) != before
    prepare(clips, tmp_path, workers=1, sync=SyncRule())
    assert all(np.array_equal(found, recorded[name]) for name, found in sounds(tmp_path).items())
    assert ids(tmp_path) == before


def ids(out: Path) -> tuple[str, str]:
    """What identifies a data set for training and for a benchmark."""
    store = ClipStore(out)
    return describe(store)["sha256"], digest(store.clips)


def test_data_sets_with_other_clocks_have_other_ids(tmp_path: Path, auto: SyncRule) -> None:
    clips = talks(tmp_path, anna=90, ben=0)
    rules: dict[str, Callable[[], SyncRule]] = {"off": SyncRule, "0": lambda: SyncRule(ms=0.0)}
    rules |= {"auto": lambda: auto, "25": lambda: SyncRule(ms=25.0), "-25": lambda: SyncRule(ms=-25.0)}
    found = {}
    for name, rule in rules.items():
        prepare(clips, tmp_path, workers=1, sync=rule())
        found[name] = ids(tmp_path)
    assert found["off"] == found["0"]
    assert len(set(found.values())) == 4


def test_a_sound_that_is_right_keeps_its_id(tmp_path: Path, auto: SyncRule) -> None:
    clips = talks(tmp_path, anna=0, ben=0)
    prepare(clips, tmp_path, workers=1)
    before = ids(tmp_path)
    prepare(clips, tmp_path, workers=1, sync=auto)
    assert ids(tmp_path) == before


def contents(out: Path) -> dict[str, bytes]:
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}


def test_shares_that_are_merged_by_any_number_of_processes_are_on_the_clocks_of_one_run(
    tmp_path: Path, auto: SyncRule, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No share holds enough of a speaker to be moved alone."""
    late = {"anna": 90.0, "ben": -60.0, "cleo": 0.0}
    at_once, shares = tmp_path / "whole", [tmp_path / f"shard-{number}" for number in (1, 2)]
    prepare(talks(at_once, **late), at_once, workers=1, sync=auto)
    for number, out in enumerate(shares, start=1):
        prepare(talks(out, **late), out, workers=1, sync=auto, share=Share(number, 2))
        assert {clip.sync_ms for clip in ClipStore(out).clips} == {0.0}
    merge(shares, tmp_path / "one", sync=auto)
    monkeypatch.setattr("kfusion.data.sound_clocks._WORTH_PROCESSES", 1)
    merge(shares, tmp_path / "two", sync=SyncRule(listen=Listener(1), workers=2))
    assert contents(tmp_path / "one") == contents(tmp_path / "two") == contents(at_once)
    assert len({clip.sync_ms for clip in ClipStore(at_once).clips}) == 3

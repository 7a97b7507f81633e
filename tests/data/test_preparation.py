"""Preparation: what is finished is kept at whatever moment a run is killed."""

import csv
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from factories.media import (
    BlobFinder,
    DeadlyFinder,
    LostFinder,
    TouchyFinder,
    blob_picture,
    finder_without_weights,
    make_clip,
    sine,
    stored_arrays,
    write_part,
    write_video,
)

import kfusion.data.preparation as preparation
from kfusion.data.clip import Clip
from kfusion.data.folder import read_folder
from kfusion.data.parts import only_run, part_path
from kfusion.data.preparation import Preparation, prepare
from kfusion.data.store import ClipStore
from kfusion.errors import InputError, KfusionError, MissingWeightsError, OutputError

SPLIT = {"anna": "train", "ben": "val", "cleo": "test"}


def clip_named(name: str, **fields: Any) -> Clip:
    return make_clip(name, split=SPLIT[name.split("/")[0]], **fields)


def ready(out: Path, *names: str) -> list[Clip]:
    """Clips whose parts an earlier run left in `out`."""
    clips = [clip_named(name) for name in names]
    for clip in clips:
        write_part(clip, out)
    return clips


def contents(root: Path) -> dict[str, tuple[bytes, int]]:
    return {
        path.relative_to(root).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def check_whole(out: Path, clips: list[Clip]) -> None:
    store = ClipStore(out)
    assert sorted(store.by_id) == sorted(clip.clip_id for clip in clips)
    assert len(store.clips) == len(clips)
    for clip in clips:
        stored = store.by_id[clip.clip_id]
        assert (stored.speaker, stored.split, stored.emotion) == (clip.speaker, clip.split, clip.emotion)
        np.testing.assert_array_equal(stored.landmarks(), stored_arrays(clip.clip_id)[0])


def talking(path: Path, frames: int = 8) -> Path:
    times_s = [i / 25 for i in range(frames)]
    picture = blob_picture((160, 140))
    return write_video(path, times_s, lambda _: picture, sound=sine(0.4, 48_000))


@pytest.fixture
def no_extraction(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("nothing is left to extract")

    monkeypatch.setattr(preparation, "extract_all", refuse)


@pytest.mark.usefixtures("no_extraction")
def test_parts_become_a_data_set(tmp_path: Path) -> None:
    clips = ready(tmp_path, "anna/1", "anna/2", "ben/1", "cleo/1")
    assert prepare(clips, tmp_path, workers=1) == Preparation(clips=4, failed=0)
    check_whole(tmp_path, clips)
    beside = ["README.md", "data", "failures.csv", "notes.csv", "splits.csv"]
    assert sorted(path.name for path in tmp_path.iterdir()) == beside
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == [
        "test-00000.parquet",
        "train-00000.parquet",
        "val-00000.parquet",
    ]
    with (tmp_path / "splits.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert rows[0] == {"clip_id": "anna/1", "speaker": "anna", "split": "train"}


@pytest.mark.usefixtures("no_extraction")
def test_a_run_with_nothing_to_do_leaves_the_data_set_untouched(tmp_path: Path) -> None:
    clips = ready(tmp_path, "anna/1", "cleo/1")
    prepare(clips, tmp_path, workers=1)
    (tmp_path / "features").mkdir()
    (tmp_path / "features" / "cached.npy").write_text("costly")
    before = contents(tmp_path)
    assert prepare(clips, tmp_path, workers=1) == Preparation(clips=2, failed=0)
    assert contents(tmp_path) == before


@pytest.mark.usefixtures("no_extraction")
def test_more_clips_join_what_is_there_and_old_features_go(tmp_path: Path) -> None:
    clips = ready(tmp_path, "anna/2", "cleo/1")
    prepare(clips, tmp_path, workers=1)
    (tmp_path / "features").mkdir()
    clips = ready(tmp_path, "anna/1") + clips + ready(tmp_path, "ben/1")
    prepare(clips, tmp_path, workers=1)
    check_whole(tmp_path, clips)
    assert not (tmp_path / "features").exists()
    assert not (tmp_path / "parts").exists()


@pytest.mark.usefixtures("no_extraction")
def test_changed_labels_are_taken_over_without_extracting_again(tmp_path: Path) -> None:
    prepare(ready(tmp_path, "anna/1", "cleo/1"), tmp_path, workers=1)
    clips = [make_clip("anna/1", speaker="a", split="val", emotion="sad"), clip_named("cleo/1")]
    prepare(clips, tmp_path, workers=1)
    check_whole(tmp_path, clips)


@pytest.mark.usefixtures("no_extraction")
def test_clips_that_are_no_longer_asked_for_are_kept_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    clips = ready(tmp_path, "anna/1", "anna/2", "cleo/1")
    prepare(clips, tmp_path, workers=1)
    prepare(clips[::2], tmp_path, workers=1)
    check_whole(tmp_path, clips[::2])
    assert "1 clips of an earlier run are not asked for now" in caplog.text
    prepare(clips, tmp_path, workers=1)
    check_whole(tmp_path, clips)
    assert not (tmp_path / "parts").exists()


class Killed(BaseException):
    """Stands for SIGKILL."""


STEPS = [(Path, "rename"), (Path, "replace"), (Path, "unlink"), (Path, "rmdir"), (Path, "mkdir"), (shutil, "rmtree")]


def kill_at(monkeypatch: pytest.MonkeyPatch, number: int) -> Callable[[], int]:
    """From the `number`-th change of the disk on, nothing happens on the disk any more."""
    done = 0

    def counted(real: Callable[..., Any]) -> Callable[..., Any]:
        def step(*arguments: Any, **named: Any) -> Any:
            nonlocal done
            done += 1
            if done > number:
                raise Killed
            return real(*arguments, **named)

        return step

    for owner, name in STEPS:
        monkeypatch.setattr(owner, name, counted(getattr(owner, name)))
    return lambda: done


@pytest.mark.usefixtures("no_extraction")
def test_being_killed_at_any_moment_loses_nothing(tmp_path: Path) -> None:
    for number in range(200):
        out = tmp_path / str(number)
        prepare(ready(out, "anna/1", "anna/2", "cleo/1"), out, workers=1)
        (out / "features").mkdir()
        ready(out, "anna/0", "anna/3", "ben/1")
        wanted = [clip_named(name) for name in ("anna/0", "anna/2", "anna/3", "ben/1", "cleo/1")]
        with pytest.MonkeyPatch.context() as patch:
            count = kill_at(patch, number)
            try:
                prepare(wanted, out, workers=1)
                finished = True
            except Killed:
                finished = False
        if (out / "data").is_dir():
            assert len(ClipStore(out).clips) in {3, 5}
        prepare(wanted, out, workers=1)
        check_whole(out, wanted)
        left_out = [clip_named("anna/1")]
        prepare([*wanted, *left_out], out, workers=1)
        check_whole(out, [*wanted, *left_out])
        assert not [path for path in out.rglob("*") if path.name.startswith(".")]
        if finished:
            assert number == count()
            break
    assert finished
    assert number > 15


@pytest.mark.usefixtures("no_extraction")
def test_a_data_set_that_was_just_moved_away_is_put_back(tmp_path: Path) -> None:
    clips = ready(tmp_path, "anna/1", "cleo/1")
    prepare(clips, tmp_path, workers=1)
    (tmp_path / "data").rename(tmp_path / ".data.old")
    (tmp_path / ".data.new").mkdir()
    prepare(clips, tmp_path, workers=1)
    check_whole(tmp_path, clips)
    assert not list(tmp_path.glob(".*"))


def test_a_damaged_shard_is_named(tmp_path: Path) -> None:
    clips = ready(tmp_path, "anna/1", "cleo/1")
    prepare(clips, tmp_path, workers=1)
    (tmp_path / "data" / "train-00000.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match="train-00000"):
        prepare(clips, tmp_path, workers=1)


def test_shared_speakers_are_refused_before_any_work(tmp_path: Path) -> None:
    clips = [make_clip("anna/1"), make_clip("anna/2", split="test")]
    with pytest.raises(InputError, match="'anna'"):
        prepare(clips, tmp_path / "out", workers=1)
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("no_extraction")
def test_the_sentence_protocol_is_named_on_the_card(tmp_path: Path) -> None:
    clips = [make_clip("anna/1"), make_clip("anna/2", split="test")]
    for clip in clips:
        write_part(clip, tmp_path)
    prepare(clips, tmp_path, workers=1, protocol="sentences")
    assert "protocol `sentences`" in (tmp_path / "README.md").read_text()


def test_videos_become_a_data_set_and_failures_are_listed(tmp_path: Path) -> None:
    good, out = talking(tmp_path / "good.mkv"), tmp_path / "out"
    (tmp_path / "bad.mkv").write_bytes(b"no video" * 100)
    clips = [clip_named("anna/1", path=good), clip_named("cleo/1", path=tmp_path / "bad.mkv")]
    ended = prepare(clips, out, workers=2, make_finder=BlobFinder)
    assert ended == Preparation(clips=1, failed=1)
    assert ended.failed_too_many
    with (out / "failures.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert row["clip_id"] == "cleo/1"
    assert "cannot decode the video" in row["reason"]
    assert "failed clips: 1 of 2" in (out / "README.md").read_text()
    before = contents(out / "data")

    ended = prepare(clips, out, workers=1, make_finder=BlobFinder)
    assert ended == Preparation(clips=1, failed=1)
    assert contents(out / "data") == before
    assert not (out / "parts").exists()

    shutil.copy(good, tmp_path / "bad.mkv")
    assert prepare(clips, out, workers=1, make_finder=BlobFinder) == Preparation(clips=2, failed=0)
    assert (out / "failures.csv").read_text() == "clip_id,reason\n"
    assert len(ClipStore(out).clips) == 2


def test_a_damaged_part_is_made_again_and_finished_ones_are_kept(tmp_path: Path) -> None:
    out = tmp_path / "out"
    clips = [clip_named(name, path=talking(tmp_path / f"{name[0]}.mkv")) for name in ("anna/1", "cleo/1")]
    kept = write_part(clips[0], out)
    damaged = write_part(clips[1], out)
    damaged.write_bytes(damaged.read_bytes()[:500])
    (out / "parts" / f".{damaged.stem}.99.part.parquet").write_bytes(b"half")
    assert kept.is_file()
    prepare(clips, out, workers=1, make_finder=BlobFinder)
    store = ClipStore(out)
    np.testing.assert_array_equal(store.by_id["anna/1"].landmarks(), stored_arrays("anna/1")[0])
    assert store.by_id["cleo/1"].frames > 6
    assert not (out / "parts").exists()


def test_a_part_of_another_video_is_not_taken(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_part(clip_named("anna/1"), out)
    clip = clip_named("anna/1", path=talking(tmp_path / "other.mkv"))
    prepare([clip], out, workers=1, make_finder=BlobFinder)
    assert ClipStore(out).clips[0].frames > 6


def test_nothing_but_failures_is_an_error(tmp_path: Path) -> None:
    clips = [clip_named("anna/1", path=talking(tmp_path / "a.mkv"))]
    with pytest.raises(InputError, match=r"none of 1 clips could be prepared: .*no face found"):
        prepare(clips, tmp_path / "out", workers=1, make_finder=LostFinder)
    assert not list((tmp_path / "out").iterdir())


def test_a_clip_that_kills_its_process_or_meets_a_fault_costs_only_itself(tmp_path: Path) -> None:
    good, out = talking(tmp_path / "good.mkv"), tmp_path / "out"
    deadly = write_video(
        tmp_path / "deadly.mkv", [i / 25 for i in range(25)], lambda _: blob_picture(None), sound=sine(1.0)
    )
    faulty = write_video(
        tmp_path / "faulty.mkv", [i / 25 for i in range(25)], lambda _: blob_picture(None, (96, 64)), sound=sine(1.0)
    )
    clips = [
        clip_named("anna/1", path=deadly),
        *(clip_named(f"anna/{number}", path=good) for number in (2, 3)),
        clip_named("cleo/1", path=faulty),
        clip_named("cleo/2", path=good),
    ]
    assert prepare(clips, out, workers=2, make_finder=TouchyFinder) == Preparation(clips=3, failed=2)
    with (out / "failures.csv").open() as file:
        reasons = {row["clip_id"]: row["reason"] for row in csv.DictReader(file)}
    assert list(reasons) == ["anna/1", "cleo/1"]
    assert "its worker process died" in reasons["anna/1"]
    assert reasons["cleo/1"] == f"{faulty}: unexpected ZeroDivisionError (a fault): please report it"
    assert {clip.clip_id for clip in ClipStore(out).clips} == {"anna/2", "anna/3", "cleo/2"}


def test_processes_that_always_die_end_the_run_and_finished_parts_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kfusion.data.processes._MOST_DEATHS", 2)
    out, video = tmp_path / "out", talking(tmp_path / "a.mkv")
    clips = [*ready(out, "anna/1"), *(clip_named(f"cleo/{number}", path=video) for number in range(3))]
    with pytest.raises(KfusionError, match=r"2 worker processes died one after another .* what is finished is kept"):
        prepare(clips, out, workers=2, make_finder=DeadlyFinder)
    assert part_path(out, "anna/1").is_file()
    prepare(clips, out, workers=1, make_finder=BlobFinder)
    assert len(ClipStore(out).clips) == 4


def test_a_second_run_in_the_same_place_is_refused(tmp_path: Path) -> None:
    clips = ready(tmp_path, "anna/1", "cleo/1")
    with only_run(tmp_path), pytest.raises(InputError, match="another run is at work here"):
        prepare(clips, tmp_path, workers=1)
    assert prepare(clips, tmp_path, workers=1) == Preparation(clips=2, failed=0)


def test_reasons_may_hold_names_that_are_not_utf_8(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"\xff")
    folder.mkdir()
    (folder / "bad.mkv").write_bytes(b"no video" * 100)
    clips = [*ready(tmp_path / "out", "anna/1"), clip_named("cleo/1", path=folder / "bad.mkv")]
    for _ in range(2):
        assert prepare(clips, tmp_path / "out", workers=1, make_finder=BlobFinder) == Preparation(clips=1, failed=1)
    assert "\\udcff" in (tmp_path / "out" / "failures.csv").read_text()


@pytest.mark.parametrize("name", ["bad\udcff", "new\nline", "red\x1b[31m"])
def test_a_clip_whose_name_is_no_plain_text_costs_only_itself(name: str, tmp_path: Path) -> None:
    source, out = tmp_path / "source", tmp_path / "out"
    source.mkdir()
    talking(source / "good.mkv")
    talking(source / "other.mkv", frames=9).rename(source / f"{name}.mkv")
    done = prepare(read_folder(source), out, workers=1, make_finder=BlobFinder)
    assert (done.clips, done.failed) == (1, 1)
    with (out / "failures.csv").open(newline="") as file:
        ((clip, reason),) = [*csv.reader(file)][1:]
    assert clip == name.encode(errors="backslashreplace").decode()
    assert reason.endswith("is not plain text: rename the file or its folder")


def test_an_error_of_the_face_finder_comes_through(tmp_path: Path) -> None:
    clips = [clip_named("anna/1", path=talking(tmp_path / "a.mkv"))]
    with pytest.raises(MissingWeightsError, match=r"x\.task"):
        prepare(clips, tmp_path / "out", workers=1, make_finder=finder_without_weights)


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_an_output_place_that_cannot_be_written_is_an_error(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="cannot write"):
        prepare([clip_named("anna/1")], tmp_path / place, workers=1)


FULL_DISK = """
import resource, sys
from pathlib import Path
from factories.media import make_clip, write_part
from kfusion.data.preparation import prepare
from kfusion.errors import OutputError
out = Path(sys.argv[1])
clips = [make_clip(f"anna/{index}") for index in range(20)]
for clip in clips:
    write_part(clip, out, frames=60)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
try:
    prepare(clips, out, workers=1)
except OutputError as error:
    print(error)
"""


def test_a_full_disk_is_an_output_error_and_loses_nothing(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path)],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "cannot write" in ended.stdout
    assert len(list((tmp_path / "parts").glob("[!.]*.parquet"))) == 20
    assert not list(tmp_path.rglob("*.part*"))


SLOW_RUN = """
import sys
from pathlib import Path
from factories.media import SlowFinder, make_clip
from kfusion.data.preparation import prepare

if __name__ == "__main__":
    clips = [make_clip(f"anna/{index}", path=Path(sys.argv[2])) for index in range(60)]
    prepare(clips, Path(sys.argv[1]), workers=2, make_finder=SlowFinder)
"""


def start_slow_run(tmp_path: Path) -> tuple[subprocess.Popen[str], Path]:
    script, out = tmp_path / "run.py", tmp_path / "out"
    script.write_text(SLOW_RUN)
    run = subprocess.Popen(
        [sys.executable, str(script), str(out), str(talking(tmp_path / "a.mkv"))],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while len(list((out / "parts").glob("[!.]*.parquet"))) < 2:
        assert run.poll() is None, run.stderr and run.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return run, out


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_stopped_run_leaves_whole_parts_and_no_processes(tmp_path: Path, number: signal.Signals) -> None:
    run, out = start_slow_run(tmp_path)
    if number == signal.SIGINT:
        os.killpg(run.pid, number)
    else:
        run.kill()
    _, said = run.communicate(timeout=30)
    assert "KeyboardInterrupt" in said or number == signal.SIGKILL
    deadline = time.monotonic() + 20
    while group_lives(run.pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not group_lives(run.pid)
    clips = [make_clip(f"anna/{index}", path=tmp_path / "a.mkv") for index in range(60)]
    finished = [clip for clip in clips if part_path(out, clip.clip_id).is_file()]
    assert 2 <= len(finished) < 60
    assert prepare(finished, out, workers=1, make_finder=DeadlyFinder) == Preparation(clips=len(finished), failed=0)
    assert len(ClipStore(out).clips) == len(finished)


def group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True

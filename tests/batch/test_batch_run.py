import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from factories.batch import HereLane, answered, contents, make_plan, run_here, write_manifest, write_recordings
from factories.inputs import tone, write_wav
from pyarrow import parquet

from kfusion.assets import SAMPLE_PORTRAIT
from kfusion.batch import batch_run
from kfusion.batch.animator import SHARDS, Outcome
from kfusion.batch.batch_run import BatchPlan
from kfusion.batch.landmark_shards import RESULT_SCHEMA
from kfusion.batch.ledger import Ledger
from kfusion.errors import InputError, OutputError
from kfusion.inference.generator import load
from kfusion.landmarks import LandmarkSequence
from kfusion.share import Share


class KilledError(BaseException):
    """As if the process were gone: nothing of the package catches it."""


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """Ten recordings, and a manifest with two rows more that cannot be animated."""
    rows: list[dict[str, Any]] = [{"speech": name, "fps": 25} for name in write_recordings(tmp_path, 10)]
    rows[3]["emotion"] = "happy"
    rows.insert(4, {"speech": "missing.wav"})
    rows.append({"speech": rows[0]["speech"], "name": "x/y", "fps": "fast"})
    write_manifest(tmp_path / "manifest.jsonl", rows)
    return tmp_path


def killed_after(plan: BatchPlan, count: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The rows whose results were there when the run was gone."""
    submit, seen = HereLane.submit, list[int]()

    def until_then(lane: HereLane, item: Any) -> Any:
        if len(seen) == count:
            raise KilledError
        seen.append(item.row)
        return submit(lane, item)

    with monkeypatch.context() as patch:
        patch.setattr(HereLane, "submit", until_then)
        with pytest.raises(KilledError):
            run_here(plan)
    return seen


def test_every_row_has_what_generate_gives_or_a_reason(desk: Path) -> None:
    summary = run_here(make_plan(desk, formats=("npz", "csv", "livelink")))
    assert (summary.rows, summary.done, summary.failed) == (12, 10, 2)
    sequence = LandmarkSequence.load(desk / "out" / "clip 2é" / "landmarks.npz")
    wanted = load(desk / "model.onnx").generate(desk / "clip 2é.wav", fps=25)
    assert (sequence.points == wanted.points).all()
    assert (sequence.fps, sequence.source) == (25, "clip 2é.wav")
    assert (desk / "out" / "clip 2é" / "motion.livelink.csv").exists()
    assert "rule-based" in (desk / "out" / "clip 3é" / "notes.txt").read_text()
    listed = (desk / "out" / "failures.csv").read_text().splitlines()
    assert listed == [
        "row,name,speech,reason",
        "5,missing,missing.wav,missing.wav: no such recording: check the path",
        "12,x/y,clip 0é.wav,row 12: fps is 'fast': use a number",
    ]


@pytest.mark.parametrize("formats", [("npz",), (SHARDS,)])
def test_a_run_that_was_killed_goes_on_and_gives_the_bytes_of_an_unbroken_one(
    desk: Path, monkeypatch: pytest.MonkeyPatch, formats: tuple[str, ...]
) -> None:
    run_here(make_plan(desk, "whole", formats=formats, piece_rows=5), lanes=3)
    plan, before, after = make_plan(desk, formats=formats, piece_rows=5), list[int](), list[int]()
    for count in (0, 3, 5):
        before += killed_after(plan, count, monkeypatch)
    run_here(plan, seen=after)
    assert contents(desk / "out") == contents(desk / "whole")
    assert sorted([*before, *after]) == list(range(1, 12))
    again = list[int]()
    run_here(plan, seen=again)
    assert not again


def test_a_manifest_that_is_refused_leaves_nothing_behind(desk: Path) -> None:
    plan = make_plan(desk)
    (desk / "twice.csv").write_text("speech,name\na.wav,x\nb.wav,x\n")
    refused = replace(plan, manifest=desk / "twice.csv")
    with pytest.raises(InputError, match="the same result, 'x'"):
        run_here(refused)
    assert not plan.out.exists()
    run_here(plan)
    before = contents(plan.out)
    with pytest.raises(InputError, match="was begun with another manifest"):
        run_here(refused)
    assert contents(plan.out) == before


def test_shares_of_a_manifest_put_together_are_the_whole(desk: Path) -> None:
    run_here(make_plan(desk, "whole", formats=(SHARDS,), piece_rows=2))
    rows = 0
    for index in (1, 2, 3):
        plan = make_plan(desk, formats=(SHARDS,), piece_rows=2, share=Share(index, 3))
        rows += run_here(plan).rows
        assert (desk / "out" / f"failures.{index}-of-3.csv").exists()
    assert rows == 12
    seen = list[int]()
    assert run_here(make_plan(desk, formats=(SHARDS,)), seen=seen).done == 10
    assert not seen
    whole, together = contents(desk / "whole"), contents(desk / "out")
    assert whole == {name: together[name] for name in whole}


def test_a_parquet_file_has_a_row_a_recording_and_no_more_frames_than_it_may(
    desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("FILE_FRAMES", "GROUP_FRAMES"):
        monkeypatch.setattr(f"kfusion.batch.landmark_shards.{name}", 40 if name == "FILE_FRAMES" else 20)
    run_here(make_plan(desk, formats=(SHARDS,), piece_rows=100))
    files = sorted((desk / "out").glob("*.parquet"))
    tables = [parquet.read_table(file) for file in files]
    assert len(files) > 1
    assert all(table.schema.equals(RESULT_SCHEMA) for table in tables)
    assert all(sum(table["frames"].to_pylist()) <= 40 for table in tables)
    rows = [row for table in tables for row in table.to_pylist()]
    assert sorted(row["row"] for row in rows) == [1, 2, 3, 4, *range(6, 12)]
    second = next(row for row in rows if row["row"] == 2)
    wanted = load(desk / "model.onnx").generate(desk / "clip 1é.wav", fps=25)
    assert second["landmarks"] == wanted.points.tolist()
    assert (second["name"], second["coordinates"], second["frames"]) == ("clip 1é", "crop", len(wanted))


def test_failed_rows_stay_failed_until_they_are_to_be_tried_again(desk: Path) -> None:
    plan = make_plan(desk, formats=(SHARDS,), piece_rows=6)
    run_here(plan)
    write_wav(desk / "missing.wav", tone(0.4))
    seen = list[int]()
    assert run_here(plan, seen=seen).failed == 2
    assert not seen
    summary = run_here(make_plan(desk, formats=(SHARDS,), retry_failed=True), seen=seen)
    assert (summary.done, summary.failed, seen) == (11, 1, [5])
    run_here(make_plan(desk, "whole", formats=(SHARDS,), piece_rows=6))
    assert contents(desk / "out") == contents(desk / "whole")


def test_a_face_that_many_rows_name_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    faces, read = ["a.csv", "b.csv", "none.csv"], list[str]()
    for name in faces[:2]:
        load_mean = load().generate(tone(0.2))
        load_mean.save(tmp_path / name)
    names = write_recordings(tmp_path, 9)
    rows = [{"speech": name, "face": faces[number % 3]} for number, name in enumerate(names)]
    write_manifest(tmp_path / "manifest.jsonl", rows)
    from kfusion.batch import speakers

    monkeypatch.setattr(speakers, "read_identity", _noting(speakers.read_identity, read))
    summary = run_here(make_plan(tmp_path))
    assert (summary.done, summary.failed) == (6, 3)
    assert sorted(read) == ["a.csv", "b.csv"]


def test_films_are_made_of_portraits_and_of_points(tmp_path: Path) -> None:
    shutil.copy(SAMPLE_PORTRAIT, tmp_path / "p.jpg")
    names = write_recordings(tmp_path, 2)
    write_manifest(tmp_path / "manifest.jsonl", [{"speech": names[0], "face": "p.jpg"}, {"speech": names[1]}])
    summary = run_here(make_plan(tmp_path, options={"video": "picture"}))
    assert (summary.done, summary.failed) == (1, 1)
    assert (tmp_path / "out" / "clip 0é" / "talking.mp4").stat().st_size > 1000
    assert "use --video points" in (tmp_path / "out" / "failures.csv").read_text()
    assert run_here(make_plan(tmp_path, "points", options={"video": "points"})).done == 2
    assert (tmp_path / "points" / "clip 1é" / "preview.mp4").stat().st_size > 1000


def _noting(function: Any, names: list[str]) -> Any:
    def noted(path: Any, **settings: Any) -> Any:
        names.append(path.name)
        return function(path, **settings)

    return noted


def test_another_run_on_the_same_results_is_refused(desk: Path) -> None:
    plan = make_plan(desk)
    run_here(plan)
    with batch_run._only_run(Ledger(desk / "out"), Share(2, 3)):
        for share in (Share(2, 3), Share(1, 2), Share()):
            with pytest.raises(InputError, match="another run is at work here"):
                run_here(make_plan(desk, share=share))
        run_here(make_plan(desk, share=Share(1, 3)))


def test_a_folder_with_results_of_something_else_is_refused(desk: Path) -> None:
    run_here(make_plan(desk))
    for changes, message in (
        ({"options": {"fps": 25.0}}, r"begun with fps 30\.0, now it is 25\.0"),
        ({"formats": ("npz", "csv")}, "begun with formats"),
        ({"piece_rows": 3}, "begun with rows_a_file 16, now it is 3"),
    ):
        with pytest.raises(InputError, match=message):
            run_here(make_plan(desk, **changes))
    with (desk / "manifest.jsonl").open("a") as file:
        file.write('{"speech": "new.wav"}\n')
    with pytest.raises(InputError, match="another manifest"):
        run_here(make_plan(desk))


class StoreLane(HereLane):
    """Recordings called `far` are in a store, which answers while it `is_there`."""

    is_there = True

    def submit(self, item: Any) -> Any:
        job = super().submit(item)
        if item.speech.startswith("memory://") and not self.is_there:
            reason = f"{item.speech}: the store memory://far did not give it"
            return answered(Outcome(row=item.row, reason=reason, again=True, lost_store="memory://far"))
        return job


def test_a_store_that_is_gone_stops_the_run_and_the_next_one_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fsspec

    far = fsspec.filesystem("memory")
    rows = []
    for number, name in enumerate(write_recordings(tmp_path, 24)):
        far.pipe(f"/far/{number}.wav", (tmp_path / name).read_bytes())
        rows.append({"speech": f"memory://far/{number}.wav"})
    write_manifest(tmp_path / "manifest.jsonl", rows)
    monkeypatch.setattr("factories.batch.HereLane", StoreLane)
    submit, lost = StoreLane.submit, range(6, 100)
    monkeypatch.setattr(StoreLane, "submit", lambda lane, item: _while(lane, item, lost, submit))
    with pytest.raises(InputError, match=r"memory://far gave no answer for 10 recordings in a row.* run the command"):
        run_here(make_plan(tmp_path, formats=(SHARDS,)))
    assert (tmp_path / "out" / "failures.csv").read_text().count("\n") == 1
    seen = list[int]()
    monkeypatch.setattr(StoreLane, "submit", lambda lane, item: _while(lane, item, (9,), submit))
    assert run_here(make_plan(tmp_path, formats=(SHARDS,)), seen=seen).failed == 1
    assert seen == list(range(6, 25))
    # One that the store did not give is tried again without being asked for.
    monkeypatch.setattr(StoreLane, "submit", lambda lane, item: _while(lane, item, (), submit))
    seen.clear()
    assert run_here(make_plan(tmp_path, formats=(SHARDS,)), seen=seen).done == 24
    assert seen == [9]


def _while(lane: StoreLane, item: Any, lost: Any, submit: Any) -> Any:
    lane.is_there = item.row not in lost
    return submit(lane, item)


def test_a_disk_that_fills_stops_the_run_and_costs_nothing_that_is_finished(
    desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit = HereLane.submit

    def full(lane: HereLane, item: Any) -> Any:
        job = submit(lane, item)
        if item.row == 7:
            said = f"{lane.folder / 'row-7'}: cannot write (No space left on device): choose another place"
            return answered(Outcome(row=7, full=said))
        return job

    plan = make_plan(desk)
    with monkeypatch.context() as patch:
        patch.setattr(HereLane, "submit", full)
        with pytest.raises(OutputError, match=r"/out: cannot write \(No space left on device\)"):
            run_here(plan)
    seen = list[int]()
    assert run_here(plan, seen=seen).done == 10
    assert seen[0] == 7


def test_a_name_that_is_a_file_already_costs_its_own_row_only(desk: Path) -> None:
    (desk / "out").mkdir()
    (desk / "out" / "clip 1é").write_text("in the way")
    summary = run_here(make_plan(desk))
    assert (summary.done, summary.failed) == (9, 3)
    assert "no result can have this name" in (desk / "out" / "failures.csv").read_text()

import tracemalloc
from pathlib import Path

import pytest
from factories.batch import write_manifest

from kfusion.batch.survey import survey
from kfusion.errors import InputError, MissingExtraError


@pytest.fixture
def work(tmp_path: Path) -> Path:
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


def test_rows_are_counted_bad_ones_too(tmp_path: Path, work: Path) -> None:
    path = tmp_path / "m.jsonl"
    path.write_text('{"speech": "a.wav"}\nnothing\n{"speech": ""}\n')
    assert survey(path, work).rows == 3


def test_two_rows_with_one_result_are_both_named(tmp_path: Path, work: Path) -> None:
    path = write_manifest(tmp_path / "m.jsonl", [{"speech": name} for name in ("a.wav", "b.wav", "c/a.wav", "A.mp4")])
    with pytest.raises(InputError, match="rows 1 and 4 would have the same result, 'a' and 'A', which some disks"):
        survey(path, work)


def test_a_manifest_without_a_row_or_without_speech_is_refused(tmp_path: Path, work: Path) -> None:
    (tmp_path / "m.csv").write_text("speech,name\n")
    with pytest.raises(InputError, match="holds no row"):
        survey(tmp_path / "m.csv", work)
    with pytest.raises(InputError, match="has no column speech"):
        survey(write_manifest(tmp_path / "m.jsonl", [{"name": "a"}, {"name": "b"}]), work)


def test_a_store_whose_package_is_missing_stops_the_run_before_it_begins(
    tmp_path: Path, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "gcsfs", None)
    path = write_manifest(tmp_path / "m.jsonl", [{"speech": "gs://bucket/a.wav"}])
    with pytest.raises(MissingExtraError, match=r"gs:// .*: pip install gcsfs"):
        survey(path, work)


def test_memory_does_not_grow_with_the_rows(tmp_path: Path, work: Path) -> None:
    peaks = []
    for count in (2_000, 20_000):
        path = tmp_path / "m.csv"
        path.write_text("speech\n" + "".join(f"clips/{number:07}.wav\n" for number in range(count)))
        for old in work.iterdir():
            old.unlink()
        tracemalloc.start()
        assert survey(path, work).rows == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # All names would be 480 kB; buffers fill up to 4 kB each, and a 64th of the names is sorted at once.
    assert peaks[1] < peaks[0] + 400_000

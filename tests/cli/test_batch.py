"""The command line, and whole runs as users make them: killed, with bad files, on read-only places."""

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from factories.batch import contents, write_manifest, write_recordings
from factories.inputs import write_bundle

from kfusion.batch.animator import VIDEOS
from kfusion.cli.batch import FORMATS, VIDEO_CHOICES, PaceTeller
from kfusion.cli.main import main
from kfusion.formats.motion_files import MOTION_FORMATS


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_bundle(tmp_path / "model.onnx")
    rows = [{"speech": name} for name in write_recordings(tmp_path, 30)]
    write_manifest(tmp_path / "m.jsonl", rows)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def batch(*words: str) -> int:
    return main(["batch", "m.jsonl", "-o", "out", "--model", "model.onnx", "--jobs", "1", *words])


def test_the_command_knows_the_formats_of_the_library() -> None:
    assert set(FORMATS) == {"npz", "csv", "json", *MOTION_FORMATS} - {"parquet"}
    assert tuple(VIDEOS) == VIDEO_CHOICES


def test_a_run_tells_what_there_is_and_how_fast_it_was(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert batch("--format", "parquet") == 0
    out, notes = capsys.readouterr()
    assert out == "out: 30 recordings animated, 0 failed\n"
    assert "kfusion: 30 recordings in " in notes
    assert "a core-hour, 1 at once" in notes
    assert batch("--format", "parquet") == 0
    assert sorted(contents(desk / "out")) == ["failures.csv", "part-000000.parquet", "part-000001.parquet"]


def test_a_killed_run_goes_on_where_it_was(desk: Path) -> None:
    words = ["batch", "m.jsonl", "--model", "model.onnx", "--jobs", "2", "--format", "parquet", "-o"]
    assert main([*words, "whole"]) == 0
    run = [sys.executable, "-m", "kfusion", *words, "out"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(run, env=environment, stderr=subprocess.DEVNULL) as process:
        lines = desk / "out" / ".batch" / "open" / "000000.jsonl"
        deadline = time.monotonic() + 60
        while not (lines.exists() and lines.stat().st_size) and time.monotonic() < deadline:
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
    kept = lines.read_text().splitlines() if lines.exists() else []
    assert main([*words, "out"]) == 0
    assert contents(desk / "out") == contents(desk / "whole")
    assert kept or (desk / "out" / ".batch" / "pieces" / "000000.json").exists()
    assert not [path for path in (desk / "out" / ".batch").rglob("*") if path.name.endswith(".part")]


def test_the_exit_code_tells_whether_too_many_failed(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (desk / "m.jsonl").open("a") as manifest:
        manifest.write('{"speech": "none.wav"}\n{"speech": "clip 0é.wav", "name": "b", "emotion": "joyful"}\n')
    assert batch() == 1
    assert "kfusion: error: 2 of 32 recordings failed, more than 5 %: read the reasons in out/failures.csv" in (
        capsys.readouterr().err
    )
    assert batch("--max-failures", "0.1") == 0
    assert "kfusion: note: 2 of 32 recordings failed: see out/failures.csv" in capsys.readouterr().err
    with (desk / "out" / "failures.csv").open() as file:
        assert [(row["row"], row["name"]) for row in csv.DictReader(file)] == [("31", "none"), ("32", "b")]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--shard", "3/2"], "shard 3/2: pass I/N"),
        (["--shard", "0/2"], "shard 0/2: pass I/N"),
        (["--jobs", "0"], "--jobs is 0: use a number above 0"),
        (["--time-limit", "0"], "--time-limit is 0"),
        (["--max-failures", "5"], "--max-failures is 5: use a share from 0 to 1"),
        (["--address", "auto"], "--address auto goes with --engine ray"),
        (["--format", "parquet,npz"], "parquet holds all results in common files"),
        (["--format", "parquet", "--video", "points"], "parquet holds no films"),
        (["--format", "bvh"], "unknown output format 'bvh'"),
        (["--face", "none.jpg"], "none.jpg"),
        (["--intensity", "2"], "intensity 2 without an emotion"),
        (["--model", "none.onnx"], "none.onnx"),
    ],
)
def test_a_run_that_cannot_begin_says_why_and_leaves_nothing(
    desk: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert batch(*words) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (desk / "out").exists()


def test_results_that_cannot_be_written_are_refused(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (desk / "out").write_text("in the way")
    assert batch() == 2
    assert "out" in capsys.readouterr().err


def test_without_pyarrow_files_come_out_and_what_needs_it_says_so(desk: Path) -> None:
    program = (
        "import sys\nfor name in ('pyarrow', 'fsspec', 'ray', 'torch'): sys.modules[name] = None\n"
        "from kfusion.cli.main import main\n"
        "words = ['batch', 'm.jsonl', '--model', 'model.onnx', '--jobs', '1', '-o']\n"
        "assert main([*words, 'out', '--shard', '1/2']) == 0\n"
        "for more in (['--format', 'parquet'], ['--engine', 'ray']): assert main([*words, 'other', *more]) == 2\n"
    )
    script = desk / "run.py"
    script.write_text(f"if __name__ == '__main__':\n{_indented(program)}")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run([sys.executable, script], env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert "pip install 'kfusion[batch]'" in ended.stderr
    assert "pip install 'kfusion[ray]'" in ended.stderr


def _indented(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.splitlines())


def test_lines_about_the_pace_are_far_between(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from kfusion.batch.pace import BatchPace

    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    pace, progress = BatchPace(100, 1, lambda: now[0]), PaceTeller()
    for _ in range(100):
        now[0] += 1
        pace.count(2.0)
        progress(pace)
    progress.end()
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 4
    assert lines[1].startswith("kfusion: 60 of 100 recordings, 0 failed; 1 a second, 2 hours of speech a core-hour; ")

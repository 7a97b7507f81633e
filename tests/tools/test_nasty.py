"""The program that gives nasty files to the command line sees what is wrong; the corpus is the same every time."""

import faults
import numpy as np
import pytest
import run as nasty
from damage import damaged
from faces import landmark_files
from factories.inputs import tone, write_wav
from recordings import wav_headers

from kfusion.landmarks import LandmarkSequence


def test_a_good_file_and_a_bad_one_end_well(tmp_path):
    (tmp_path / "face").mkdir()
    write_wav(tmp_path / "speech.wav", tone(0.3))
    (tmp_path / "face" / "points.csv").write_text("1,2\n")
    good = nasty.give(tmp_path / "speech.wav", tmp_path, 60)
    bad = nasty.give(tmp_path / "face" / "points.csv", tmp_path, 60)
    assert (good.code, good.faults) == (0, ())
    assert (bad.code, bad.faults) == (2, ())
    assert bad.message.startswith("kfusion: error: ")
    assert "2 files: 1 results, 1 refused, 0 bad" in nasty.summary([good, bad])


LEAVING = "import pathlib, sys; out = pathlib.Path(sys.argv[-2]); out.mkdir(); (out / 'a').touch()"
REFUSING = "print('kfusion: error: a', file=sys.stderr); sys.exit(2)"


@pytest.mark.parametrize(
    ("program", "fault"),
    [
        ("import time; time.sleep(60)", "too slow"),
        ("raise ValueError('x')", "exit code 1"),
        ("import sys; sys.exit(2)", "exit code 2 without its one line"),
        ("import sys; print('kfusion: error: a\\nb', file=sys.stderr); sys.exit(2)", "other lines on stderr"),
        ("pass", "exit code 0 without a result"),
        ("import os; os.abort()", "exit code -6"),
        ("x = b'x' * 150_000_000", "too much memory"),
        (f"{LEAVING}; {REFUSING}", "files left"),
    ],
)
def test_every_fault_is_seen(tmp_path, monkeypatch, program, fault):
    """A `kfusion` that misbehaves stands in the place of ours."""
    package = tmp_path / "kfusion"
    package.mkdir()
    (package / "__main__.py").write_text(program)
    (package / "__init__.py").touch()
    monkeypatch.setattr(nasty, "MEGABYTES", 100)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "speech.wav"
    path.touch()
    assert fault in nasty.give(path, tmp_path, 5).faults


@pytest.mark.parametrize("maker", [landmark_files, wav_headers])
def test_the_corpus_is_the_same_every_time(maker):
    first, second = list(maker()), list(maker())
    assert first == second
    assert len({name for name, _ in first}) == len(first) > 30


def test_damage_leaves_the_file_itself_and_changes_the_others():
    files = dict(damaged("a", "wav", bytes(range(256)) * 10))
    assert files.pop("a.wav") == bytes(range(256)) * 10
    assert len(files) == 7
    assert all(content != bytes(range(256)) * 10 for content in files.values())


def test_what_a_fault_loses_is_seen(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    points = np.zeros((3, 68, 2), np.float32)
    LandmarkSequence(points=points, fps=30).save(out / "landmarks.npz")
    for name in ("landmarks.csv", "preview.mp4"):
        (out / name).touch()
    assert faults.lost(out, points) == []
    assert faults.lost(out, points + 1) == ["landmarks.npz is another"]
    (out / "preview.mp4").rename(out / ".preview.part")
    (tmp_path / ".work").mkdir()
    found = faults.lost(out, points)
    assert found == ["preview.mp4 is missing", ".preview.part is left over", ".work is left over"]

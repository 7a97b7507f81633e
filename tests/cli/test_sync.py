"""`kfusion sync`: a line a file, copies with the sound moved, and what is refused."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from factories.media import sine, write_video
from factories.talking import TalkingFinder, write_talking

from kfusion.cli.main import main

LINE = re.compile(r"(.*): ([+-]\d+) ms \[([+-]\d+), ([+-]\d+)\]")


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a talk whose sound is 150 ms late, where faces are found by `TalkingFinder`."""
    monkeypatch.setattr("kfusion.face.FaceFinder", lambda **_: TalkingFinder())
    monkeypatch.chdir(tmp_path)
    write_talking(Path("late.mp4"), 150, seconds=4.0, audio_codec="aac")
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, list[str], list[str]]:
    """Exit code, lines on stdout and on stderr."""
    capsys.readouterr()
    code = main(["sync", *words])
    out, err = capsys.readouterr()
    return code, out.splitlines(), err.splitlines()


def told(line: str) -> tuple[str, float, float, float]:
    found = LINE.fullmatch(line)
    assert found is not None, line
    return found[1], float(found[2]), float(found[3]), float(found[4])


def test_a_line_a_file_says_how_late_its_sound_is(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_talking(Path("early.mkv"), -100, seconds=4.0)
    code, lines, _ = run(capsys, "late.mp4", "early.mkv")
    assert code == 0
    (first, late, low, high), (second, early, *_) = map(told, lines)
    assert (first, second) == ("late.mp4", "early.mkv")
    assert late == pytest.approx(150, abs=12)
    assert low < 150 < high
    assert early == pytest.approx(-100, abs=12)


def test_what_cannot_be_told_is_said(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    still(Path("still.mkv"))
    code, (line,), _ = run(capsys, "still.mkv")
    assert code == 0
    assert line == "still.mkv: cannot tell: the lips do not follow this sound"


def still(path: Path) -> Path:
    """A face that does not move."""
    grey = np.full((48, 64, 3), 90, np.uint8)
    return write_video(path, [index / 25 for index in range(50)], lambda _: grey, sound=sine(2.0, 48_000))


def test_json_has_the_numbers(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    still(Path("still.mkv"))
    code, lines, _ = run(capsys, "--json", "late.mp4", "still.mkv")
    late, unsure = map(json.loads, lines)
    assert code == 0
    assert late["path"] == "late.mp4"
    assert late["certain"]
    assert late["low_ms"] < late["offset_ms"] < late["high_ms"]
    assert late["drift_ms_per_hour"] is None
    assert not unsure["certain"]
    assert unsure["offset_ms"] is None
    assert unsure["doubt"]


def test_fix_writes_a_copy_whose_sound_is_right_and_says_so(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = Path("late.mp4").read_bytes()
    code, lines, notes = run(capsys, "--fix", "late.mp4")
    assert code == 0
    assert notes == []
    assert [told(line)[0] for line in lines] == ["late.mp4", "late.synced.mp4"]
    _, left, low, high = told(lines[1])
    assert abs(left) < 10
    assert low < 0 < high
    assert Path("late.mp4").read_bytes() == before


def test_a_copy_has_the_name_or_the_folder_that_is_asked_for(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "--fix", "late.mp4", "-o", "mended.mkv")[0] == 0
    assert Path("mended.mkv").is_file()
    write_talking(Path("early.mkv"), -100, seconds=4.0)
    assert run(capsys, "--fix", "late.mp4", "early.mkv", "-o", "copies")[0] == 0
    assert sorted(path.name for path in Path("copies").iterdir()) == ["early.synced.mkv", "late.synced.mp4"]


def test_what_is_right_or_cannot_be_told_is_not_copied(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_talking(Path("right.mkv"), 0, seconds=4.0)
    still(Path("still.mkv"))
    code, lines, notes = run(capsys, "--fix", "right.mkv", "still.mkv")
    assert code == 0
    assert len(lines) == 2
    assert "right.mkv: no copy is written: its sound may be right" in notes[0]
    assert "still.mkv: no copy is written: how late it is cannot be told" in notes[1]
    assert not list(desk.glob("*.synced.*"))


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    code, lines, notes = run(capsys, *words)
    assert (code, lines, len(notes)) == (2, [], 1)
    return notes[0]


def test_what_is_there_already_is_refused_before_anything_is_watched(
    desk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("late.synced.mp4").write_text("precious")
    assert "late.synced.mp4: is there already" in refused(capsys, "--fix", "late.mp4")
    assert Path("late.synced.mp4").read_text() == "precious"


def test_two_copies_of_one_name_are_refused(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("other").mkdir()
    words = refused(capsys, "--fix", "late.mp4", "other/late.mp4", "-o", "copies")
    assert "would both be copies/late.synced.mp4" in words


def test_a_place_for_copies_without_fix_is_refused(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "pass --fix as well" in refused(capsys, "late.mp4", "-o", "copies")


def test_a_video_that_cannot_be_used_is_named_and_the_others_go_on(
    desk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("bad.mp4").write_bytes(b"no video" * 100)
    code, lines, notes = run(capsys, "bad.mp4", "late.mp4")
    assert code == 2
    assert [told(line)[0] for line in lines] == ["late.mp4"]
    assert "left out: bad.mp4" in notes[0]
    assert "1 of 2 videos left out (bad.mp4)" in notes[-1]
    assert "no such" in refused(capsys, "nowhere.mp4")

import argparse
from collections.abc import Iterator
from pathlib import Path

import pytest
from factories.media import make_clip, write_part

import kfusion.data.preparation as preparation
from kfusion.cli.main import main
from kfusion.cli.prepare import CORPORA, SPLIT_PROTOCOLS, add_arguments, run
from kfusion.data import clip as clips_module
from kfusion.data import corpora
from kfusion.data.clip import Clip
from kfusion.data.parts import part_path
from kfusion.data.store import ClipStore
from kfusion.errors import InputError, OutputError


def parse(*arguments: object) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args([str(argument) for argument in arguments])


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder of 40 videos that are all prepared in `tmp_path/out` but not yet a data set."""
    for speaker in ("anna", "ben", "cleo", "dora"):
        for index in range(10):
            video = tmp_path / "in" / speaker / f"{index}.mp4"
            video.parent.mkdir(parents=True, exist_ok=True)
            video.touch()
            write_part(make_clip(f"{speaker}/{index}", path=video), tmp_path / "out")
    return tmp_path / "in"


def test_the_command_knows_what_the_library_knows() -> None:
    assert tuple(corpora.CORPORA) == CORPORA
    assert clips_module.SPLIT_PROTOCOLS == SPLIT_PROTOCOLS


def test_a_folder_is_prepared(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(parse("folder", source, "-o", tmp_path / "out")) == 0
    assert "40 clips prepared, 0 failed" in capsys.readouterr().out
    assert len(ClipStore(tmp_path / "out").clips) == 40


def test_a_listing_is_followed(source: Path, tmp_path: Path) -> None:
    listing = tmp_path / "list.csv"
    listing.write_text("clip,split,emotion\nanna/0.mp4,train,sad\nben/3.mp4,test,happy\n")
    assert run(parse("folder", source, "-o", tmp_path / "out", "--csv", listing)) == 0
    assert {stored.emotion for stored in ClipStore(tmp_path / "out").clips} == {"sad", "happy"}


def test_a_limit_takes_clips_evenly(source: Path, tmp_path: Path) -> None:
    assert run(parse("folder", source, "-o", tmp_path / "out", "--limit", 8)) == 0
    stored = ClipStore(tmp_path / "out").clips
    assert len(stored) == 8
    assert {stored_clip.speaker for stored_clip in stored} == {"anna", "ben", "cleo", "dora"}


def fail(monkeypatch: pytest.MonkeyPatch, out: Path, names: list[str]) -> None:
    """Extraction fails for these clips, whose parts are gone."""

    def extract(clips: list[Clip], *_: object) -> Iterator[tuple[Clip, str]]:
        assert [clip.clip_id for clip in clips] == names
        for waiting in clips:
            yield waiting, "no face"

    for name in names:
        part_path(out, name).unlink()
    monkeypatch.setattr(preparation, "extract_all", extract)


@pytest.mark.parametrize(("count", "code"), [(2, 0), (3, 1)])
def test_more_than_5_percent_of_failures_is_exit_code_1(
    source: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    count: int,
    code: int,
) -> None:
    fail(monkeypatch, tmp_path / "out", [f"anna/{index}" for index in range(count)])
    assert run(parse("folder", source, "-o", tmp_path / "out")) == code
    said = capsys.readouterr()
    assert f"{40 - count} clips prepared, {count} failed" in said.out
    assert ("3 of 40 clips failed, more than 5 %" in said.err) == bool(code)
    assert (tmp_path / "out" / "failures.csv").read_text().count("no face") == count


def test_ctrl_c_is_exit_code_130_and_says_how_to_go_on(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(preparation, "prepare", stop)
    assert main(["prepare", "folder", str(source), "-o", str(tmp_path / "out")]) == 130
    assert "run the command again" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["folder", "missing", "-o", "out"], "no such folder"),
        (["grid", "in", "-o", "out", "--csv", "a.csv"], "grid takes no listing"),
        (["folder", "in", "-o", "out", "--csv", "a.csv"], "cannot read the listing"),
        (["folder", "in", "-o", "out", "--protocol", "sentences"], "folder has no protocol 'sentences'"),
        (["folder", "in", "-o", "out", "--workers", "0"], "--workers 0"),
        (["folder", "in", "-o", "out", "--limit", "0"], "--limit 0"),
    ],
)
def test_what_cannot_be_done_is_an_input_error(
    source: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: str
) -> None:
    monkeypatch.chdir(source.parent)
    with pytest.raises(InputError, match=words):
        run(parse(*arguments))


def test_an_unwritable_place_is_an_output_error(source: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="cannot write"):
        run(parse("folder", source, "-o", tmp_path / "file"))


@pytest.mark.parametrize("wanted", ["sometimes", "nan", "1001", "-5000", ""])
def test_a_sync_that_is_no_rule_is_an_input_error(source: Path, tmp_path: Path, wanted: str) -> None:
    with pytest.raises(InputError, match="pass auto, off or milliseconds"):
        run(parse("folder", source, "-o", tmp_path / "out", f"--sync={wanted}"))


@pytest.mark.parametrize(("wanted", "moved_ms"), [("auto", 0.0), ("off", 0.0), ("40", 40.0), ("-12.5", -12.5)])
def test_sound_is_moved_as_asked(source: Path, tmp_path: Path, wanted: str, moved_ms: float) -> None:
    assert run(parse("folder", source, "-o", tmp_path / "out", f"--sync={wanted}")) == 0
    assert {clip.sync_ms for clip in ClipStore(tmp_path / "out").clips} == {moved_ms}
    assert f"`--sync {wanted}`" in (tmp_path / "out" / "README.md").read_text()

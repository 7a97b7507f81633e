"""`kfusion prepare --shard` on several machines and `kfusion merge`."""

from pathlib import Path

import pytest
from factories.media import make_clip, write_part

from kfusion.cli.main import main
from kfusion.data.store import ClipStore
from kfusion.share import Share


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder of 12 videos whose parts are ready for one run, and for each of three machines."""
    for speaker in ("anna", "ben", "cleo"):
        for index in range(4):
            video = tmp_path / "in" / speaker / f"{index}.mp4"
            video.parent.mkdir(parents=True, exist_ok=True)
            video.touch()
            clip = make_clip(f"{speaker}/{index}", path=video)
            for out in ("out", "shard-1", "shard-2", "shard-3"):
                write_part(clip, tmp_path / out)
    return tmp_path / "in"


def share(source: Path, number: int) -> str:
    out = source.parent / f"shard-{number}"
    assert main(["prepare", "folder", str(source), "-o", str(out), "--shard", f"{number}/3", "--workers", "1"]) == 0
    return str(out)


@pytest.mark.parametrize("sync", ["off", "auto", "40"])
def test_three_machines_give_what_one_gives(source: Path, tmp_path: Path, sync: str) -> None:
    assert main(["prepare", "folder", str(source), "-o", str(tmp_path / "out"), "--sync", sync]) == 0
    shares = [share(source, number) for number in (3, 1, 2)]
    assert main(["merge", *shares, "-o", str(tmp_path / "merged"), "--sync", sync]) == 0
    found, expected = (
        {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}
        for root in (tmp_path / "merged", tmp_path / "out")
    )
    assert found == expected
    assert len(ClipStore(tmp_path / "merged").clips) == 12


def test_a_share_takes_its_clips_and_says_so(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = share(source, 2)
    assert "4 clips prepared, 0 failed" in capsys.readouterr().out
    assert {clip.clip_id for clip in ClipStore(out).clips} == {"anna/1", "ben/0", "ben/3", "cleo/2"}
    assert Share.parse("2/3").of([make_clip(name) for name in ("a/1", "b/1", "c/1")])[0].clip_id == "b/1"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--shard", "4/3"], "shard 4/3: pass I/N with I from 1 to N"),
        (["--shard", "1/3", "--sync", "auto"], "--sync auto with --shard: a share holds a part"),
        (["--address", "auto"], "--address auto: is for --engine ray"),
    ],
)
def test_what_cannot_be_prepared_is_one_line(
    source: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert main(["prepare", "folder", str(source), "-o", str(source.parent / "new"), *words]) == 2
    shown = capsys.readouterr().err
    assert said in shown
    assert "Traceback" not in shown
    assert not (source.parent / "new").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["shard-1", "shard-3"], "shard 2/3 missing: prepare it, or pass its folder too"),
        (["shard-1", "nowhere"], "nowhere: no such folder"),
        (["shard-1", "in"], "in: holds no shard.json"),
        (["shard-1", "--workers", "0"], "--workers 0: pass 1 or more"),
        (["shard-1", "--sync", "often"], "--sync often: pass auto, off or milliseconds"),
    ],
)
def test_what_cannot_be_merged_is_one_line(
    source: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    share(source, 1)
    share(source, 3)
    monkeypatch.chdir(source.parent)
    capsys.readouterr()
    assert main(["merge", *words, "-o", "merged"]) == 2
    shown = capsys.readouterr().err
    assert said in shown
    assert "Traceback" not in shown
    assert not Path("merged").exists()

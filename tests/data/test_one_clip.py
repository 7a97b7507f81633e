"""A tree with everything that is wrong with real corpora: each is reported at its clip, and the rest goes on."""

import csv
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from factories.media import BlobFinder, blob_picture, sine, write_pcm, write_video

from kfusion.cli.main import main
from kfusion.data.mead import read_mead
from kfusion.data.preparation import Preparation, prepare
from kfusion.data.store import ClipStore

TIMES_S = [i / 25 for i in range(25)]
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


class CrowdFinder(BlobFinder):
    """Sees a second face in pictures that are 400 wide."""

    def find(self, image: Any) -> Any:
        faces = super().find(image)
        if image.shape[1] == 400 and faces:
            faces.append((faces[0] + np.array([220, 0])).astype(np.float32))
        return faces


def good(path: Path, size: tuple[int, int] = (320, 240)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_video(path, TIMES_S, lambda _: blob_picture((160, 140), size), sound=sine(1.0, 48_000))


def turned(path: Path) -> Path:
    """As a phone that is held upright writes it: the pictures lie on their side, and the file says so."""
    import av

    plain = write_video(path.with_name("plain.mp4"), TIMES_S, lambda _: np.rot90(blob_picture((160, 140))).copy())
    with av.open(str(plain)) as source, av.open(str(path), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    plain.unlink()
    content = bytearray(path.read_bytes())
    matrix = content.index(b"tkhd") + 44
    turned_by_90 = [0, 1 << 16, 0, -(1 << 16) & 0xFFFFFFFF, 0, 0, 0, 0, 1 << 30]
    content[matrix : matrix + 36] = b"".join(value.to_bytes(4, "big") for value in turned_by_90)
    path.write_bytes(content)
    return path


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "MEAD of Jürgen"
    video, audio = root / "M003" / "video" / "front" / "sad", root / "M003" / "audio" / "sad"
    template = good(video / "level_1" / "001.mp4")
    for name in ("002", "003", "004", "005", "006", "009", "ein Satz é"):
        shutil.copy(template, video / "level_1" / f"{name}.mp4")
    (audio / "level_1").mkdir(parents=True)
    (audio / "level_1" / "002.m4a").touch()
    write_pcm(audio / "level_1" / "003.wav", sine(4.0), 16_000)
    write_pcm(audio / "level_1" / "004.wav", sine(0.2), 16_000)
    (video / "level_1" / "005.mp4").write_bytes(POINTER)
    content = template.read_bytes()
    (video / "level_1" / "006.mp4").write_bytes(content[: len(content) // 2])
    good(video / "level_1" / "007.mp4", (400, 240))
    turned(video / "level_1" / "008.mp4")
    write_pcm(audio / "level_1" / "008.wav", sine(1.0), 16_000)
    (video / "level_1" / "009.mp4").write_bytes(b"")
    good(root / "M003" / "video" / "front" / "bored" / "level_1" / "001.mp4")
    (root / "holiday.mp4").write_bytes(content)
    return root


def rows(path: Path) -> dict[str, str]:
    with path.open(encoding="utf-8") as file:
        return {row[0].rpartition("/")[2]: row[1] for row in [*csv.reader(file)][1:]}


def test_everything_that_is_wrong_is_told_at_its_clip_and_the_rest_goes_on(tree: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = prepare(read_mead(tree), out, workers=1, make_finder=CrowdFinder)
    failures, notes = rows(out / "failures.csv"), rows(out / "notes.csv")
    assert set(failures) == {"002", "005", "006", "009"}
    assert "002.m4a: the file is empty (0 bytes)" in failures["002"]
    assert "005.mp4: is a Git LFS pointer of 70 bytes, not the file itself: run `git lfs pull`" in failures["005"]
    assert "006.mp4" in failures["006"]
    assert "the file is empty" in failures["009"]
    assert notes["003"] == "its sound lasts 3.03 s longer than its pictures: it is cut off"
    assert notes["004"] == "its sound ends 0.77 s before its pictures: silence stands there"
    assert notes["007"] == "2 faces: the one that is seen most often is taken"
    assert "are to be turned by" in notes["008"]
    assert done == Preparation(clips=6, failed=4, noted=4)
    assert done.failed_too_many
    kept = ClipStore(out).by_id
    assert "M003/sad/level_1/ein Satz é" in kept
    assert kept["M003/sad/level_1/003"].frames == kept["M003/sad/level_1/001"].frames
    assert "clips with something odd: 4" in (out / "README.md").read_text()


def test_the_command_line_tells_what_is_there_and_fails_above_the_rate(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("kfusion.cli.prepare._make_finder", lambda *_: CrowdFinder)
    out = str(tmp_path / "out")
    assert main(["prepare", "mead", str(tree), "-o", out, "--workers", "1", "--sync", "off"]) == 1
    said = capsys.readouterr()
    assert "6 clips prepared, 4 with a note, 4 failed" in said.out
    assert "4 of 10 clips failed, more than 5 %" in said.err
    assert "10 front clips of 1 speakers (the list of the paper's authors has 25,460 of 47)" in said.err
    assert "1 videos are left out, unknown emotion or level, such as bored/level_1/001.mp4" in said.err
    assert "Traceback" not in said.err


def test_a_corpus_that_goes_away_in_the_middle_loses_nothing_that_is_done(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network store that is lost: what was read before is kept, what was not is named, and the next run goes on."""
    clips, out = read_mead(tree), tmp_path / "out"
    first = [clip for clip in clips if clip.clip_id.endswith(("/001", "/003"))]
    prepare(first, out, workers=1, make_finder=BlobFinder)
    tree.rename(tmp_path / "away")
    done = prepare(clips, out, workers=1, make_finder=BlobFinder)
    assert done == Preparation(clips=2, failed=8, noted=1)
    assert all("no such" in reason for reason in rows(out / "failures.csv").values())
    (tmp_path / "away").rename(tree)
    assert prepare(clips, out, workers=1, make_finder=BlobFinder).clips == 6


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_place_that_may_not_be_written_is_one_line(tree: Path, tmp_path: Path) -> None:
    place = tmp_path / "locked"
    place.mkdir(mode=0o500)
    assert main(["prepare", "mead", str(tree), "-o", str(place / "out"), "--sync", "off"]) == 2


CORPORA = Path(os.environ.get("KFUSION_CORPORA", "nowhere"))


@pytest.mark.slow
@pytest.mark.skipif(not (CORPORA / "mead").is_dir(), reason="KFUSION_CORPORA names no folder with the real corpora")
@pytest.mark.parametrize(("corpus", "clips"), [("mead", 7), ("cremad", 6)])
def test_the_real_clips_give_the_same_bytes_at_once_and_in_shares(tmp_path: Path, corpus: str, clips: int) -> None:
    source = str(CORPORA / corpus)
    assert main(["prepare", corpus, source, "-o", str(tmp_path / "whole"), "--workers", "1"]) == 0
    shares = [str(tmp_path / f"shard-{number}") for number in (1, 2)]
    for number, share in enumerate(shares, start=1):
        assert main(["prepare", corpus, source, "-o", share, "--workers", "1", "--shard", f"{number}/2"]) == 0
    assert main(["merge", *shares, "-o", str(tmp_path / "merged")]) == 0
    names = [path.relative_to(tmp_path / "whole") for path in (tmp_path / "whole").rglob("*") if path.is_file()]
    assert all((tmp_path / "whole" / name).read_bytes() == (tmp_path / "merged" / name).read_bytes() for name in names)
    store = ClipStore(tmp_path / "merged")
    assert len(store.clips) == clips

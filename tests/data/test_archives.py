"""Tar files as a corpus is published in them: read where they lie, and told what is wrong with them."""

import gzip
import io
import logging
import os
import tarfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import pytest
from factories.media import make_clip

from kfusion.data.archives import on_disk, tar_index
from kfusion.data.mead import KNOWN_CLIPS, KNOWN_SPEAKERS, mead_listing, read_mead
from kfusion.emotion import EMOTIONS
from kfusion.errors import InputError, OutputError

COMPRESSED = gzip.compress(b"tar" * 999, mtime=0)
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
LOUD = [emotion for emotion in EMOTIONS if emotion != "neutral"]
FOLDERS = ["neutral/level_1", *(f"{emotion}/level_{level}" for emotion in LOUD for level in (1, 2, 3))]


def pack(path: Path, contents: Mapping[str, bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as tar:
        for name, content in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def person(root: Path, name: str, *, folders: list[str] = FOLDERS, sentences: int = 2, view: str = "front") -> None:
    names = [f"{folder}/{number:03d}" for folder in folders for number in range(1, sentences + 1)]
    pack(root / name / "video.tar", {f"./video/{view}/{one}.mp4": f"video {one}".encode() for one in names})
    pack(root / name / "audio.tar", {f"audio/{one}.m4a": f"audio {one}".encode() for one in names})


def test_a_person_in_tar_files_is_read_as_one_that_is_unpacked(tmp_path: Path) -> None:
    person(tmp_path / "packed", "M003", sentences=12)
    for archive in ("video", "audio"):
        with tarfile.open(tmp_path / "packed" / "M003" / f"{archive}.tar") as tar:
            tar.extractall(tmp_path / "unpacked" / "M003", filter="data")
    packed, unpacked = read_mead(tmp_path / "packed", "sentences"), read_mead(tmp_path / "unpacked", "sentences")
    assert len(packed) == len(unpacked) == 12 * len(FOLDERS)
    for one, other in zip(packed, unpacked, strict=True):
        assert (one.clip_id, one.split, one.emotion, one.intensity) == (
            *(other.clip_id, other.split, other.emotion, other.intensity),
        )
        assert one.path.name == other.path.name
        with on_disk(one) as files:
            assert files.path.read_bytes() == other.path.read_bytes()
            assert files.audio_path is not None
            assert other.audio_path is not None
            assert files.audio_path.read_bytes() == other.audio_path.read_bytes()
        assert not files.path.exists()


def test_what_is_unpacked_comes_before_what_is_packed(tmp_path: Path) -> None:
    person(tmp_path, "W011", folders=["sad/level_1"])
    video = tmp_path / "W011" / "video" / "front" / "sad" / "level_1" / "001.mp4"
    video.parent.mkdir(parents=True)
    video.write_bytes(b"by hand")
    first, second = read_mead(tmp_path)
    assert (first.path, first.packed) == (video, None)
    assert second.packed is not None
    assert second.packed.archive == tmp_path / "W011" / "video.tar"


def test_the_known_gaps_of_mead_are_told(tmp_path: Path) -> None:
    person(tmp_path, "M003")
    person(tmp_path, "M019", folders=FOLDERS[:-2])
    person(tmp_path, "W017", view="left_30")
    person(tmp_path, "M011")
    video = tmp_path / "M011" / "video.tar"
    os.truncate(video, video.stat().st_size // 2)
    (tmp_path / "W009").mkdir()
    (tmp_path / "W009" / "video.tar").touch()
    pack(tmp_path / "W009" / "audio.tar", {"audio/bored/level_1/001.m4a": b"a", "audio/sad/level_1/001.m4a": b"a"})
    clips, census = mead_listing(tmp_path)
    told = "\n".join(census)
    speakers = {clip.speaker for clip in clips}
    assert speakers == {"M003", "M011", "M019"}
    assert f"{len(clips)} front clips of 3 speakers (the list of the paper's authors has 25,460 of 47)" in told
    assert "without the view 'front': W009, W017" in told
    assert f"M019 lacks {FOLDERS[-2]}, {FOLDERS[-1]}" in told
    assert "M011/video.tar: breaks off" in told
    assert "M011 lacks" in told
    assert "W009/video.tar: the file is empty" in told
    assert "sound without a video:" in told


def test_a_clip_that_lies_where_its_archive_breaks_off_costs_only_itself(tmp_path: Path) -> None:
    archive = pack(tmp_path / "M003" / "video.tar", {f"video/front/sad/level_1/00{n}.mp4": b"x" * 5000 for n in (1, 2)})
    index = tar_index(archive)
    last = index.files[PurePosixPath("video/front/sad/level_1/002.mp4")]
    os.truncate(archive, last.offset + 100)
    clips, census = mead_listing(tmp_path)
    assert len(clips) == 2
    assert "breaks off" in "\n".join(census)
    with on_disk(clips[0]) as files:
        assert files.path.stat().st_size == 5000
    words = r"video\.tar: breaks off in video/front/sad/level_1/002\.mp4"
    with pytest.raises(InputError, match=words), on_disk(clips[1]):
        pass


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (POINTER, f"is a Git LFS pointer of {len(POINTER)} bytes, not the file itself: run `git lfs pull`"),
        (COMPRESSED, "is a compressed tar file, in which nothing can be looked up: unpack it"),
        (b"no tar" * 999, "is no tar file"),
    ],
)
def test_an_archive_that_is_none_is_told(tmp_path: Path, content: bytes, words: str) -> None:
    archive = tmp_path / "M003" / "video.tar"
    archive.parent.mkdir()
    archive.write_bytes(content)
    with pytest.raises(InputError, match=words):
        tar_index(archive)
    with pytest.raises(InputError, match=words):
        read_mead(tmp_path)
    person(tmp_path, "W009")
    assert words.split(":")[0] in "\n".join(mead_listing(tmp_path)[1])


def test_an_unknown_emotion_costs_only_its_own_videos(tmp_path: Path) -> None:
    person(tmp_path, "M003", folders=["sad/level_1", "bored/level_1", "sad/level_9"])
    clips, census = mead_listing(tmp_path)
    assert {clip.emotion for clip in clips} == {"sad"}
    assert "4 videos are left out, unknown emotion or level, such as bored/level_1/001.mp4" in census


def test_errors_name_the_archive_and_not_the_temporary_file(tmp_path: Path) -> None:
    person(tmp_path, "M003", folders=["sad/level_1"])
    clip = read_mead(tmp_path)[0]
    with pytest.raises(InputError) as caught, on_disk(clip) as files:
        raise InputError(f"{files.path}: bad, and {files.audio_path} as well")
    assert str(caught.value) == f"{clip.path}: bad, and {clip.audio_path} as well"
    assert clip.path == tmp_path / "M003" / "video.tar" / "video/front/sad/level_1/001.mp4"


def test_a_pointer_of_git_lfs_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "1001_DFA_ANG_XX.flv"
    path.write_bytes(POINTER)
    words = r"1001_DFA_ANG_XX\.flv: is a Git LFS pointer of 70 bytes, not the file itself: run `git lfs pull`"
    with pytest.raises(InputError, match=words), on_disk(make_clip("a/1", path=path)):
        pass


def test_no_room_for_temporary_files_is_no_fault_of_the_clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    person(tmp_path, "M003", folders=["sad/level_1"])
    clip = read_mead(tmp_path)[0]
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path / "gone"))
    with pytest.raises(OutputError, match="cannot write"), on_disk(clip):
        pass


def test_an_archive_that_is_gone_costs_its_clips(tmp_path: Path) -> None:
    person(tmp_path, "M003", folders=["sad/level_1"])
    clip = read_mead(tmp_path)[0]
    (tmp_path / "M003" / "video.tar").unlink()
    with pytest.raises(InputError, match=r"video\.tar: cannot be read"), on_disk(clip):
        pass


@pytest.mark.slow
def test_a_whole_mead_of_empty_files_is_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    names = {f"{folder}/{n:03d}" for folder in FOLDERS for n in range(1, 41 if "neutral" in folder else 31)}
    left = KNOWN_CLIPS
    for number in range(KNOWN_SPEAKERS):
        count = min(len(names) if number else 540, left - (KNOWN_SPEAKERS - 1 - number))
        chosen = sorted(names)[: min(count, left // (KNOWN_SPEAKERS - number) + 1 if number else count)]
        left -= len(chosen)
        if number == KNOWN_SPEAKERS - 1 and left:
            chosen += [f"sad/level_1/{n:03d}" for n in range(900, 900 + left)]
        folder = tmp_path / f"M{number:03d}"
        pack(folder / "video.tar", {f"video/{view}/{one}.mp4": b"" for view in ("front", "top") for one in chosen})
    clips, census = mead_listing(tmp_path)
    assert len(clips) == KNOWN_CLIPS
    assert census[0].startswith("25,460 front clips of 47 speakers")
    assert len({clip.clip_id for clip in clips}) == KNOWN_CLIPS

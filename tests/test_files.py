import errno
import os
from pathlib import Path

import pytest

from kfusion.errors import InputError, OutputError
from kfusion.files import atomic_path, check_file


def test_a_file_is_measured(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("abc")
    assert check_file(tmp_path / "a", "picture") == 3


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing", "no such picture"),
        ("file/below", "no such picture"),
        ("folder", "is a folder"),
        ("fifo", "is a pipe"),
        ("null", "is a pipe, a socket or a device"),
        ("loop", "Too many levels of symbolic links"),
        ("n" * 300, "File name too long"),
        ("nul\0", "cannot read the picture"),
        ("empty", r"is empty \(0 bytes\)"),
        ("pointer", "is a Git LFS pointer of 70 bytes, not the file itself: run `git lfs pull`"),
    ],
)
def test_what_cannot_be_read_to_its_end_is_refused(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty").touch()
    (tmp_path / "pointer").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "null").symlink_to(os.devnull)
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(InputError, match=message):
        check_file(tmp_path / name, "picture")


def test_a_file_that_may_not_be_read_is_an_input_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "locked").write_text("x")
    monkeypatch.setattr(os, "access", lambda *_: False)  # root, which runs CI, may read everything
    with pytest.raises(InputError, match="permission denied"):
        check_file(tmp_path / "locked", "picture")


def test_the_file_appears_when_the_block_ends(tmp_path: Path) -> None:
    target = tmp_path / "new" / "a.txt"
    with atomic_path(target) as part:
        part.write_text("whole")
        assert part.suffix == ".txt"
        assert not target.exists()
    assert target.read_text() == "whole"
    assert list(target.parent.iterdir()) == [target]


def test_a_failing_block_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")

    def write_half(part: Path) -> None:
        part.write_text("half")
        raise InputError("x")

    with pytest.raises(InputError, match="x"), atomic_path(target) as part:
        write_half(part)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_full_disk_is_an_output_error(tmp_path: Path) -> None:
    def fill(part: Path) -> None:
        part.write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OutputError, match=r"No space left.*choose another place"), atomic_path(tmp_path / "a") as part:
        fill(part)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("place", ["file/a.txt", "file/below/a.txt", "folder"])
def test_a_place_that_cannot_be_written_is_an_output_error(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match=place), atomic_path(tmp_path / place) as part:
        part.write_text("x")

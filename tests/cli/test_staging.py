from pathlib import Path

import pytest

from kfusion.cli.staging import staged
from kfusion.errors import InputError, OutputError

NAMES = ("a.txt", "b.txt")


def write_all(folder: Path, text: str) -> None:
    with staged(folder, NAMES) as work:
        for name in NAMES:
            (work / name).write_text(text)


def fail_half_way(folder: Path, text: str) -> None:
    with staged(folder, NAMES) as work:
        (work / "a.txt").write_text(text)
        raise InputError("bad")


def content(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_files_appear_together(tmp_path: Path) -> None:
    with staged(tmp_path / "out", NAMES) as work:
        for name in NAMES:
            (work / name).write_text("new")
        assert not [path for path in (tmp_path / "out").iterdir() if not path.name.startswith(".")]
    assert content(tmp_path / "out") == {"a.txt": "new", "b.txt": "new"}


def test_files_of_an_earlier_run_are_replaced(tmp_path: Path) -> None:
    write_all(tmp_path, "old")
    write_all(tmp_path, "new")
    assert content(tmp_path) == {"a.txt": "new", "b.txt": "new"}


def test_a_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="bad"):
        fail_half_way(tmp_path / "deep" / "out", "half")
    assert not list(tmp_path.iterdir())


def test_a_failure_leaves_an_earlier_result_as_it_was(tmp_path: Path) -> None:
    write_all(tmp_path, "old")
    with pytest.raises(InputError, match="bad"):
        fail_half_way(tmp_path, "new")
    assert content(tmp_path) == {"a.txt": "old", "b.txt": "old"}


def test_a_file_that_cannot_be_moved_brings_the_others_back(tmp_path: Path) -> None:
    write_all(tmp_path, "old")
    with pytest.raises(OutputError), staged(tmp_path, NAMES) as work:
        (work / "a.txt").write_text("new")
    assert content(tmp_path) == {"a.txt": "old", "b.txt": "old"}


def test_a_folder_in_the_place_of_a_file_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "b.txt").mkdir()
    with pytest.raises(OutputError, match=r"b\.txt: is a folder"), staged(tmp_path, NAMES):
        pytest.fail("must not get here")


def test_messages_name_the_place_that_the_user_named(tmp_path: Path) -> None:
    with pytest.raises(OutputError) as error, staged(tmp_path, NAMES) as work:
        raise OutputError(f"{work / 'a.txt'}: disk full")
    assert str(error.value) == f"{tmp_path / 'a.txt'}: disk full"

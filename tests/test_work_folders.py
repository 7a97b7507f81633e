"""Work in hidden folders: unguessable, locked while it goes on, swept when its process is gone."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from kfusion import files
from kfusion.errors import InputError, OutputError
from kfusion.files import atomic_folder, atomic_path, locked, recover_folder, sweep, work_folder, writing

WORK = """
import sys, time
from pathlib import Path
from kfusion.files import atomic_path
with atomic_path(Path(sys.argv[1])) as part:
    part.write_text("half")
    print("at work", flush=True)
    time.sleep(60)
"""
locks = pytest.mark.skipif(files.fcntl is None, reason="the system has no flock")


def at_work(target: Path) -> subprocess.Popen[str]:
    """A process that has written half of a file, and waits."""
    process = subprocess.Popen([sys.executable, "-c", WORK, str(target)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "at work\n"
    return process


def hidden(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("."))


def test_no_two_works_share_a_folder_whatever_their_process_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getpid", lambda: 1)
    with work_folder(tmp_path) as first, work_folder(tmp_path) as second:
        assert first != second
        assert len(hidden(tmp_path)) == 2
    assert not hidden(tmp_path)


@locks
def test_work_that_goes_on_elsewhere_is_left_alone_and_that_of_the_killed_is_swept(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    with at_work(target) as process:
        (work,) = hidden(tmp_path)
        with atomic_path(target) as part:
            part.write_text("mine")
        assert hidden(tmp_path) == [work]
        assert target.read_text() == "mine"
        process.send_signal(signal.SIGKILL)
        process.wait()
        with atomic_path(target) as part:
            part.write_text("next")
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert target.read_text() == "next"


@locks
def test_only_folders_of_that_name_are_swept(tmp_path: Path) -> None:
    (tmp_path / ".kfusion.1.part").mkdir()
    (tmp_path / ".kfusion.notes").mkdir()
    (tmp_path / ".kfusion.file.part").touch()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / ".kfusion.link.part").symlink_to("elsewhere", target_is_directory=True)
    sweep(tmp_path)
    assert hidden(tmp_path) == [".kfusion.file.part", ".kfusion.link.part", ".kfusion.notes"]
    assert (tmp_path / "elsewhere").is_dir()
    sweep(tmp_path / "missing")


def test_without_locks_work_is_done_and_nothing_is_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "fcntl", None)
    (tmp_path / ".kfusion.1.part").mkdir()
    with atomic_path(tmp_path / "a.txt") as part:
        part.write_text("whole")
    assert hidden(tmp_path) == [".kfusion.1.part"]


def test_threads_that_save_to_one_path_leave_one_of_their_files_whole(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"

    def save(number: int) -> None:
        for _ in range(20):
            with atomic_path(target) as part, part.open("w") as file:
                for _ in range(50):
                    file.write(f"{number}\n")
                    file.flush()
            assert len(set(target.read_text().split())) == 1

    run_threads(save)
    assert target.read_text().count("\n") == 50
    assert not hidden(tmp_path)


def test_threads_that_save_to_one_folder_leave_one_of_them_whole(tmp_path: Path) -> None:
    def save(number: int) -> None:
        for _ in range(20):
            with atomic_folder(tmp_path / "best") as new:
                for name in ("a", "b"):
                    (new / name).write_text(str(number))

    run_threads(save)
    assert len({path.read_text() for path in (tmp_path / "best").iterdir()}) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["best"]


def run_threads(task: object) -> None:
    failures: list[BaseException] = []

    def attempt(number: int) -> None:
        try:
            task(number)  # type: ignore[operator]
        except BaseException as error:  # noqa: BLE001 - it is looked at in the main thread
            failures.append(error)

    threads = [threading.Thread(target=attempt, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not failures


def test_a_folder_that_fails_leaves_the_earlier_one(tmp_path: Path) -> None:
    def write(text: str, error: type[Exception] | None = None) -> None:
        with atomic_folder(tmp_path / "best") as new:
            (new / "a").write_text(text)
            if error:
                raise error

    write("old")
    with pytest.raises(ZeroDivisionError):
        write("new", ZeroDivisionError)
    assert (tmp_path / "best" / "a").read_text() == "old"
    (tmp_path / "best").rename(tmp_path / ".best.earlier")
    recover_folder(tmp_path / "best")
    assert (tmp_path / "best" / "a").read_text() == "old"


@locks
def test_a_lock_that_is_held_is_waited_for_or_refused(tmp_path: Path) -> None:
    order: list[str] = []

    def second() -> None:
        with locked(tmp_path):
            order.append("second")

    with locked(tmp_path):
        with pytest.raises(InputError, match="try later"), locked(tmp_path, busy="try later"):
            pytest.fail("must not get here")
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.1)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]


def test_an_error_about_another_file_is_not_blamed_on_the_place(tmp_path: Path) -> None:
    def read(name: str) -> None:
        with atomic_path(tmp_path / "out" / "a.txt") as part:
            part.write_text((tmp_path / name).read_text())

    with pytest.raises(InputError, match=r"face\.jpg: cannot be read \(No such file"):
        read("face.jpg")
    with pytest.raises(InputError, match=r"n: cannot be read \(File name too long"):
        read("n" * 300)


@pytest.mark.parametrize("name", ["a.txt", ".", "..", ".kfusion.x.part/a.txt"])
def test_an_error_about_the_place_is(tmp_path: Path, name: str) -> None:
    place = tmp_path / "out" / "a.txt"
    with pytest.raises(OutputError, match=r"a\.txt: cannot write \(no\)"), writing(place):
        raise OSError(1, "no", str(Path(os.path.normpath(place.parent / name))))

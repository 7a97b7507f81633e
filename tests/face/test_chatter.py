"""File descriptor 2 while native libraries start."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from kfusion.face.chatter import without_startup_chatter


def test_what_native_code_says_at_its_start_is_left_out_and_nothing_else(capfd: pytest.CaptureFixture[str]) -> None:
    with without_startup_chatter():
        os.write(2, b"WARNING: All log messages before absl::InitializeLog() is called\nW0000 00:00:17 a.cc:1] hm\n")
        os.write(2, b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\nE0000 00:00:17 a.cc:2] broken\nours\n")
    assert capfd.readouterr().err == "E0000 00:00:17 a.cc:2] broken\nours\n"


def test_threads_leave_file_descriptor_2_where_it_was() -> None:
    before = os.fstat(2)
    inside = threading.Barrier(4)

    def work(_: int) -> None:
        inside.wait()
        with without_startup_chatter():
            os.write(2, b"INFO: hm\n")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(8)))
    assert (os.fstat(2).st_dev, os.fstat(2).st_ino) == (before.st_dev, before.st_ino)


def test_it_may_be_entered_twice_and_left_by_an_error(capfd: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        with without_startup_chatter(), without_startup_chatter():
            os.write(2, b"kept\n")
            raise ValueError("hm")

    with pytest.raises(ValueError, match="hm"):
        fail()
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "kept\nafter\n"


PROGRAM = """
import os, threading
from kfusion.face.chatter import without_startup_chatter
{0}
"""
CLOSED = """
os.close(2)
with without_startup_chatter(): pass
try: os.fstat(2)
except OSError: print("closed")
"""
FORKED = """
entered, leave = threading.Event(), threading.Event()
def work():
    with without_startup_chatter():
        entered.set(); leave.wait(1)
terminal = os.fstat(2).st_ino
threading.Thread(target=work).start()
entered.wait()
if not (child := os.fork()):
    with without_startup_chatter(): pass
    os._exit(os.fstat(2).st_ino != terminal)
print(os.waitpid(child, 0)[1])
"""


@pytest.mark.parametrize(("body", "printed"), [(CLOSED, "closed"), (FORKED, "0")])
def test_a_closed_descriptor_stays_closed_and_a_fork_waits(body: str, printed: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(body)], check=True, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.strip() == printed

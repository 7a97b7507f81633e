"""The command line on machines whose stdout and stderr are not as they should be: in processes of their own."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from factories.inputs import tone, write_bundle, write_wav

from kfusion.cli.console import Console, visible
from kfusion.errors import OutputError

PATIENCE_S = 60
linux = pytest.mark.skipif(sys.platform != "linux", reason="needs /dev/full")


@pytest.fixture
def recordings(tmp_path: Path) -> list[str]:
    return [str(write_wav(tmp_path / name, tone(0.5))) for name in ("a.wav", "b.wav")]


def kfusion(tmp_path: Path, redirections: str, *words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """`kfusion generate` of several recordings to `tmp_path/out`, with a shell's redirections."""
    model = write_bundle(tmp_path / "model.onnx")
    command = [sys.executable, "-m", "kfusion", "generate", "-o", str(tmp_path / "out"), "--model", str(model)]
    return subprocess.run(
        ["bash", "-c", f'"$@" {redirections}', "bash", *command, "--no-preview", *words],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def results(tmp_path: Path) -> list[str]:
    return sorted(path.parent.name for path in (tmp_path / "out").rglob("landmarks.npz"))


@linux
@pytest.mark.parametrize(
    ("redirections", "code"),
    [
        ("2>&-", 0),
        (">&-", 0),
        ("<&- >&- 2>&-", 0),
        ("2>/dev/full", 0),
        (">/dev/full", 2),
        (">/dev/full 2>/dev/full", 2),
        ("| true; exit ${PIPESTATUS[0]}", 0),
        ("2>&1 | true; exit ${PIPESTATUS[0]}", 0),
    ],
)
def test_no_state_of_the_streams_costs_a_result(
    tmp_path: Path, recordings: list[str], redirections: str, code: int
) -> None:
    done = kfusion(tmp_path, redirections, *recordings)
    assert results(tmp_path) == ["a", "b"]
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert done.stderr.count("\n") <= 1


@linux
def test_notes_that_cannot_be_shown_do_not_change_the_exit_code(tmp_path: Path, recordings: list[str]) -> None:
    assert kfusion(tmp_path, "2>/dev/full", *recordings, "none.wav").returncode == 2
    assert results(tmp_path) == ["a", "b"]


@linux
@pytest.mark.parametrize("words", ["--help", "--version", "generate --help", ""])
def test_an_answer_that_cannot_be_shown_is_an_error(words: str) -> None:
    line = f'"{sys.executable}" -m kfusion {words}'
    full, closed, left = (
        subprocess.run(["bash", "-c", f"{line} {end}"], capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        for end in (">/dev/full", ">&-", "| true; exit ${PIPESTATUS[0]}")
    )
    assert full.stderr == (
        "kfusion: error: stdout: cannot write (No space left on device): make room, or write elsewhere\n"
    )
    assert [full.returncode, closed.returncode, left.returncode] == [2, 0, 0]
    assert closed.stderr == left.stderr == ""


@linux
@pytest.mark.parametrize("environment", [{"PYTHONUTF8": "1"}, {"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C"}])
def test_a_name_that_is_no_text_is_shown_escaped_and_kept_on_disk(
    tmp_path: Path, recordings: list[str], environment: dict[str, str]
) -> None:
    name = os.fsdecode(b"we\xffird\n\tname\x1b[31m")
    odd = str(write_wav(tmp_path / f"{name}.wav", tone(0.5)))
    done = kfusion(tmp_path, "", odd, *recordings, f"{name}2.none", **environment)
    assert done.returncode == 2
    assert results(tmp_path) == ["a", "b", name]
    assert done.stdout.splitlines()[0].endswith(r"/we\xffird\n\tname\x1b[31m/landmarks.npz")
    assert done.stderr.splitlines()[0].startswith(r"kfusion: note: left out: we\xffird\n\tname\x1b[31m2.none: no such")
    assert len(done.stderr.splitlines()) == 2


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é 日本\u3000語.wav", "plain é 日本\u3000語.wav"),
        ("1.02.03\u202fPM", "1.02.03\u202fPM"),
        ("\U0001f469\u200d\U0001f52c", "\U0001f469\u200d\U0001f52c"),
        ("a\r\nb\x07\x9b", r"a\r\nb\x07\x9b"),
        ("txt\u202egpj\u2028", r"txt\u202egpj\u2028"),
        (os.fsdecode(b"\xff"), r"\xff"),
        ("half \ud800", r"half \ud800"),
    ],
)
def test_what_acts_on_a_terminal_is_shown_as_an_escape(text: str, shown: str) -> None:
    assert visible(text) == shown


class Failing(io.StringIO):
    """A stream that nothing can be written to."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def flush(self) -> None:
        raise self.error


def test_a_console_keeps_the_first_failure_and_goes_on() -> None:
    console = Console(Failing(OSError(28, "No space left on device")))
    print("a result", file=console, flush=True)
    print("another", file=console, flush=True)
    with pytest.raises(OutputError, match="No space left on device"):
        console.check()


def test_a_reader_who_leaves_and_a_stream_that_never_was_are_no_failures() -> None:
    for stream in (Failing(BrokenPipeError(32, "Broken pipe")), None):
        console = Console(stream)
        print("a result", file=console, flush=True)
        console.check()
        assert not console.isatty()


def test_a_closed_stream_is_filled_for_children_too() -> None:
    child = "import os; os.fstat(0); os.fstat(1); os.fstat(2)"
    code = f"""
import subprocess, sys
from kfusion.cli.console import console
with console():
    sys.exit(subprocess.run([sys.executable, "-c", {child!r}]).returncode)
"""
    line = '"$@" <&- >&- 2>&-'
    assert subprocess.run(["bash", "-c", line, "bash", sys.executable, "-c", code], check=False).returncode == 0

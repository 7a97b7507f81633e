import logging
import os
import signal
import subprocess
import sys
import time
import types
import warnings

import pytest

import kfusion
from kfusion.cli import main as command_line
from kfusion.cli.main import VERBS, main
from kfusion.errors import InputError


@pytest.fixture
def verb(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """A verb `try` whose `run` a test may set."""
    module = types.ModuleType("kfusion_verb_for_tests")
    module.add_arguments = lambda parser: parser.add_argument("--number", type=int)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(command_line.VERBS, "try", (module.__name__, "try something"))
    return module


def raising(error: BaseException) -> object:
    def run(_: object) -> int:
        raise error

    return run


def imported_by(code: str) -> set[str]:
    listing = f"import sys; {code}; print(*sys.modules)"
    return set(
        subprocess.run([sys.executable, "-c", listing], capture_output=True, text=True, check=True).stdout.split()
    )


def test_importing_kfusion_imports_nothing_heavy() -> None:
    heavy = {"numpy", "onnxruntime", "av", "PIL", "mediapipe", "torch", "tqdm"}
    assert not heavy & imported_by("import kfusion, kfusion.cli.main")


def test_inference_never_imports_what_only_training_needs() -> None:
    training = {"torch", "lightning", "scipy", "matplotlib", "pyarrow", "onnx", "transformers"}
    assert not training & imported_by("import kfusion.cli.generate, kfusion.inference.preview; kfusion.load")


def test_help_answers_at_once() -> None:
    times_s = []
    for _ in range(3):
        begin = time.perf_counter()
        subprocess.run([sys.executable, "-m", "kfusion", "--help"], capture_output=True, check=True)
        times_s.append(time.perf_counter() - begin)
    assert min(times_s) < 0.3


def test_the_public_names_are_there() -> None:
    assert callable(kfusion.load)
    assert kfusion.LandmarkSequence.__name__ == "LandmarkSequence"
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        kfusion.nothing  # noqa: B018


def test_the_overview_lists_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in VERBS)


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["generate", "--help"], ["demo", "--help"]])
def test_questions_are_answered_with_exit_code_0(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(words)
    assert stop.value.code == 0
    assert "kfusion" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["dance"], "invalid choice: 'dance'"),
        (["--wrong"], "--wrong"),
        (["generate"], "required: SPEECH"),
        (["generate", "a.wav", "-o", "out", "--fps", "fast"], "invalid float value: 'fast'"),
        (["generate", "a.wav", "-o", "out", "--intensity", "much"], "invalid int value: 'much'"),
    ],
)
def test_a_wrong_argument_is_one_line(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    error = capsys.readouterr().err
    assert error.startswith("kfusion: error: ")
    assert message in error
    assert error.count("\n") == 1


NUMBERS = [
    (verb, flag, kind)
    for verb, flags in {
        "generate": {"--fps": float, "--intensity": int},
        "stream": {"--fps": float, "--intensity": int, "--rate": int},
        "demo": {"--fps": float},
        "serve": {"--port": int, "--max-fps": float, "--max-streams": int},
        "prepare": {"--workers": int, "--limit": int},
        "train": {
            "--max-hours": float,
            "--threads": int,
            "--devices": int,
            "--epochs": int,
            "--optimiser.learning-rate": float,
            "--optimiser.gradient-clip": float,
            "--seed": int,
        },
        "evaluate": {"--limit": int},
        "benchmark": {"--max-hours": float, "--seeds": int, "--steps": int, "--jobs": int, "--threads": int},
    }.items()
    for flag, kind in flags.items()
]


@pytest.mark.parametrize(("name", "flag", "kind"), NUMBERS)
def test_a_number_that_nobody_can_count_to_is_refused(
    name: str, flag: str, kind: type, capsys: pytest.CaptureFixture[str]
) -> None:
    for word in ("nan", "inf", "-inf", "1e309") if kind is float else ("nan", "9" * 30, "-" + "9" * 30, "9" * 5000):
        assert main([name, f"{flag}={word}"]) == 2
        error = capsys.readouterr().err
        assert error.startswith(f"kfusion: error: argument {flag}: ")
        assert error.count("\n") == 1


def test_an_error_of_the_package_is_one_line(verb: types.ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    verb.run = raising(InputError("a.wav: two\nlines"))
    assert main(["try"]) == 2
    assert capsys.readouterr().err == "kfusion: error: a.wav: two\\nlines\n"


def test_notes_go_to_stderr(verb: types.ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    verb.run = lambda _: logging.getLogger("kfusion.anything").warning("mind the %s", "gap") or 0
    assert main(["try"]) == 0
    assert capsys.readouterr().err == "kfusion: note: mind the gap\n"
    assert not logging.getLogger("kfusion").handlers


def test_what_libraries_warn_developers_of_is_not_shown_to_users(
    verb: types.ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    verb.run = lambda _: warnings.warn("of a library", UserWarning, stacklevel=1) or 0
    monkeypatch.setattr(sys, "argv", ["kfusion", "try"])
    assert main() == 0
    monkeypatch.setattr(sys, "warnoptions", ["default"])  # `python -W default`
    with pytest.raises(UserWarning):
        main()


def test_an_interrupt_ends_with_130(verb: types.ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    verb.run = raising(KeyboardInterrupt())
    assert main(["try"]) == 130
    assert capsys.readouterr().err == "kfusion: interrupted\n"


def test_a_request_to_stop_unwinds(verb: types.ModuleType) -> None:
    verb.run = lambda _: os.kill(os.getpid(), signal.SIGTERM)
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as stop:
        main(["try"])
    assert stop.value.code == 143
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize(
    ("package", "extra"),
    [("torch.nn", "train"), ("pyarrow", "train"), ("lightning", "train"), ("transformers", "wav2vec2")],
)
def test_a_missing_extra_names_the_command_that_installs_it(
    verb: types.ModuleType, package: str, extra: str, capsys: pytest.CaptureFixture[str]
) -> None:
    verb.run = raising(ImportError("nothing there", name=package))
    assert main(["try"]) == 2
    assert f"pip install 'kfusion[{extra}]'" in capsys.readouterr().err


def test_a_mistake_of_our_own_is_not_hidden(verb: types.ModuleType) -> None:
    verb.run = raising(ImportError("a typo", name="kfusion.nothing"))
    with pytest.raises(ImportError, match="a typo"):
        main(["try"])

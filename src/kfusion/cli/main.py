"""`kfusion VERB`: results on stdout, notes and progress on stderr, exit code 0, 1 (failed) or 2 (cannot be used)."""

import argparse
import importlib
import logging
import signal
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, NoReturn

from kfusion import __version__
from kfusion.cli.console import Console, console, show_error, visible
from kfusion.errors import InputError, KfusionError, MissingExtraError, UnexpectedError
from kfusion.numbers import READERS

VERBS = {
    "generate": ("kfusion.cli.generate", "animate a face with a recording: landmarks and a preview video"),
    "batch": ("kfusion.cli.batch", "animate the recordings of a manifest, by the million: resumable, on many machines"),
    "convert": ("kfusion.cli.convert", "write landmarks in the formats of avatars: ARKit weights, glTF, VRM, Live2D"),
    "stream": ("kfusion.cli.stream", "animate a face with a streamed voice: PCM or a microphone in, JSON lines out"),
    "serve": ("kfusion.cli.serve", "answer requests for landmarks over HTTP and WebSocket"),
    "app": ("kfusion.cli.app", "make talking pictures in a browser: upload or record, with Gradio"),
    "demo": ("kfusion.cli.demo", "generate from the packaged sample recording and portrait"),
    "doctor": ("kfusion.cli.doctor", "say what is installed, what runs here and what mends the rest"),
    "sync": ("kfusion.cli.sync", "measure how late the sound of talking videos is, and mend it"),
    "prepare": ("kfusion.cli.prepare", "turn a corpus of talking videos into a prepared data set"),
    "merge": ("kfusion.cli.merge", "join what several machines prepared to one data set"),
    "train": ("kfusion.cli.train", "train a preset on prepared data sets"),
    "evaluate": ("kfusion.cli.evaluate", "score a model on a prepared data set, with baselines"),
    "benchmark": ("kfusion.cli.benchmark", "train and score every system alike, and write the report"),
    "export": ("kfusion.cli.export", "write a trained checkpoint as a bundle for `kfusion generate`"),
}
"""Name of a verb -> the module with its `add_arguments` and `run`, and one line of help."""
EXTRAS = {
    **dict.fromkeys(("torch", "lightning", "tensorboard", "safetensors", "pyarrow", "scipy", "matplotlib"), "train"),
    **dict.fromkeys(("onnx", "onnxscript", "jaxtyping"), "train"),
    "transformers": "wav2vec2",
    **dict.fromkeys(
        ("fastapi", "starlette", "pydantic", "uvicorn", "prometheus_client", "websockets", "httpx"), "serve"
    ),
    "sounddevice": "microphone",
    "gradio": "app",
    "fsspec": "batch",
}
"""Optional package -> the extra that brings it."""
EXIT_FAILED, EXIT_CANNOT, EXIT_INTERRUPTED = 1, 2, 130
_REQUESTS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
"""Signals that ask for an end: `kill`, and a terminal that goes away."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return its exit code; without `argv` this process is the command line's own."""
    words = list(sys.argv[1:] if argv is None else argv)
    quiet = _without_library_warnings if argv is None else nullcontext
    with console() as (out, _), _notes_on_stderr(), quiet(), _clean_end():
        try:
            code = _run(words)
            out.check()
        except KfusionError as error:
            show_error(str(error))
            return EXIT_FAILED if isinstance(error, UnexpectedError) else EXIT_CANNOT
        except OSError as error:  # of a place that no boundary stands at
            where = "the system" if error.filename is None else str(error.filename)
            show_error(f"{where}: refused ({error.strerror or error}): check the path, its permissions and limits")
            return EXIT_CANNOT
        except MemoryError:
            show_error("out of memory: pass smaller files, or fewer at a time")
            return EXIT_CANNOT
        except KeyboardInterrupt:
            print("kfusion: interrupted", file=sys.stderr)
            return EXIT_INTERRUPTED
        return code


class _CommandParser(argparse.ArgumentParser):
    """Reports a wrong argument, or an answer that cannot be shown, the way every other error is reported."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        for kind, reader in READERS.items():
            self.register("type", kind, reader)

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}: see `{self.prog} --help`")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        if isinstance(sys.stdout, Console):
            sys.stdout.check()
        super().exit(status, message)


def _run(words: list[str]) -> int:
    if not words or words[0] not in VERBS:
        parser = _overview()
        parser.parse_args(words)
        parser.print_help()
        return 0
    name, words = words[0], words[1:]
    module_name, summary = VERBS[name]
    try:
        verb = importlib.import_module(module_name)
        parser = _CommandParser(prog=f"kfusion {name}", description=_sentence(summary))
        verb.add_arguments(parser)
        return int(verb.run(parser.parse_args(words)))
    except ImportError as error:
        package = (error.name or "").partition(".")[0]
        if package not in EXTRAS:
            raise
        raise MissingExtraError(f"kfusion {name}", EXTRAS[package]) from error


def _overview() -> argparse.ArgumentParser:
    parser = _CommandParser(prog="kfusion", description="Speech and a face in, moving facial landmarks out.")
    parser.add_argument("--version", action="version", version=f"kfusion {__version__}")
    verbs = parser.add_subparsers(metavar="VERB", title="verbs, each with its own --help")
    for name, (_, summary) in VERBS.items():
        verbs.add_parser(name, help=summary)
    return parser


@contextmanager
def _notes_on_stderr() -> Iterator[None]:
    """Shows the warnings of the package as one line each."""
    log, handler = logging.getLogger("kfusion"), logging.StreamHandler(sys.stderr)
    handler.setFormatter(_OneLine())
    handler.setLevel(logging.WARNING)
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)


@contextmanager
def _without_library_warnings() -> Iterator[None]:
    """Leaves out Python warnings, in which libraries tell developers about a user's file, unless `-W` asks for them."""
    with warnings.catch_warnings():
        if not sys.warnoptions:
            warnings.simplefilter("ignore")
        yield


@contextmanager
def _clean_end() -> Iterator[None]:
    """Lets a request to stop unwind like an interrupt does, so that no half-written file stays.

    A second one has no effect while the first unwinds. Who ignores them, as `nohup` does, goes on ignoring them.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    requests = [number for number in _REQUESTS if signal.getsignal(number) is signal.SIG_DFL]
    for number in requests:
        signal.signal(number, _stop)
    try:
        yield
    finally:
        for number in requests:
            signal.signal(number, signal.SIG_DFL)


def _stop(number: int, _: object) -> NoReturn:
    for request in _REQUESTS:
        signal.signal(request, signal.SIG_IGN)
    raise SystemExit(128 + number)


class _OneLine(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return f"kfusion: note: {visible(record.getMessage())}"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


if __name__ == "__main__":
    sys.exit(main())

"""`kfusion stream`: streamed sound in; a JSON line for every landmark frame out, as soon as it is ready."""

import argparse
import json
import logging
import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Self

from kfusion import __version__, assets
from kfusion.audio import SAMPLE_RATE_HZ
from kfusion.cli.console import Console
from kfusion.cli.generate import add_face_argument, add_frame_arguments
from kfusion.cli.motion_output import add_send_arguments, sending
from kfusion.emotion import check_emotion
from kfusion.errors import InputError, OutputError
from kfusion.inference.delivery import check_expressiveness
from kfusion.integrations.frames import frames_of
from kfusion.integrations.pcm import BYTES_PER_SAMPLE, PcmReader, check_rate
from kfusion.landmarks import LandmarkSequence, coordinate_keys

if TYPE_CHECKING:
    from kfusion.inference.landmark_stream import Stream

log = logging.getLogger(__name__)

READ_BYTES = 32_768
"""The most that is taken from stdin at a time: about a second. What is there already is never waited on."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of the verb."""
    add_face_argument(parser)
    add_frame_arguments(parser)
    add_send_arguments(parser)
    parser.add_argument("--model", metavar="PATH", type=Path, help="another .onnx bundle for streams, or its folder")
    parser.add_argument(
        "--rate",
        metavar="HZ",
        type=int,
        help=f"samples a second of the sound (default: {SAMPLE_RATE_HZ} on stdin, the device's own for a microphone)",
    )
    parser.add_argument(
        "--microphone",
        metavar="DEVICE",
        nargs="?",
        const="",
        help="listen to a microphone, by number or part of its name (default: the system's), not to 16-bit "
        "little-endian mono PCM on stdin",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print a line about the stream, then one for every frame, until the sound ends."""
    from kfusion.inference.generator import load
    from kfusion.inference.identity import read_identity

    check_emotion(arguments.emotion, arguments.intensity)
    check_expressiveness(arguments.expressiveness)
    if isinstance(sys.stdout, Console) and sys.stdout.absent:
        raise OutputError("stdout is closed: the frames go there: send it to a file or a program")
    with _opened(arguments) as (rate_hz, blocks):
        model, face = load(arguments.model or assets.STREAM_MODEL), read_identity(arguments.face)
        stream = model.stream(
            face,
            fps=arguments.fps,
            emotion=arguments.emotion,
            intensity=arguments.intensity,
            lead_ms=arguments.lead_ms,
            expressiveness=arguments.expressiveness,
        )
        with (
            sending(arguments.send, arguments.gain, lambda: model.stream(face).push) as send,
            suppress(_Unread),
        ):
            _print_lines([_header(stream)])
            _follow(stream, blocks, rate_hz, send)
    return 0


@contextmanager
def _opened(arguments: argparse.Namespace) -> Iterator[tuple[int, Iterator[bytes]]]:
    """The sample rate, and mono PCM as it comes. Of a microphone, it comes from the first read on."""
    if arguments.rate is not None:
        check_rate(arguments.rate)
    if arguments.microphone is None:
        yield arguments.rate or SAMPLE_RATE_HZ, _stdin()
        return
    from kfusion.integrations.microphone import Microphone

    with Microphone(arguments.microphone, arguments.rate) as microphone:
        yield microphone.rate_hz, microphone.blocks()


def _stdin() -> Iterator[bytes]:
    if sys.stdin is None or sys.stdin.closed:
        raise InputError("stdin is closed: pipe 16-bit mono PCM into it, or use --microphone")
    if sys.stdin.isatty():
        raise InputError("stdin is a terminal: pipe 16-bit mono PCM into it, or use --microphone")
    return _whole_samples(sys.stdin.fileno())


def _whole_samples(descriptor: int) -> Iterator[bytes]:
    """What can be read from a file or pipe, as soon as it is there; no byte of a sample without the other."""
    half, heard = b"", False
    while data := _read(descriptor):
        data, heard = half + data, True
        whole = len(data) // BYTES_PER_SAMPLE * BYTES_PER_SAMPLE
        half = data[whole:]
        yield data[:whole]
    if not heard:
        raise InputError(
            "stdin holds no sound (0 bytes): pipe 16-bit mono PCM into it, like that of "
            f"`ffmpeg -i speech.wav -f s16le -ac 1 -ar {SAMPLE_RATE_HZ} -`"
        )
    if half:
        log.warning("stdin ends with half a sample (1 byte), which is left out: is it 16-bit PCM?")


def _read(descriptor: int) -> bytes:
    """What is there; waits for it, whoever has set the descriptor not to."""
    while True:
        try:
            return os.read(descriptor, READ_BYTES)
        except BlockingIOError:
            select.select([descriptor], [], [])
        except OSError as error:
            raise InputError(f"stdin cannot be read ({error.strerror}): pipe 16-bit mono PCM into it") from error


def _follow(stream: "Stream", blocks: Iterator[bytes], rate_hz: int, send: Callable[[LandmarkSequence], None]) -> None:
    """Print and send the frames of all sound; after an interrupt, of the sound until then."""
    reader = PcmReader()

    def show(frames: LandmarkSequence) -> None:
        _print_frames(frames)
        send(frames)

    with _Interrupts() as interrupts:
        for pcm in interrupts.heed(blocks):
            show(stream.push(reader(pcm, rate_hz)))
        show(stream.push(reader.flush()))
        show(stream.flush())
    if interrupts.came:
        raise KeyboardInterrupt


class _Interrupts:
    """Ctrl-C ends the wait for sound and leaves the work on a frame alone; pressed twice, it ends that too."""

    def __init__(self) -> None:
        self.came = self._waiting = False

    def __enter__(self) -> Self:
        # Who has set another handler, or ignores interrupts as a shell makes its background jobs do, keeps that.
        usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
        self._ours = usual and threading.current_thread() is threading.main_thread()
        if self._ours:
            signal.signal(signal.SIGINT, self._take)
        return self

    def __exit__(self, *_: object) -> None:
        if self._ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def heed(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        """The blocks until an interrupt."""
        while True:
            try:
                self._waiting = True
                pcm = None if self.came else next(blocks, None)
            except KeyboardInterrupt:
                self.came = True
                return
            finally:
                self._waiting = False
            if pcm is None:
                return
            yield pcm

    def _take(self, number: int, frame: FrameType | None) -> None:
        if self._waiting or self.came:
            raise KeyboardInterrupt
        self.came = True


def _header(stream: "Stream") -> dict[str, Any]:
    return {
        "kfusion": __version__,
        "model": stream.model,
        "fps": stream.fps,
        **coordinate_keys(stream.coordinates),
        "look_ahead_s": stream.look_ahead_s,
        "lead_ms": stream.lead_ms,
        "leads_ms": stream.leads_ms,
    }


def _print_frames(sequence: LandmarkSequence) -> None:
    _print_lines(frame.message() for frame in frames_of(sequence))


def _print_lines(messages: Iterable[dict[str, Any]]) -> None:
    """One line of JSON each, on its way at once.

    Raises:
        _Unread: they do not arrive.
    """
    for message in messages:
        sys.stdout.write(f"{json.dumps(message, separators=(',', ':'))}\n")
    sys.stdout.flush()
    if isinstance(sys.stdout, Console) and sys.stdout.failure is not None:
        raise _Unread


class _Unread(Exception):  # noqa: N818 - not an error if the reader has left, and else named by the command line
    """Nothing that is printed arrives any more."""

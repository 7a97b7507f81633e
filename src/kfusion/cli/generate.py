"""`kfusion generate`: a recording and a face in; landmarks and a preview video out."""

import argparse
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kfusion.cli.staging import staged
from kfusion.emotion import EMOTIONS, check_emotion
from kfusion.errors import InputError

if TYPE_CHECKING:
    from tqdm import tqdm

log = logging.getLogger(__name__)

FORMATS = ("npz", "csv", "json")
PREVIEW = "preview.mp4"
BAR_DELAY_S = 2.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of the verb."""
    parser.add_argument("speech", metavar="SPEECH", type=Path, help="any audio or video file that FFmpeg reads")
    parser.add_argument(
        "--face",
        metavar="PORTRAIT",
        type=Path,
        help="a picture of a face, or its 68 landmarks as .npy, .npz, .json or .csv (default: a mean face)",
    )
    add_output_arguments(parser)


def add_output_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments that do not say what goes in."""
    parser.add_argument("-o", "--output", metavar="OUT", type=Path, required=True, help="folder for the results")
    parser.add_argument("--fps", type=float, default=30.0, help="landmark frames a second (default: 30)")
    parser.add_argument("--emotion", metavar="NAME", help=", ".join(EMOTIONS))
    parser.add_argument("--intensity", metavar="1|2|3", type=int, help="of the emotion")
    parser.add_argument(
        "--format", metavar="LIST", default="npz", help="npz, csv, json, joined by commas (npz is always written)"
    )
    parser.add_argument("--no-preview", action="store_true", help=f"leave {PREVIEW} out")
    parser.add_argument("--model", metavar="PATH", type=Path, help="another .onnx bundle, or a folder with model.onnx")
    parser.add_argument("--allow-silence", action="store_true", help="animate a silent recording: a resting face")


def run(arguments: argparse.Namespace) -> int:
    """Write the results and print their paths."""
    check_emotion(arguments.emotion, arguments.intensity)
    landmarks = [f"landmarks.{kind}" for kind in _formats(arguments.format)]
    names = landmarks if arguments.no_preview else [*landmarks, PREVIEW]
    with staged(arguments.output, names) as work:
        _generate(arguments, [work / name for name in names])
    _note_older_files(arguments.output, names)
    for name in names:
        print(arguments.output / name)
    return 0


def _generate(arguments: argparse.Namespace, paths: list[Path]) -> None:
    from kfusion.inference.generator import load
    from kfusion.inference.identity import read_identity

    identity = read_identity(arguments.face)
    with _bar("speech", "s") as bar:
        sequence = load(arguments.model).generate(
            arguments.speech,
            identity,
            fps=arguments.fps,
            emotion=arguments.emotion,
            intensity=arguments.intensity,
            allow_silence=arguments.allow_silence,
            progress=lambda done, total: _advance(bar, round(done, 1), total),
        )
    for path in paths:
        if path.name != PREVIEW:
            sequence.save(path)
            continue
        from kfusion.inference.preview import write_preview

        with _bar("preview", " pictures") as bar:
            write_preview(
                path, sequence, arguments.speech, identity, progress=lambda done, total: _advance(bar, done, total)
            )


def _formats(wanted: str) -> list[str]:
    """The kinds of landmark file to write, npz first."""
    kinds = [kind.strip().lower() for kind in wanted.split(",") if kind.strip()]
    unknown = [kind for kind in kinds if kind not in FORMATS]
    if unknown:
        raise InputError(f"unknown output format '{unknown[0]}': use {', '.join(FORMATS)}")
    return [kind for kind in FORMATS if kind == "npz" or kind in kinds]


def _note_older_files(folder: Path, written: list[str]) -> None:
    """Results of an earlier run that this one did not replace would be taken for its own."""
    for name in (*(f"landmarks.{kind}" for kind in FORMATS), PREVIEW):
        if name not in written and (folder / name).exists():
            log.warning("%s is from an earlier run and was left as it is", folder / name)


@contextmanager
def _bar(description: str, unit: str) -> Iterator["tqdm[Any]"]:
    """A progress bar on stderr, shown on a terminal and only when the work is long."""
    from tqdm import tqdm

    with tqdm(desc=description, unit=unit, delay=BAR_DELAY_S, disable=None, leave=False) as bar:
        yield bar


def _advance(bar: "tqdm[Any]", done: float, total: float | None) -> None:
    bar.total = total
    bar.update(done - bar.n)

"""`kfusion convert`: landmarks that kfusion wrote in; files that avatars read out."""

import argparse
from pathlib import Path

from kfusion.cli.console import show
from kfusion.cli.motion_output import ENDINGS, MotionFiles, add_avatar_arguments, split_names
from kfusion.cli.staging import staged
from kfusion.errors import InputError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of the verb."""
    parser.add_argument("landmarks", metavar="LANDMARKS", type=Path, help="landmarks.npz of `kfusion generate`")
    parser.add_argument("--to", metavar="LIST", required=True, help=f"{', '.join(ENDINGS)}, joined by commas")
    parser.add_argument(
        "-o", "--output", metavar="OUT", type=Path, help="folder for the files (default: that of LANDMARKS)"
    )
    parser.add_argument(
        "--rest",
        metavar="FACE",
        type=Path,
        help="landmarks of the same face in the same picture with its mouth closed, from which motion is counted "
        "(default: the most closed frames)",
    )
    parser.add_argument(
        "--speech", metavar="FILE", type=Path, help="the recording of LANDMARKS, for formats of visemes"
    )
    add_avatar_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Write the files and print their paths."""
    from kfusion.inference.geometry import check_face
    from kfusion.inference.recording import read_recording
    from kfusion.landmarks import LandmarkSequence, read_landmarks

    kinds = split_names(arguments.to)
    if not kinds:
        raise InputError(f"--to names no format: use {', '.join(ENDINGS)}")
    files = MotionFiles(kinds, arguments.landmarks.stem, arguments.avatar, arguments.gain)
    sequence = LandmarkSequence.load(arguments.landmarks)
    rest = None
    if arguments.rest is not None:
        rest = check_face(read_landmarks(arguments.rest), str(arguments.rest))
    speech = None
    if arguments.speech is not None:
        files.check_hearing()
        speech = read_recording(arguments.speech)
    folder = arguments.landmarks.parent if arguments.output is None else arguments.output
    with staged(folder, files.names) as work:
        files.write(work, sequence, rest, speech)
    for name in files.names:
        show(folder / name)
    return 0

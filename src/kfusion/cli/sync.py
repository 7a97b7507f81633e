"""`kfusion sync`: how late the sound of talking videos is, and copies in which it is not."""

import argparse
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from kfusion.cli.console import show
from kfusion.errors import InputError, KfusionError, OutputError, UnexpectedError, error_of

if TYPE_CHECKING:
    from kfusion.data.lateness import Lateness

log = logging.getLogger(__name__)

FIXED = ".synced"
"""What the name of a copy has before its ending."""
_BAR_DELAY_S = 2.0
MeasureVideo = Callable[[Path], "Lateness"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of the verb."""
    parser.add_argument("video", metavar="VIDEO", type=Path, nargs="+", help="videos, each of one talking face")
    parser.add_argument("--json", action="store_true", help="print a JSON object a line")
    parser.add_argument(
        "--fix",
        action="store_true",
        help=f"write a copy with the sound moved beside each video that is certainly off, NAME{FIXED}.mp4: pictures "
        "are copied as they are",
    )
    parser.add_argument(
        "-o", "--output", metavar="OUT", type=Path, help="with --fix: name of the copy, or of several a folder for them"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print a line a file: its path, how late the sound is in ms, and the 95 % interval.

    Raises:
        InputError: at the end, if there was a video that could not be used.
        OutputError: a copy is there already or cannot be written.
    """
    copies = _copies(arguments)
    failed = dict[str, KfusionError]()
    with _measuring() as measure:
        for video, copy in copies.items():
            try:
                _one(video, copy, measure, as_json=arguments.json)
            except Exception as error:  # whatever it is, the other videos go on
                if len(copies) == 1:
                    raise
                failed[str(video)] = error_of(video, error)
                log.warning("left out: %s", failed[str(video)])
    if failed:
        message = f"{len(failed)} of {len(copies)} videos left out ({', '.join(failed)}): see the notes above"
        faults = [error for error in failed.values() if isinstance(error, UnexpectedError)]
        raise UnexpectedError(message, faults[0]) if faults else InputError(message)
    return 0


def _copies(arguments: argparse.Namespace) -> dict[Path, Path | None]:
    """Each video, and where its copy would go; checked before anything is watched.

    Raises:
        InputError: -o without --fix, or two copies would have one name.
        OutputError: a copy is there already.
    """
    videos: list[Path] = list(dict.fromkeys(arguments.video))
    if not arguments.fix:
        if arguments.output is not None:
            raise InputError(f"-o {arguments.output}: is for copies: pass --fix as well")
        return dict.fromkeys(videos)
    alone = len(videos) == 1 and arguments.output is not None and not arguments.output.is_dir()
    names = {video: video.with_name(f"{video.stem}{FIXED}{video.suffix}") for video in videos}
    copies = {
        video: arguments.output if alone else (arguments.output or name.parent) / name.name
        for video, name in names.items()
    }
    for video, copy in copies.items():
        if copy.exists():
            raise OutputError(f"{copy}: is there already: move it away, or pass another -o")
        if list(copies.values()).count(copy) > 1:
            raise InputError(f"{video}: its copy and that of another video would both be {copy}: fix them one by one")
    return copies


@contextmanager
def _measuring() -> Iterator[MeasureVideo]:
    """What measures a video, with the weights and the face finder loaded once."""
    from tqdm import tqdm

    from kfusion.face import FaceFinder
    from kfusion.inference.generator import load
    from kfusion.inference.sync import video_lateness

    model = load()

    def measure(video: Path) -> "Lateness":
        with tqdm(desc=video.name, unit="s", delay=_BAR_DELAY_S, disable=None, leave=False) as bar:

            def watched(done_s: float) -> None:
                bar.update(round(done_s) - bar.n)

            return video_lateness(video, model, finder, watched=watched)

    with FaceFinder(max_faces=1) as finder:
        yield measure


def _one(video: Path, copy: Path | None, measure: MeasureVideo, *, as_json: bool) -> None:
    lateness = measure(video)
    show((_json if as_json else _line)(video, lateness))
    if copy is None:
        return
    if not lateness.is_off:
        reason = "its sound may be right" if lateness.is_certain else "how late it is cannot be told"
        log.warning("%s: no copy is written: %s", video, reason)
        return
    from kfusion.media.retime import move_sound

    move_sound(video, copy, lateness.ms)
    left = measure(copy)
    show((_json if as_json else _line)(copy, left))
    if not left.is_certain or left.is_off:
        log.warning("%s: its sound is still off, or cannot be told: look at it", copy)
    if lateness.drift is not None and not lateness.drift.low <= 0 <= lateness.drift.high:
        log.warning("%s: the drift stays: the sound is right in the middle of the video", copy)


def _line(video: Path, lateness: "Lateness") -> str:
    if not lateness.is_certain:
        return f"{video}: cannot tell: {lateness.doubt}"
    line = f"{video}: {lateness.ms:+.0f} ms [{lateness.low:+.0f}, {lateness.high:+.0f}]"
    if lateness.drift is None:
        return line
    drift = lateness.drift
    return f"{line}, drift {drift.ms_per_hour:+.0f} ms an hour [{drift.low:+.0f}, {drift.high:+.0f}]"


def _json(video: Path, lateness: "Lateness") -> str:
    drift = lateness.drift
    said = {"path": str(video), "certain": lateness.is_certain, "doubt": lateness.doubt}
    told = lateness if lateness.is_certain else None
    numbers = {
        "offset_ms": told and round(told.ms, 1),
        "low_ms": told and round(told.low, 1),
        "high_ms": told and round(told.high, 1),
        "drift_ms_per_hour": drift and round(drift.ms_per_hour, 1),
        "drift_low": drift and round(drift.low, 1),
        "drift_high": drift and round(drift.high, 1),
    }
    return json.dumps(said | numbers)

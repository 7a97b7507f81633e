"""`kfusion generate`: recordings and a face in; landmarks and a video of each out."""

import argparse
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from kfusion.cli.console import show
from kfusion.cli.motion_output import ENDINGS, STEM, MotionFiles, add_avatar_arguments, split_names
from kfusion.cli.staging import staged
from kfusion.cli.video_choice import (
    VIDEO_NAMES,
    ChosenVideo,
    add_person_argument,
    add_video_arguments,
    chosen_video,
)
from kfusion.emotion import EMOTIONS, check_emotion
from kfusion.errors import InputError, KfusionError, UnexpectedError, error_of
from kfusion.files import is_work, name_key
from kfusion.inference.delivery import check_expressiveness, check_lead
from kfusion.numbers import number

if TYPE_CHECKING:
    from tqdm import tqdm

    from kfusion.inference.generator import Generator
    from kfusion.inference.identity import Identity
    from kfusion.inference.recording import Recording
    from kfusion.landmarks import LandmarkSequence

log = logging.getLogger(__name__)

FORMATS = ("npz", "csv", "json")
BAR_DELAY_S = 2.0
ResultWriter: TypeAlias = "Callable[[Path, LandmarkSequence, Recording], None]"
"""Writes all results of one recording to a folder."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of the verb."""
    parser.add_argument(
        "speech",
        metavar="SPEECH",
        type=Path,
        nargs="+",
        help="any audio or video file that FFmpeg reads; of several, each has a folder of its name in OUT",
    )
    parser.add_argument("--track", metavar="N", type=int, help="sound track of each file (default: its default track)")
    add_face_argument(parser)
    add_person_argument(parser)
    add_output_arguments(parser)


def add_face_argument(parser: argparse.ArgumentParser) -> None:
    """The face that is to speak."""
    parser.add_argument(
        "--face",
        metavar="PORTRAIT",
        type=Path,
        help="a picture of a face, or its 68 landmarks as .npy, .npz, .json or .csv (default: a mean face)",
    )


def add_frame_arguments(parser: argparse.ArgumentParser) -> None:
    """How many frames, with which emotion, when and how much they move."""
    parser.add_argument("--fps", type=float, default=30.0, help="landmark frames a second (default: 30)")
    parser.add_argument("--emotion", metavar="NAME", help=", ".join(EMOTIONS))
    parser.add_argument("--intensity", metavar="1|2|3", type=int, help="of the emotion")
    parser.add_argument(
        "--lead-ms",
        metavar="MS",
        type=number,
        default=0,
        help="lips so much earlier than the sound, or later where below 0 (default: 0)",
    )
    parser.add_argument(
        "--expressiveness",
        metavar="FACTOR",
        type=number,
        default=1,
        help="how much the face moves, 0 (at rest) to 2; lips that close stay closed (default: 1)",
    )


def add_output_arguments(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """The arguments that do not say what goes in; `required`: whether one must say where the results go."""
    parser.add_argument("-o", "--output", metavar="OUT", type=Path, required=required, help="folder for the results")
    add_frame_arguments(parser)
    parser.add_argument(
        "--format",
        metavar="LIST",
        default="npz",
        help=f"npz, csv, json, {', '.join(ENDINGS)}, joined by commas (npz is always written)",
    )
    add_avatar_arguments(parser)
    add_video_arguments(parser)
    parser.add_argument("--model", metavar="PATH", type=Path, help="another .onnx bundle, or a folder with model.onnx")
    parser.add_argument("--allow-silence", action="store_true", help="animate a silent recording: a resting face")


def run(arguments: argparse.Namespace) -> int:
    """Write the results and print their paths."""
    check_emotion(arguments.emotion, arguments.intensity)
    check_lead(arguments.lead_ms)
    check_expressiveness(arguments.expressiveness)
    kinds, avatars = _formats(arguments.format)
    results = _Results(
        landmarks=[f"landmarks.{kind}" for kind in kinds],
        video=chosen_video(arguments),
        motion=MotionFiles(avatars, STEM, arguments.avatar, arguments.gain),
        lead_ms=arguments.lead_ms,
    )
    if len(arguments.speech) == 1:
        _run_one(arguments, results)
    else:
        _run_many(arguments, results)
    return 0


def _run_one(arguments: argparse.Namespace, results: "_Results") -> None:
    """One recording: the results lie in OUT itself."""
    from kfusion.inference.generator import load
    from kfusion.inference.identity import read_identity
    from kfusion.inference.recording import read_recording

    speech = read_recording(arguments.speech[0], arguments.track)
    with staged(arguments.output, results.names) as work:
        identity = read_identity(arguments.face, person=arguments.person, from_video=True)
        model = load(arguments.model)
        write = results.writer(model, identity, arguments.face)
        with _bar("speech", "s") as bar:
            sequence = model.generate(
                speech,
                identity,
                progress=lambda done, total: _advance(bar, round(done, 1), total),
                **_settings(arguments),
            )
        write(work, sequence, speech)
    _show(arguments.output, results.names)


def _run_many(arguments: argparse.Namespace, results: "_Results") -> None:
    """Each recording in a folder of its own; those that cannot be used are named, and the others go on.

    Raises:
        InputError: at the end, if there was one that could not be used.
        UnexpectedError: at the end, if one met a fault of this package.
    """
    from kfusion.inference.generator import load
    from kfusion.inference.identity import read_identity
    from kfusion.inference.recording import read_recording

    folders = _folders(arguments.output, arguments.speech)
    identity = read_identity(arguments.face, person=arguments.person, from_video=True)
    failed: dict[str, KfusionError] = {}
    recordings = [read_recording(speech, arguments.track) for speech in folders]
    model = load(arguments.model)
    write = results.writer(model, identity, arguments.face)
    outcomes = model.generate_many(recordings, identity, **_settings(arguments))
    with staged(arguments.output, []), _bar("recordings", "") as bar, closing(outcomes):
        for done, (recording, folder, outcome) in enumerate(zip(recordings, folders.values(), outcomes, strict=True)):
            _advance(bar, done, len(folders))
            error = _keep(outcome, folder, results.names, recording, write)
            if error is None:
                _show(folder, results.names)
            else:
                log.warning("left out: %s", error)
                failed[recording.name] = error
        if failed:
            raise _summary(failed, len(folders))


class _Results(NamedTuple):
    """What is written of every recording."""

    landmarks: list[str]
    """Names of the landmark files."""
    video: ChosenVideo
    motion: MotionFiles
    lead_ms: float

    @property
    def names(self) -> list[str]:
        """Of all files."""
        return [*self.landmarks, *([self.video.name] if self.video.name else []), *self.motion.names]

    def writer(self, model: "Generator", identity: "Identity", face: Path | None) -> ResultWriter:
        """What writes them to a folder for one who speaks, read from `face`.

        Raises:
            InputError: the face cannot be shown as the video was asked for.
        """
        show_video = self.video.writer(identity, face)
        rest = self.motion.rest(lambda sound: model.generate(sound, identity))

        def write(folder: Path, sequence: "LandmarkSequence", recording: "Recording") -> None:
            for name in self.landmarks:
                sequence.save(folder / name)
            self.motion.write(folder, sequence, rest, recording, self.lead_ms)
            if self.video.name:
                with _bar("video", " pictures") as bar:
                    show_video(
                        folder / self.video.name, sequence, recording, lambda done, total: _advance(bar, done, total)
                    )

        return write


def _keep(
    outcome: "LandmarkSequence | KfusionError",
    folder: Path,
    names: Sequence[str],
    recording: "Recording",
    write: ResultWriter,
) -> KfusionError | None:
    """Write the results of one recording of several; why not, if that cannot be done."""
    if isinstance(outcome, KfusionError):
        return outcome
    try:
        with staged(folder, names) as work:
            write(work, outcome, recording)
    except Exception as error:  # noqa: BLE001 - whatever it is, the other recordings go on
        return error_of(recording.name, error)
    return None


def _summary(failed: dict[str, KfusionError], count: int) -> KfusionError:
    message = f"{len(failed)} of {count} recordings left out ({', '.join(failed)}): see the notes above"
    fault = next((error for error in failed.values() if isinstance(error, UnexpectedError)), None)
    return InputError(message) if fault is None else UnexpectedError(message, fault.__cause__ or fault)


def _settings(arguments: argparse.Namespace) -> dict[str, Any]:
    """What `Generator.generate` is told of every recording."""
    names = ("fps", "emotion", "intensity", "lead_ms", "expressiveness", "allow_silence")
    return {name: getattr(arguments, name) for name in names}


def _folders(output: Path, recordings: Sequence[Path]) -> dict[Path, Path]:
    """The folder in `output` for the results of each recording.

    Raises:
        InputError: two have the same, on a disk that tells neither case nor Unicode's spellings apart.
    """
    folders: dict[Path, Path] = {}
    owners: dict[str, Path] = {}
    for speech in recordings:
        name = _folder_name(speech)
        other = owners.setdefault(name_key(name), speech)
        if other is not speech:
            raise InputError(f"{other} and {speech} would both go to {output / name}: rename one of them")
        folders[speech] = output / name
    return folders


def _folder_name(speech: Path) -> str:
    """The name without its ending; the whole name where the rest is no name of its own (`...wav`)."""
    names = [name for name in (speech.stem, speech.name) if name not in ("", ".", "..") and not is_work(name)]
    if not names:
        raise InputError(f"{speech}: has no name to call a folder of results by: pass recordings with names")
    return names[0]


def _show(folder: Path, names: Sequence[str]) -> None:
    """Print what was written to `folder`, and name results of an earlier run that could be taken for it."""
    motions = [f"{STEM}{ending}" for ending in ENDINGS.values()]
    for name in (*(f"landmarks.{kind}" for kind in FORMATS), *VIDEO_NAMES, *motions):
        if name not in names and (folder / name).exists():
            log.warning("%s is from an earlier run and was left as it is", folder / name)
    for name in names:
        show(folder / name)


def _formats(wanted: str) -> tuple[list[str], list[str]]:
    """The kinds of landmark file to write, npz first, and the formats of avatars."""
    kinds = split_names(wanted)
    unknown = [kind for kind in kinds if kind not in (*FORMATS, *ENDINGS)]
    if unknown:
        raise InputError(f"unknown output format '{unknown[0]}': use {', '.join((*FORMATS, *ENDINGS))}")
    landmarks = [kind for kind in FORMATS if kind == "npz" or kind in kinds]
    return landmarks, [kind for kind in kinds if kind in ENDINGS]


@contextmanager
def _bar(description: str, unit: str) -> Iterator["tqdm[Any]"]:
    """A progress bar on stderr, shown on a terminal and only when the work is long."""
    from tqdm import tqdm

    with tqdm(desc=description, unit=unit, delay=BAR_DELAY_S, disable=None, leave=False) as bar:
        yield bar


def _advance(bar: "tqdm[Any]", done: float, total: float | None) -> None:
    bar.total = total
    bar.update(done - bar.n)

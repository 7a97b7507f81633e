"""What verbs share that write motion for avatars, or send it to them."""

import argparse
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kfusion.errors import InputError

if TYPE_CHECKING:
    from kfusion.audio import Samples
    from kfusion.inference.recording import Recording
    from kfusion.landmarks import LandmarkSequence, Points

Animate = Callable[["Samples"], "LandmarkSequence"]
"""What makes landmarks of sound."""
ENDINGS = {
    "livelink": ".livelink.csv",
    "a2f": ".a2f.json",
    "azure": ".azure.json",
    "talkinghead": ".talkinghead.json",
    "rhubarb": ".rhubarb.json",
    "rhubarb-tsv": ".rhubarb.tsv",
    "glb": ".glb",
    "vrma": ".vrma",
    "live2d": ".motion3.json",
    "parquet": ".parquet",
}
"""Those of `kfusion.formats.motion_files.MOTION_FORMATS`, which are imported where they are needed alone."""
STEM = "motion"
"""How the names of the files begin that lie beside `landmarks.npz`."""


def add_avatar_arguments(parser: argparse.ArgumentParser) -> None:
    """How motion is written."""
    parser.add_argument(
        "--avatar", metavar="GLB", type=Path, help="for the format glb: your avatar, which gets the animation"
    )
    _add_gain(parser)


def _add_gain(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--gain",
        metavar="FACTOR",
        type=float,
        default=1.0,
        help="what an avatar's weights are multiplied with, which end at 1 (default: 1)",
    )


def add_send_arguments(parser: argparse.ArgumentParser) -> None:
    """Where motion is sent."""
    _add_gain(parser)
    parser.add_argument(
        "--send",
        metavar="ADDRESS",
        action="append",
        default=[],
        help="send the motion to an avatar over UDP as well: livelink://HOST:PORT, vmc:// or ifacialmocap:// "
        "(default: this machine, the usual port); may be given several times",
    )


class MotionFiles:
    """The files of avatars' formats among the results of a run.

    Args:
        kinds: names of formats.
        stem: how the files' names begin.
        avatar: for `glb`.
        gain: of the weights.

    Raises:
        InputError: a format is unknown, or the avatar or the gain cannot be used.
    """

    def __init__(self, kinds: Sequence[str], stem: str, avatar: Path | None, gain: float) -> None:
        self._kinds = {f"{stem}{_ending(kind)}": kind for kind in kinds}
        self._avatar, self._gain = avatar, gain
        if kinds or avatar is not None or gain != 1:
            from kfusion.formats.motion_files import check_avatar
            from kfusion.motion.face_motion import check_gain

            check_avatar(avatar, kinds)
            check_gain(gain)
            if not kinds:
                raise InputError(f"--gain {gain:g} goes with a format of avatars: use {', '.join(ENDINGS)}")

    @property
    def names(self) -> list[str]:
        """The files' names."""
        return list(self._kinds)

    def check_hearing(self) -> None:
        """Raises `InputError` where there is sound, and no format has visemes."""
        from kfusion.formats.motion_files import MOTION_FORMATS

        if not any(MOTION_FORMATS[kind].hears for kind in self._kinds.values()):
            hearing = ", ".join(kind for kind, form in MOTION_FORMATS.items() if form.hears)
            raise InputError(f"sound goes with formats of visemes ({hearing}): leave --speech out")

    def rest(self, animate: Animate) -> "Points | None":
        """The resting face of who is animated, where a file needs one."""
        if not self._kinds:
            return None
        from kfusion.motion.resting import face_in_silence

        return face_in_silence(animate)

    def write(
        self,
        folder: Path,
        sequence: "LandmarkSequence",
        rest: "Points | None",
        speech: "Recording | None" = None,
        lead_ms: float = 0,
    ) -> None:
        """Write all of them.

        Args:
            folder: to this one.
            sequence: what moves.
            rest: as in `read_motion`.
            speech: for the visemes, where there is sound.
            lead_ms: how much earlier than the sound the landmarks are.
        """
        if not self._kinds:
            return
        from kfusion.formats.motion_files import write_motion_files

        files = {folder / name: kind for name, kind in self._kinds.items()}
        write_motion_files(files, sequence, rest, speech, lead_ms=lead_ms, gain=self._gain, avatar=self._avatar)


def _ending(kind: str) -> str:
    if kind not in ENDINGS:
        raise InputError(f"unknown output format '{kind}': use {', '.join(ENDINGS)}")
    return ENDINGS[kind]


def split_names(words: str) -> list[str]:
    """The names in `a, B`, each once."""
    return list(dict.fromkeys(word.strip().lower() for word in words.split(",") if word.strip()))


@contextmanager
def sending(
    addresses: Sequence[str], gain: float, animate: Callable[[], Animate]
) -> Iterator[Callable[["LandmarkSequence"], Any]]:
    """A function that sends the next frames to every address while the block runs; without addresses, nothing.

    Args:
        addresses: where to.
        gain: of the weights.
        animate: what gives a new `Animate`, for the resting face; called if there is an address.

    Raises:
        InputError: an address or the gain cannot be used.
        OutputError: there is no such host.
    """
    if not addresses and gain == 1:
        yield lambda _: None
        return
    from kfusion.formats.wires import Sender, read_destination
    from kfusion.motion.face_motion import MotionReader, check_gain
    from kfusion.motion.resting import face_in_silence

    check_gain(gain)
    if not addresses:
        raise InputError(f"--gain {gain:g} goes with --send: name where the motion goes")
    destinations = [read_destination(address) for address in addresses]
    with ExitStack() as stack:
        senders = [stack.enter_context(Sender(destination)) for destination in destinations]
        read = MotionReader(face_in_silence(animate()), gain=gain)
        yield lambda sequence: _send(senders, read(sequence))


def _send(senders: Sequence[Any], motion: Any) -> None:
    for sender in senders:
        sender.send(motion)

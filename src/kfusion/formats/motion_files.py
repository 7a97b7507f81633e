"""The file formats by name: a new one is a file in this room and a line here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from kfusion.errors import InputError
from kfusion.files import atomic_path
from kfusion.formats.audio2face import write_a2f
from kfusion.formats.azure import write_azure
from kfusion.formats.glb import check_morph_targets, write_glb
from kfusion.formats.live2d import write_live2d
from kfusion.formats.livelink import write_livelink
from kfusion.formats.parquet import write_parquet
from kfusion.formats.rhubarb import write_rhubarb, write_rhubarb_tsv
from kfusion.formats.talkinghead import write_talkinghead
from kfusion.formats.vrma import write_vrma
from kfusion.landmarks import LandmarkSequence, Points
from kfusion.motion.face_motion import Motion, read_motion

if TYPE_CHECKING:
    from kfusion.inference.recording import Recording


@dataclass(frozen=True, slots=True)
class MotionFormat:
    """A kind of file."""

    ending: str
    """Of the names of its files."""
    write: Callable[[Motion, Path], None]
    what: str
    hears: bool = False
    """Whether it has visemes, which are read from the sound."""


MOTION_FORMATS = {
    "livelink": MotionFormat(".livelink.csv", write_livelink, "Live Link Face CSV: Unreal, Blender, Maya, Houdini"),
    "a2f": MotionFormat(".a2f.json", write_a2f, "Audio2Face JSON: Omniverse"),
    "azure": MotionFormat(".azure.json", write_azure, "Azure's 55 blend shapes at 60 frames a second"),
    "talkinghead": MotionFormat(".talkinghead.json", write_talkinghead, "TalkingHead's anim and visemes", hears=True),
    "rhubarb": MotionFormat(".rhubarb.json", write_rhubarb, "mouths of Rhubarb Lip Sync: 2-D tools", hears=True),
    "rhubarb-tsv": MotionFormat(".rhubarb.tsv", write_rhubarb_tsv, "the same as a table", hears=True),
    "glb": MotionFormat(".glb", write_glb, "glTF: a stub head, or your own with --avatar"),
    "vrma": MotionFormat(".vrma", write_vrma, "VRM animation"),
    "live2d": MotionFormat(".motion3.json", write_live2d, "Live2D motion3.json"),
    "parquet": MotionFormat(".parquet", write_parquet, "Parquet table: landmarks, shapes, head"),
}
"""Name on the command line -> how it is written."""


def write_motion(motion: Motion, path: str | Path, kind: str, *, avatar: str | Path | None = None) -> Path:
    """Write a motion in the format `kind`, one of `MOTION_FORMATS`; whole or not at all.

    Args:
        motion: what is written, see `kfusion.motion.face_motion.read_motion`.
        path: where the file goes; its ending is not looked at.
        kind: the format's name.
        avatar: for `glb`, the avatar that gets the animation.

    Raises:
        InputError: the format is unknown, the motion holds no frame, or the avatar cannot be used.
        OutputError: the place cannot be written.
        MissingExtraError: the format needs a package that is not installed.
    """
    path, form = Path(path), motion_format(kind)
    if not len(motion):
        raise InputError("the motion holds 0 frames: pass landmarks with at least one")
    check_avatar(avatar, [kind])
    with atomic_path(path) as part:
        if avatar is None:
            form.write(motion, part)
        else:
            write_glb(motion, part, Path(avatar))
    return path


def write_motion_files(
    files: Mapping[Path, str],
    sequence: LandmarkSequence,
    rest: Points | None,
    speech: "Recording | None" = None,
    *,
    lead_ms: float = 0,
    gain: float = 1,
    avatar: Path | None = None,
) -> None:
    """Write what landmarks become for avatars, in several formats; the sound is heard where one of them has visemes.

    Args:
        files: path -> the name of its format.
        sequence: what moves.
        rest: as in `read_motion`.
        speech: for the visemes, where there is sound.
        lead_ms: how much earlier than the sound the landmarks are.
        gain: of the weights.
        avatar: for `glb`.

    Raises:
        InputError: as in `read_motion`, `read_visemes` and `write_motion`.
        OutputError: a place cannot be written.
    """
    if not files:
        return
    motion = read_motion(sequence, rest, gain=gain)
    if speech is not None and any(MOTION_FORMATS[kind].hears for kind in files.values()):
        from kfusion.motion.visemes import read_visemes

        motion = replace(motion, visemes=read_visemes(speech, allow_silence=True).earlier(lead_ms))
    for path, kind in files.items():
        write_motion(motion, path, kind, avatar=avatar if kind == "glb" else None)


def check_avatar(avatar: str | Path | None, kinds: Sequence[str]) -> None:
    """Raises `InputError` where there is an avatar that no format takes, or one that cannot be read."""
    if avatar is None:
        return
    if "glb" not in kinds:
        raise InputError(f"an avatar goes with the format glb, not with {', '.join(kinds) or 'none'}: leave it out")
    check_morph_targets(Path(avatar))


def motion_format(kind: str) -> MotionFormat:
    """The format of a name.

    Raises:
        InputError: there is none.
    """
    if kind not in MOTION_FORMATS:
        raise InputError(f"unknown output format '{kind}': use {', '.join(MOTION_FORMATS)}")
    return MOTION_FORMATS[kind]

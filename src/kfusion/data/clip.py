"""One talking clip of a corpus, as its reader describes it."""

import logging
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from kfusion.data.landmark_track import LandmarkTrack
from kfusion.emotion import check_emotion
from kfusion.errors import InputError

log = logging.getLogger(__name__)

SPLITS = ("train", "val", "test")
VIDEO_ENDINGS = frozenset({".mp4", ".mpg", ".mpeg", ".mov", ".mkv", ".avi", ".webm", ".flv", ".m4v"})
SPEAKERS, SENTENCES, EMOTION = "speakers", "sentences", "emotion"
SPLIT_PROTOCOLS = (SPEAKERS, SENTENCES, EMOTION)
"""What a test split holds that was never trained on: whole speakers (`speakers`; `emotion` as well, with a training
split where `speakers` has none), or only other sentences of the same speakers, which has to be asked for by name
where the corpus has more than one speaker."""


@dataclass(frozen=True, slots=True)
class PackedFile:
    """Where the bytes of a file lie in an archive."""

    archive: Path
    name: str
    """In the archive."""
    offset: int
    size: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Clip:
    """A video file and what its corpus says of it."""

    clip_id: str
    """Unique in the corpus, such as `s1/bbaf2n`."""
    path: Path
    """The video, with its sound unless `audio_path` is given; a landmark file where there is a `track`."""
    audio_path: Path | None = None
    """The sound, where the corpus keeps it apart."""
    corpus: str
    speaker: str
    split: str
    """`train`, `val` or `test`."""
    emotion: str | None = None
    """One of `kfusion.emotion.EMOTIONS`, or None where the corpus does not say."""
    intensity: int | None = None
    """1 to 3, or None where the corpus does not say."""
    track: Callable[[Path], LandmarkTrack] | None = None
    """Reads the landmarks at `path`, where the corpus has no video; a worker process must be able to import it."""

    packed: PackedFile | None = None
    """Where the video is in an archive, whose name stands in `path` in place of a folder's."""
    packed_audio: PackedFile | None = None
    """The same for the sound."""

    def __post_init__(self) -> None:
        if self.split not in SPLITS:
            raise InputError(f"clip {self.clip_id}: unknown split '{self.split}': use {', '.join(SPLITS)}")
        try:
            check_emotion(self.emotion, self.intensity)
        except InputError as error:
            raise InputError(f"clip {self.clip_id}: {error}") from error

    def check_names(self) -> None:
        """Raises `InputError` if a name cannot be stored: not UTF-8, or with control characters."""
        for name in (self.clip_id, self.speaker, self.path.name):
            if not name.isprintable():
                raise InputError(f"the name {name!r} is not plain text: rename the file or its folder")


def check_source(source: Path) -> None:
    """Raises `InputError` unless `source` is a folder that can be listed."""
    if not source.is_dir():
        raise InputError(f"{source}: no such folder: pass the folder that holds the corpus")
    if not os.access(source, os.R_OK | os.X_OK):
        raise InputError(f"{source}: cannot be read (permission denied): change its permissions")


def videos_below(folder: Path) -> list[Path]:
    """Every video file below `folder`, sorted by path; hidden files (such as macOS's `._001.mp4`) are none.

    Links that lead nowhere are among them, such as git-annex has for what was not fetched: these clips are missing.
    Folders, pipes and devices with the name of a video are told of and left out.
    """
    videos, others = list[Path](), list[Path]()
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in VIDEO_ENDINGS and not path.name.startswith("."):
            (videos if path.is_file() or _leads_nowhere(path) else others).append(path)
    if others:
        what = "has the name of a video and is no file" if len(others) == 1 else "have names of videos and are no files"
        log.warning("%s: %d %s, such as %s: left out", folder, len(others), what, others[0].name)
    return videos


def _leads_nowhere(path: Path) -> bool:
    return path.is_symlink() and not path.exists()


def check_speakers(clips: Iterable[Clip], protocol: str = SPEAKERS) -> None:
    """Raises `InputError` if a clip id stands twice or a test speaker is also trained or selected on.

    The second is allowed under the protocol `sentences` alone.
    """
    if protocol not in SPLIT_PROTOCOLS:
        raise InputError(f"unknown protocol '{protocol}': use {', '.join(SPLIT_PROTOCOLS)}")
    seen: set[str] = set()
    speakers: dict[str, set[str]] = {split: set() for split in SPLITS}
    for clip in clips:
        if clip.clip_id in seen:
            raise InputError(f"clip id '{clip.clip_id}' stands twice: give every clip a name of its own")
        seen.add(clip.clip_id)
        speakers[clip.split].add(clip.speaker)
    shared = speakers["test"] & (speakers["train"] | speakers["val"])
    if shared and protocol != SENTENCES:
        raise InputError(f"speaker '{min(shared)}' is in the test split and in another: put each speaker on one side")

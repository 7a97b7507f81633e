"""CREMA-D (Cao et al. 2014) in its published layout: `VideoFlash/1001_DFA_ANG_XX.flv` + `AudioWAV/1001_DFA_ANG_XX.wav`.

A name is actor, sentence, emotion and level. All clips are test clips: the corpus is there to
measure on speakers and recordings that nothing was trained on.
"""

import logging
import re
from pathlib import Path

from kfusion.data.clip import Clip, check_source, videos_below
from kfusion.errors import InputError
from kfusion.files import is_pointer

log = logging.getLogger(__name__)

EMOTION_CODES = {
    "ANG": "angry",
    "DIS": "disgusted",
    "FEA": "fear",
    "HAP": "happy",
    "NEU": "neutral",
    "SAD": "sad",
}
LEVEL_CODES = {"LO": 1, "MD": 2, "HI": 3, "XX": None, "X": None}
"""XX is "unspecified"; the corpus writes it X once."""


KNOWN_CLIPS, KNOWN_ACTORS = 7_442, 91


def read_cremad(source: Path) -> list[Clip]:
    """The clips of a CREMA-D folder, all of them test clips.

    Raises:
        InputError: there are no videos with names of the corpus.
    """
    return cremad_listing(source)[0]


def cremad_listing(source: Path) -> tuple[list[Clip], list[str]]:
    """The clips of a CREMA-D folder, and what is there of the corpus and what is not.

    Raises:
        InputError: there are no videos with names of the corpus.
    """
    check_source(source)
    paths = videos_below(source / "VideoFlash") if (source / "VideoFlash").is_dir() else []
    clips = [clip for path in paths if (clip := _clip(path, source / "AudioWAV"))]
    if not clips:
        raise InputError(f"{source}: no CREMA-D videos (VideoFlash/1001_DFA_ANG_XX.flv): pass CREMA-D's own folder")
    return clips, _census(clips, len(paths))


def _census(clips: list[Clip], files: int) -> list[str]:
    actors = {clip.speaker for clip in clips}
    lines = [f"{len(clips):,} clips of {len(actors)} actors (the corpus has {KNOWN_CLIPS:,} of {KNOWN_ACTORS})"]
    if files > len(clips):
        lines.append(f"{files - len(clips)} videos with other names are left out")
    pointers = [clip.clip_id for clip in clips if is_pointer(clip.path)]
    if pointers:
        lines.append(
            f"{len(pointers)} of {len(clips)} videos, such as {pointers[0]}, are pointers of Git LFS, not the videos "
            "themselves: run `git lfs pull` in the corpus's repository"
        )
    return lines


def _clip(path: Path, sounds: Path) -> Clip | None:
    name = re.fullmatch(rf"(\d{{4}})_[A-Z]{{3}}_({'|'.join(EMOTION_CODES)})_({'|'.join(LEVEL_CODES)})", path.stem)
    if name is None:
        log.warning("%s: left out: its name is not actor_sentence_emotion_level", path)
        return None
    speaker, emotion, level = name.groups()
    audio = sounds / f"{path.stem}.wav"
    return Clip(
        clip_id=path.stem,
        path=path,
        audio_path=audio if audio.is_file() else None,
        corpus="cremad",
        speaker=speaker,
        split="test",
        emotion=EMOTION_CODES[emotion],
        intensity=LEVEL_CODES[level],
    )

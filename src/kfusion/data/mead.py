"""MEAD (Wang et al. 2020) in its published layout, seen from the front.

`M003/video/front/angry/level_1/001.mp4` with its sound in `M003/audio/angry/level_1/001.m4a`.
Neutral has level_1 alone.

Splits, by protocol:

speakers    M003, M030, W009 and W015 are test speakers, as in much published work on MEAD; M022 and
            W025 are validation speakers.
sentences   the data set's own: of every speaker the last 10 neutral sentences and the last 6 of each
            other emotion and intensity are tested on. Speakers are on both sides. The sentences
            before those (2, and 4 of neutral) are validated on.
"""

from itertools import groupby
from pathlib import Path

from kfusion.data.clip import SENTENCES, SPEAKERS, Clip, check_source, videos_below
from kfusion.emotion import EMOTIONS
from kfusion.errors import InputError

VIEW = "front"
TEST_SPEAKERS = frozenset({"M003", "M030", "W009", "W015"})
VALIDATION_SPEAKERS = frozenset({"M022", "W025"})
TEST_SENTENCES, TEST_SENTENCES_NEUTRAL = 6, 10
VALIDATION_SENTENCES, VALIDATION_SENTENCES_NEUTRAL = 2, 4
_LEVELS = {"level_1": 1, "level_2": 2, "level_3": 3}
_AUDIO_ENDINGS = (".m4a", ".wav")


def read_mead(source: Path, protocol: str = SPEAKERS) -> list[Clip]:
    """The frontal clips of a MEAD folder.

    Raises:
        InputError: there are no speaker folders with videos, or a folder names no emotion or level.
    """
    check_source(source)
    views = sorted(view for view in source.glob(f"[MW][0-9]*/video/{VIEW}") if view.is_dir())
    clips = [clip for view in views for clip in _speaker_clips(view, protocol)]
    if not clips:
        raise InputError(f"{source}: no MEAD videos (M003/video/{VIEW}/angry/level_1/001.mp4): pass MEAD's own folder")
    return clips


def _speaker_clips(view: Path, protocol: str) -> list[Clip]:
    clips = []
    for folder, videos in groupby(videos_below(view), key=lambda path: path.parent):
        emotion, intensity = _labels(folder)
        paths = sorted(videos, key=lambda path: (len(path.stem), path.stem))
        for left, path in enumerate(reversed(paths)):
            split = _sentence_split(emotion, left) if protocol == SENTENCES else _speaker_split(view.parts[-3])
            clips.append(_clip(path, view.parents[1], emotion, intensity, split))
    return sorted(clips, key=lambda clip: clip.clip_id)


def _labels(folder: Path) -> tuple[str, int]:
    emotion, level = folder.parent.name, folder.name
    if emotion not in EMOTIONS or level not in _LEVELS:
        raise InputError(f"{folder}: unknown emotion or level: MEAD's folders are like angry/level_1")
    return emotion, _LEVELS[level]


def _clip(path: Path, speaker: Path, emotion: str, intensity: int, split: str) -> Clip:
    sound = speaker / "audio" / emotion / f"level_{intensity}"
    audio = next((file for ending in _AUDIO_ENDINGS if (file := sound / f"{path.stem}{ending}").is_file()), None)
    return Clip(
        clip_id=f"{speaker.name}/{emotion}/level_{intensity}/{path.stem}",
        path=path,
        audio_path=audio,
        corpus="mead",
        speaker=speaker.name,
        split=split,
        emotion=emotion,
        intensity=intensity,
    )


def _speaker_split(speaker: str) -> str:
    if speaker in TEST_SPEAKERS:
        return "test"
    return "val" if speaker in VALIDATION_SPEAKERS else "train"


def _sentence_split(emotion: str, left: int) -> str:
    """The split of a sentence after which `left` more come."""
    neutral = emotion == "neutral"
    tested = TEST_SENTENCES_NEUTRAL if neutral else TEST_SENTENCES
    validated = VALIDATION_SENTENCES_NEUTRAL if neutral else VALIDATION_SENTENCES
    if left < tested:
        return "test"
    return "val" if left < tested + validated else "train"

"""MEAD (Wang et al. 2020) in its published layout, seen from the front.

`M003/video/front/angry/level_1/001.mp4` with its sound in `M003/audio/angry/level_1/001.m4a`, or both still in
`M003/video.tar` and `M003/audio.tar`, which are read where they lie. Neutral has level_1 alone.

Splits, by protocol:

speakers    M003, M030, W009 and W015 are test speakers, as in much published work on MEAD; M022 and
            W025 are validation speakers.
sentences   the data set's own: of every speaker the last 10 neutral sentences and the last 6 of each
            other emotion and intensity are tested on. Speakers are on both sides. The sentences
            before those (2, and 4 of neutral) are validated on.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from kfusion.data.archives import tar_index
from kfusion.data.clip import SENTENCES, SPEAKERS, VIDEO_ENDINGS, Clip, PackedFile, check_source, videos_below
from kfusion.emotion import EMOTIONS
from kfusion.errors import InputError

VIEW = "front"
TEST_SPEAKERS = frozenset({"M003", "M030", "W009", "W015"})
VALIDATION_SPEAKERS = frozenset({"M022", "W025"})
TEST_SENTENCES, TEST_SENTENCES_NEUTRAL = 6, 10
VALIDATION_SENTENCES, VALIDATION_SENTENCES_NEUTRAL = 2, 4
KNOWN_CLIPS, KNOWN_SPEAKERS = 25_460, 47
"""Front clips in the list that came with the paper's code."""
_LEVELS = {"level_1": 1, "level_2": 2, "level_3": 3}
_FOLDERS = [("neutral", 1)] + [(emotion, level) for emotion in EMOTIONS if emotion != "neutral" for level in (1, 2, 3)]
_AUDIO_ENDINGS = (".m4a", ".wav")
_SHOWN = 6

_Sentence = tuple[str, int, str]
"""Emotion, level and the file's name without its ending."""
_Found = dict[_Sentence, tuple[Path, PackedFile | None]]


@dataclass(frozen=True, slots=True)
class _Person:
    """What is there of one speaker."""

    name: str
    videos: _Found = field(default_factory=dict)
    sounds: _Found = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    strange: list[Path] = field(default_factory=list)
    """Videos that do not stand where MEAD has its videos."""


def read_mead(source: Path, protocol: str = SPEAKERS) -> list[Clip]:
    """The frontal clips of a MEAD folder.

    Raises:
        InputError: there are no speaker folders with videos.
    """
    return mead_listing(source, protocol)[0]


def mead_listing(source: Path, protocol: str = SPEAKERS) -> tuple[list[Clip], list[str]]:
    """The frontal clips of a MEAD folder, and what is there of the corpus and what is not.

    Raises:
        InputError: there are no speaker folders with videos.
    """
    check_source(source)
    folders = [path for path in sorted(source.iterdir()) if re.fullmatch(r"[MW]\d+", path.name) and path.is_dir()]
    people = [_person(folder) for folder in folders]
    clips = [clip for person in people for clip in _clips(person, protocol)]
    if not clips:
        problems = [problem for person in people for problem in (*person.problems, *_strange_words(person.strange))]
        seen = f" ({problems[0]})" if problems else ""
        raise InputError(
            f"{source}: no MEAD videos (M003/video.tar or M003/video/{VIEW}/angry/level_1/001.mp4){seen}: "
            "pass MEAD's own folder"
        )
    return clips, _census(people, clips)


def _person(folder: Path) -> _Person:
    """What is unpacked, and what is only in the archives."""
    person = _Person(folder.name)
    for path in videos_below(folder / "video" / VIEW):
        sentence = _sentence(PurePosixPath(path.relative_to(folder)))
        if sentence is None:
            person.strange.append(path)
        else:
            person.videos.setdefault(sentence, (path, None))
    for name, packed in _packed(folder / "video.tar", person.problems):
        sentence = _sentence(name)
        if VIEW not in name.parts or name.suffix.lower() not in VIDEO_ENDINGS:
            continue
        if sentence is None:
            person.strange.append(packed.archive / name)
        else:
            person.videos.setdefault(sentence, (packed.archive / name, packed))
    _add_sounds(folder, person)
    return person


def _add_sounds(folder: Path, person: _Person) -> None:
    for ending in _AUDIO_ENDINGS:
        for path in sorted((folder / "audio").glob(f"*/*/*{ending}")):
            sentence = _sentence(PurePosixPath(path.relative_to(folder)))
            if sentence is not None and not path.name.startswith("."):
                person.sounds.setdefault(sentence, (path, None))
    for name, packed in _packed(folder / "audio.tar", person.problems):
        sentence = _sentence(name)
        if sentence is not None and name.suffix.lower() in _AUDIO_ENDINGS:
            person.sounds.setdefault(sentence, (packed.archive / name, packed))


def _packed(archive: Path, problems: list[str]) -> Iterator[tuple[PurePosixPath, PackedFile]]:
    """The files of an archive, if it is there, by name; what is wrong with it is a problem of the person."""
    if not archive.exists():
        return
    try:
        index = tar_index(archive)
    except InputError as error:
        problems.append(str(error))
        return
    if index.problem:
        problems.append(f"{archive}: {index.problem}")
    yield from sorted(index.files.items())


def _sentence(name: PurePosixPath) -> _Sentence | None:
    """What a place like `.../angry/level_1/001.mp4` says; None where MEAD has no such place."""
    emotion, level = (*name.parts[-3:-1], "", "")[:2]
    return (emotion, _LEVELS[level], name.stem) if emotion in EMOTIONS and level in _LEVELS else None


def _clips(person: _Person, protocol: str) -> list[Clip]:
    together: dict[tuple[str, int], list[_Sentence]] = defaultdict(list)
    for sentence in person.videos:
        together[sentence[:2]].append(sentence)
    clips = []
    for (emotion, _), sentences in together.items():
        ordered = sorted(sentences, key=lambda sentence: (len(sentence[2]), sentence[2]))
        for left, sentence in enumerate(reversed(ordered)):
            split = _sentence_split(emotion, left) if protocol == SENTENCES else _speaker_split(person.name)
            clips.append(_clip(person, sentence, split))
    return sorted(clips, key=lambda clip: clip.clip_id)


def _clip(person: _Person, sentence: _Sentence, split: str) -> Clip:
    (path, packed), (emotion, level, stem) = person.videos[sentence], sentence
    audio, packed_audio = person.sounds.get(sentence, (None, None))
    return Clip(
        clip_id=f"{person.name}/{emotion}/level_{level}/{stem}",
        path=path,
        packed=packed,
        audio_path=audio,
        packed_audio=packed_audio,
        corpus="mead",
        speaker=person.name,
        split=split,
        emotion=emotion,
        intensity=level,
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


def _census(people: list[_Person], clips: list[Clip]) -> list[str]:
    speakers = {clip.speaker for clip in clips}
    known = f"the list of the paper's authors has {KNOWN_CLIPS:,} of {KNOWN_SPEAKERS}"
    lines = [f"{len(clips):,} {VIEW} clips of {len(speakers)} speakers ({known})"]
    unseen = [person.name for person in people if not person.videos]
    if unseen:
        lines.append(f"without the view '{VIEW}': {_shown(unseen)}")
    for person in people:
        there = {sentence[:2] for sentence in person.videos}
        missing = [f"{emotion}/level_{level}" for emotion, level in _FOLDERS if (emotion, level) not in there]
        if person.videos and missing:
            lines.append(f"{person.name} lacks {_shown(missing)}")
        lines += person.problems
    mute = [clip.clip_id for clip in clips if clip.audio_path is None]
    if mute:
        lines.append(f"without a sound file, so that the video's own sound is taken: {_shown(mute)}")
    deaf = [
        f"{person.name}/{emotion}/level_{level}/{stem}"
        for person in people
        for emotion, level, stem in person.sounds
        if (emotion, level, stem) not in person.videos
    ]
    if deaf:
        lines.append(f"sound without a video: {_shown(deaf)}")
    return lines + _strange_words([path for person in people for path in person.strange])


def _strange_words(paths: list[Path]) -> list[str]:
    if not paths:
        return []
    where = f"{paths[0].parent.parent.name}/{paths[0].parent.name}/{paths[0].name}"
    return [f"{len(paths)} videos are left out, unknown emotion or level, such as {where}"]


def _shown(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more

"""The GRID audio-visual corpus (Cooke et al. 2006), CC BY 4.0.

Layout: one folder a speaker (`s1`, `s2`, ..., and `unseen` for clips of other speakers), videos
below it. Speakers s26, s31 and all of `unseen` are test speakers. Of every other speaker the last
5 % of the clips by name (50 of 1000) are validation sentences.
"""

import re
from pathlib import Path

from kfusion.data.clip import Clip, check_source, videos_below
from kfusion.errors import InputError

TEST_SPEAKERS = frozenset({"s26", "s31"})
UNSEEN = "unseen"
VALIDATION_SHARE = 0.05


def read_grid(source: Path) -> list[Clip]:
    """The clips of a GRID folder.

    Raises:
        InputError: there are no speaker folders with videos.
    """
    check_source(source)
    folders = [folder for folder in sorted(source.iterdir()) if re.fullmatch(rf"s\d+|{UNSEEN}", folder.name)]
    clips = [clip for folder in folders for clip in _speaker_clips(folder)]
    if not clips:
        raise InputError(f"{source}: no GRID speaker folders (s1, s2, ...) with videos: pass the corpus's own folder")
    return clips


def _speaker_clips(folder: Path) -> list[Clip]:
    videos = sorted(videos_below(folder), key=lambda path: path.stem)
    first_validation = len(videos) - round(VALIDATION_SHARE * len(videos))
    clips = []
    for index, path in enumerate(videos):
        name = f"{folder.name}/{path.stem}"
        if folder.name == UNSEEN or folder.name in TEST_SPEAKERS:
            split = "test"
        else:
            split = "val" if index >= first_validation else "train"
        speaker = name if folder.name == UNSEEN else folder.name
        clips.append(Clip(clip_id=name, path=path, corpus="grid", speaker=speaker, split=split))
    return clips

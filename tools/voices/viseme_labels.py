"""Where GRID's speakers and those of recorded speech say what, for the visemes: phones by clip id, kept in one file.

Many voices matter more than hours: a few seconds are taken of each of many speakers.
"""

import hashlib
import logging
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from align import align_words, new_decoder, read_alignment, write_alignment
from numpy.typing import NDArray
from phones import Segment
from recognise import PIECE_S, heard_phones

from kfusion.data.store import ClipStore, StoredClip
from kfusion.motion.visemes import VISEMES

log = logging.getLogger(__name__)

GRID_TRAIN_CLIPS = 120
SPEAKERS = 400
SPEAKER_S = 3.0
FPS = 30
_SENTENCE = (
    {"b": "bin", "l": "lay", "p": "place", "s": "set"},
    {"b": "blue", "g": "green", "r": "red", "w": "white"},
    {"a": "at", "b": "by", "i": "in", "w": "with"},
    {"a": "a(2)", "z": "zed"},
    {"z": "zero", "1": "one", "2": "two", "3": "three", "4": "four"}
    | {"5": "five", "6": "six", "7": "seven", "8": "eight", "9": "nine"},
    {"a": "again", "n": "now", "p": "please", "s": "soon"},
)
"""What each letter of a clip's name stands for; other letters are said as such."""

STEP_S = 0.02
CENTRE_S = 0.008
"""pocketsphinx counts a window of 25.6 ms by its start every 10 ms: where one phone ends and the next begins, in it."""
_PHONES = """
sil sil ʔ
PP p b m
FF f v
TH θ ð
DD t d ɾ
kk k ɡ h ɦ
CH tʃ dʒ ʃ ʒ
SS s z
nn n ŋ l
RR ɹ ɚ
aa ɑ a æ
E ɛ e ʌ ə
I ɪ i ɨ j
O ɔ o
U u ʊ ʉ w
"""
VISEME_OF = {phone: row.split()[0] for row in _PHONES.strip().splitlines() for phone in row.split()[1:]}
"""Of the phones that English has, in IPA."""


def step_classes(
    segments: Iterable[Segment], steps: int, unknown: int, of: dict[str, str] = VISEME_OF
) -> NDArray[np.int64]:
    """The place in `VISEMES` of what is said at each step, (steps,), by a map of phones to visemes.

    Where no phone stands it is `unknown`.
    """
    classes = np.full(steps, unknown, np.int64)
    at_s = np.maximum(np.arange(steps) * STEP_S - CENTRE_S, 0)
    for segment in segments:
        edges = np.linspace(segment.start_s, segment.end_s, len(segment.phones) + 1)
        for phone, start_s, end_s in zip(segment.phones, edges[:-1], edges[1:], strict=True):
            classes[(at_s >= start_s) & (at_s < end_s)] = VISEMES.index(of[phone])
    return classes


def grid_sentence(name: str) -> list[str]:
    """The words of a GRID clip called so, such as `bbaf2n`, as pocketsphinx's dictionary spells them."""
    return [words.get(letter, letter) for words, letter in zip(_SENTENCE, name, strict=True)]


def label(grid: ClipStore, speech: ClipStore, path: Path) -> dict[str, list[Segment]]:
    """The phones of the chosen clips of both, by clip id; what `path` holds is taken as it is, and kept there."""
    if path.exists():
        return read_alignment(path)
    decoder, found = new_decoder(), dict[str, list[Segment]]()
    taught = grid.split("train")
    for clip in [*taught[:: max(1, len(taught) // GRID_TRAIN_CLIPS)], *grid.split("val", "test")]:
        segments = align_words(decoder, clip.samples(), grid_sentence(clip.clip_id.rpartition("/")[2]))
        if segments:
            found[clip.clip_id] = segments
    log.info("aligned %d clips of GRID", len(found))
    found |= heard_phones(chosen(speech.clips))
    write_alignment(path, found)
    return found


def chosen(clips: Iterable[StoredClip]) -> list[StoredClip]:
    """Clips of all speakers of the split `val`, then of `SPEAKERS` others by a hash of their names.

    Of each so many that they hold `SPEAKER_S`; of a clip `PIECE_S` count.
    """
    speakers: dict[str, list[StoredClip]] = defaultdict(list)
    for clip in clips:
        if sum(min(other.frames / FPS, PIECE_S) for other in speakers[clip.speaker]) < SPEAKER_S:
            speakers[clip.speaker].append(clip)
    ordered = sorted(speakers.values(), key=lambda taken: hashlib.sha256(taken[0].speaker.encode()).hexdigest())
    strangers = [clip for taken in ordered if taken[0].split != "train" for clip in taken]
    return strangers + [
        clip for taken in [one for one in ordered if one[0].split == "train"][:SPEAKERS] for clip in taken
    ]

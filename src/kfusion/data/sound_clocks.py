"""Which clock the sound of each clip of a data set is put on.

A clip is too short to tell how late its sound is. All clips of a speaker tell it together; where they do not, all of
the corpus do. Sound is moved only where the 95 % interval leaves 0 out.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import islice

import numpy as np
from tqdm import tqdm

from kfusion.audio import Samples
from kfusion.data.clip import Clip
from kfusion.data.lateness import GRID_HZ, Evidence, Lateness, MouthVelocity, compare, estimate, mouth_motion, pooled
from kfusion.data.parts import ClipPlace
from kfusion.data.processes import in_order_by
from kfusion.data.store import SoundClock
from kfusion.landmarks import Points

log = logging.getLogger(__name__)

AUTO, OFF = "auto", "off"
MIN_CLIP_S, MIN_CORPUS_S = 0.5, 3.0
"""A shorter clip, and less of a corpus, tell nothing and cost nothing."""
MIN_SPEAKER_S = 6.0
"""A speaker with less is put on the clock of the corpus: it may be no more than how one clip was cut."""
_MANY = 20
"""So many clips, or speakers, are drawn from as wholes for the interval; of fewer, their quarters of seconds are."""
_FPS = 30
_WORTH_PROCESSES = 200
"""So many clips are listened to in the time that a process takes to start."""

Listen = Callable[[Samples], MouthVelocity]
"""The velocities of the mouth that a sound lets expect (see `kfusion.data.lateness`)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SyncRule:
    """How the sound of a data set is to be moved."""

    ms: float = 0.0
    """It is so late, in all clips."""
    listen: Listen | None = None
    """Where it is given, the clips tell how late it is."""
    workers: int = 1
    """So many processes listen, if it is worth it; what they hear does not depend on their number."""

    @property
    def name(self) -> str:
        """`auto`, `off` or the milliseconds."""
        if self.listen is not None:
            return AUTO
        return f"{self.ms:g}" if self.ms else OFF

    def holds_for(self, places: Iterable[ClipPlace]) -> bool:
        """Whether these clips were put on their clocks by the same rule."""
        return all(SoundClock.of(place.row).rule == self.name for place in places)


def find_clocks(clips: list[Clip], places: dict[str, ClipPlace], rule: SyncRule) -> dict[str, SoundClock]:
    """The clock of every clip by its id.

    Raises:
        InputError: a prepared clip is damaged.
    """
    if rule.listen is None:
        return {clip.clip_id: SoundClock(rule=rule.name, ms=rule.ms) for clip in clips}
    clocks: dict[str, SoundClock] = {}
    for corpus, members in _grouped(clips, lambda clip: clip.corpus).items():
        speakers = _grouped(members, lambda clip: clip.speaker)
        told = _told(speakers, places, rule.listen, rule.workers)
        _tell(corpus, told)
        clocks |= {clip.clip_id: _clock(told[clip.speaker]) for clip in members}
    return clocks


def clip_evidence(points: Points, samples: Samples, listen: Listen) -> Evidence:
    """What a clip of landmarks (T, 68, 2) at 30 fps says of every shift of its sound."""
    times_s = np.arange(len(points)) / _FPS
    return compare(listen(samples), mouth_motion(points, times_s, int(times_s[-1] * GRID_HZ) + 1))


def _grouped(clips: list[Clip], key: Callable[[Clip], str]) -> dict[str, list[Clip]]:
    groups: dict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        groups[key(clip)].append(clip)
    return groups


def _told(
    speakers: dict[str, list[Clip]], places: dict[str, ClipPlace], listen: Listen, workers: int
) -> dict[str, Lateness]:
    """How late each speaker's sound is; where the speaker's clips do not tell it, what the whole corpus says."""
    nothing = Lateness(ms=0.0, low=0.0, high=0.0, doubt="too little sound")
    telling = {
        speaker: long
        for speaker, clips in speakers.items()
        if (long := [place for clip in clips if (place := places[clip.clip_id]).row["frames"] >= MIN_CLIP_S * _FPS])
    }
    all_telling = [place for members in telling.values() for place in members]
    if sum(place.row["frames"] for place in all_telling) < MIN_CORPUS_S * _FPS:
        return dict.fromkeys(speakers, nothing)
    with closing(_heard(all_telling, listen, workers)) as heard:
        evidence = {speaker: _joined(islice(heard, len(members))) for speaker, members in telling.items()}
    enough = {speaker: found for speaker, found in evidence.items() if found.most_known_s >= MIN_SPEAKER_S}
    told = {speaker: estimate(found) for speaker, found in enough.items()}
    together = estimate(_joined(evidence.values()))
    return {speaker: told[speaker] if told.get(speaker, nothing).is_certain else together for speaker in speakers}


def _heard(clips: list[ClipPlace], listen: Listen, workers: int) -> Generator[Evidence, None, None]:
    """The evidence of each clip, in their order."""
    count = workers if len(clips) >= _WORTH_PROCESSES else 1
    with closing(in_order_by(partial(_evidence_of, listen=listen), clips, count)) as heard:
        yield from tqdm(heard, total=len(clips), desc="clocks", unit="clip", disable=None)


def _evidence_of(place: ClipPlace, *, listen: Listen) -> Evidence:
    return clip_evidence(*place.recorded(), listen)


def _joined(evidence: Iterable[Evidence]) -> Evidence:
    """That of several clips or speakers."""
    parts: list[Evidence] = []
    for part in evidence:
        parts.append(part)
        if len(parts) >= _MANY:  # no more segments than these are ever held
            parts = [one.whole for one in parts]
    return pooled(parts)


def _clock(lateness: Lateness) -> SoundClock:
    if not lateness.is_certain:
        return SoundClock(rule=AUTO)
    moved_ms = float(round(lateness.ms)) if lateness.is_off else 0.0
    return SoundClock(rule=AUTO, ms=moved_ms, low_ms=lateness.low, high_ms=lateness.high)


def _tell(corpus: str, told: dict[str, Lateness]) -> None:
    """Say what is moved, and once how many are left as they are because nothing is certain."""
    moved = sorted(round(lateness.ms) for lateness in told.values() if lateness.is_off)
    unsure = sum(not lateness.is_certain for lateness in told.values())
    if moved:
        late = f"{moved[0]} to {moved[-1]} ms" if moved[0] < moved[-1] else f"{moved[0]} ms"
        whose = _whose(len(moved), len(told))
        log.warning("%s: the sound of %s is late by %s and is moved: --sync off leaves it", corpus, whose, late)
    if unsure:
        whose = _whose(unsure, len(told))
        log.warning("%s: how late the sound of %s is, is not certain: it is left as it is", corpus, whose)


def _whose(count: int, speakers: int) -> str:
    return "the only speaker" if speakers == 1 else f"{count} of {speakers} speakers"

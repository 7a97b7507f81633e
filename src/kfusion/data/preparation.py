"""`kfusion prepare`: a corpus of videos to a prepared data set, resumable."""

import csv
import io
import logging
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from tqdm import tqdm

from kfusion.data.card import data_card
from kfusion.data.clip import SPEAKERS, Clip, check_speakers
from kfusion.data.extract import FPS, ExtractedClip, Finder, extract_clip, extract_track
from kfusion.data.parts import (
    ClipPlace,
    check_writable,
    only_run,
    part_path,
    place_in_parts,
    places_in_data,
    recover,
    remove_parts,
    set_aside,
    write_data,
)
from kfusion.data.processes import extract_all
from kfusion.data.sound_clocks import SyncRule, find_clocks
from kfusion.data.store import SoundClock, clip_table, write_shard
from kfusion.errors import InputError, UnexpectedError, error_of
from kfusion.face import FaceFinder
from kfusion.files import atomic_path

log = logging.getLogger(__name__)

MAX_FAILED_SHARE = 0.05
_AS_RECORDED = SyncRule()
_ESCAPED = "backslashreplace"
"""For bytes in the names of files that are not UTF-8."""

MakeFinder = Callable[[], Finder]
"""Makes the face finder of a worker process; must be importable there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Preparation:
    """How a preparation ended."""

    clips: int
    failed: int

    @property
    def failed_too_many(self) -> bool:
        """Whether more than 5 % of the clips failed."""
        return self.failed > MAX_FAILED_SHARE * (self.clips + self.failed)


def one_face_finder() -> Finder:
    """A finder of the one face that talks."""
    return FaceFinder(max_faces=1)


def prepare(
    clips: list[Clip],
    out: Path,
    *,
    workers: int,
    protocol: str = SPEAKERS,
    sync: SyncRule = _AS_RECORDED,
    make_finder: MakeFinder = one_face_finder,
) -> Preparation:
    """Extract every clip and write the data set; what an earlier, killed run finished is kept.

    A clip is first a file of its own under `parts/`, which appears whole or not at all. When all are
    there, their sound is put on the clock of the landmarks as `sync` says, the shards are written, take the place of
    an earlier data set at once, and the parts go. Clips that fail, for whatever reason, are named with it in
    `failures.csv` and are tried again by the next run. Where nothing is left to do the data set is not touched. Clips
    of an earlier run that are no longer asked for leave the data set but are kept as parts.

    Raises:
        InputError: a speaker is on both sides of the test split (see `check_speakers`), an earlier
            data set in `out` is damaged, another run is at work there, or no clip could be prepared.
        OutputError: `out` cannot be written.
        KfusionError: no worker process lives.
    """
    check_speakers(clips, protocol)
    with only_run(out):
        extract = partial(_extract_waiting, out=out, workers=workers, finder=make_finder)
        return _prepare(clips, out, protocol, sync, extract)


def _prepare(
    clips: list[Clip], out: Path, protocol: str, sync: SyncRule, extract: Callable[[list[Clip]], dict[str, str]]
) -> Preparation:
    recover(out)
    stored = places_in_data(out)
    places = _finished(clips, stored, out)
    waiting = [clip for clip in clips if clip.clip_id not in places]
    failures = extract(waiting)
    kept = [clip for clip in clips if clip.clip_id not in failures]
    if not kept:
        remove_parts([], out)
        raise InputError(f"none of {len(clips)} clips could be prepared: {next(iter(failures.values()), 'no clips')}")
    places |= _finished([clip for clip in waiting if clip.clip_id not in failures], {}, out)
    changed = len(stored) != len(kept) or not all(places[clip.clip_id].is_up_to_date(clip) for clip in kept)
    if changed or not sync.holds_for(stored.values()):
        changed = True
        _replace_data(kept, places, stored, find_clocks(kept, places, sync), out)
    if changed or (out / "parts").exists() or not _is_recorded(kept, failures, out):
        _write_records(kept, failures, protocol, out)
        remove_parts(kept, out)
    return Preparation(clips=len(kept), failed=len(failures))


def _finished(clips: list[Clip], stored: dict[str, ClipPlace], out: Path) -> dict[str, ClipPlace]:
    """Where each clip that needs no more work stands."""
    found = {}
    for clip in clips:
        place = stored.get(clip.clip_id)
        if place is None or not place.holds(clip):
            place = place_in_parts(out, clip)
        if place is not None:
            found[clip.clip_id] = place
    return found


def _extract_waiting(clips: list[Clip], *, out: Path, workers: int, finder: MakeFinder) -> dict[str, str]:
    """Extract clips into parts; the reasons of those that failed, in the order of the clips."""
    if not clips:
        return {}
    check_writable(out)
    failures: dict[str, str] = {}
    with closing(extract_all(clips, partial(_extract_one, out=out, make_finder=finder), workers)) as results:
        for clip, reason in tqdm(results, total=len(clips), desc="clips", unit="clip"):
            if reason:
                failures[clip.clip_id] = reason
                log.warning("%s: left out: %s", clip.clip_id, reason)
    return {clip.clip_id: failures[clip.clip_id] for clip in clips if clip.clip_id in failures}


@cache
def _worker_finder(make_finder: MakeFinder) -> Finder:
    return make_finder()


def _extract_one(clip: Clip, *, out: Path, make_finder: MakeFinder) -> str | None:
    """Extract one clip into its part; the reason where that fails, whatever it is.

    Raises:
        KfusionError: it is no fault of the clip: there is no face finder, or the part cannot be written.
    """
    finder = None if clip.track else _worker_finder(make_finder)
    try:
        clip.check_names()
        extracted = extract_clip(clip.path, finder, clip.audio_path) if finder else extract_track(clip)
        table = clip_table(_row(clip, extracted), extracted.landmarks, extracted.samples)
    except Exception as error:
        reason = error_of(clip.path, error)
        if not isinstance(reason, InputError | UnexpectedError):
            raise
        return str(reason)
    with atomic_path(part_path(out, clip.clip_id), work_in=out) as part:
        write_shard(part, [table])
    return None


def _row(clip: Clip, extracted: ExtractedClip) -> dict[str, object]:
    return {
        "clip_id": clip.clip_id,
        "corpus": clip.corpus,
        "speaker": clip.speaker,
        "split": clip.split,
        "emotion": clip.emotion,
        "intensity": clip.intensity,
        "fps": FPS,
        "frames": len(extracted.landmarks),
        "missing": extracted.missing,
        "crop": [extracted.crop.left, extracted.crop.top, extracted.crop.side],
        "source": clip.path.name,
    }


def _replace_data(
    kept: list[Clip],
    places: dict[str, ClipPlace],
    stored: dict[str, ClipPlace],
    clocks: dict[str, SoundClock],
    out: Path,
) -> None:
    wanted = {clip.clip_id for clip in kept}
    dropped = [place for clip_id, place in stored.items() if clip_id not in wanted]
    if dropped:
        log.warning(
            "%s: %d clips of an earlier run are not asked for now: they leave the data set and are kept in %s",
            out,
            len(dropped),
            out / "parts",
        )
    set_aside(dropped, out)
    write_data(kept, places, clocks, out)


def _is_recorded(kept: list[Clip], failures: dict[str, str], out: Path) -> bool:
    """Whether the listings beside the data set are there and say the same."""
    listings = {"splits.csv": _splits_csv(kept), "failures.csv": _failures_csv(failures)}
    written = {name: (out / name).read_bytes() if (out / name).is_file() else b"" for name in listings}
    same = all(written[name] == listing.encode("utf-8", _ESCAPED) for name, listing in listings.items())
    return same and (out / "README.md").is_file()


def _write_records(kept: list[Clip], failures: dict[str, str], protocol: str, out: Path) -> None:
    contents = {
        "splits.csv": _splits_csv(kept),
        "failures.csv": _failures_csv(failures),
        "README.md": data_card(out, failures, protocol),
    }
    for name, content in contents.items():
        with atomic_path(out / name) as part:
            part.write_text(content, encoding="utf-8", errors=_ESCAPED)


def _splits_csv(clips: list[Clip]) -> str:
    return _csv(("clip_id", "speaker", "split"), [(clip.clip_id, clip.speaker, clip.split) for clip in clips])


def _failures_csv(failures: dict[str, str]) -> str:
    return _csv(("clip_id", "reason"), list(failures.items()))


def _csv(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()

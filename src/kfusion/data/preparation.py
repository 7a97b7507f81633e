"""`kfusion prepare`: a corpus of videos to a prepared data set, resumable."""

import logging
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from tqdm import tqdm

from kfusion.data.clip import SPEAKERS, Clip, check_speakers
from kfusion.data.data_set import DataSet, Preparation
from kfusion.data.one_clip import one_face_finder
from kfusion.data.parts import (
    ClipPlace,
    check_writable,
    only_run,
    place_in_parts,
    places_in_data,
    recover,
    remove_parts,
)
from kfusion.data.processes import MakeFinder, Workforce, extract_all, processes
from kfusion.data.sharding import SHARE_FILE, ShareRecord, check_place, listing_digest
from kfusion.data.sound_clocks import SyncRule
from kfusion.files import writing
from kfusion.share import Share

log = logging.getLogger(__name__)

_AS_RECORDED = SyncRule()


def prepare(
    clips: list[Clip],
    out: Path,
    *,
    workers: int | Workforce,
    protocol: str = SPEAKERS,
    sync: SyncRule = _AS_RECORDED,
    make_finder: MakeFinder = one_face_finder,
    share: Share | None = None,
    census: Sequence[str] = (),
) -> Preparation:
    """Extract every clip and write the data set; what an earlier, killed run finished is kept.

    A clip is first a file of its own under `parts/`, which appears whole or not at all. When all are
    there, their sound is put on the clock of the landmarks as `sync` says, the shards are written, take the place of
    an earlier data set at once, and the parts go. Clips that fail, for whatever reason, are named with it in
    `failures.csv` and are tried again by the next run. Where nothing is left to do the data set is not touched. Clips
    of an earlier run that are no longer asked for leave the data set but are kept as parts.

    Args:
        clips: all of the corpus.
        out: the folder of the data set.
        workers: processes of this machine, or who else extracts.
        protocol: how the clips are split.
        sync: how their sound is moved; with a `share` it is left as it is until the shares are merged.
        make_finder: of faces.
        share: the clips to take, see `kfusion.data.sharding`; None for all.
        census: lines for the data card on what is there of the corpus.

    Raises:
        InputError: a speaker is on both sides of the test split (see `check_speakers`), an earlier
            data set in `out` is damaged, another run is at work there, or no clip could be prepared.
        OutputError: `out` cannot be written.
        KfusionError: no worker process lives.
    """
    check_speakers(clips, protocol)
    mine = clips if share is None else list(share.of(clips))
    workforce = processes(workers) if isinstance(workers, int) else workers
    with only_run(out):
        check_place(out, share)
        recover(out)
        failures, places = _extract_missing(mine, out, workforce, make_finder)
        kept = [clip for clip in mine if clip.clip_id not in failures]
        if not kept and share is None:
            remove_parts([], out)
        result = DataSet(kept=kept, places=places, failures=failures, protocol=protocol, census=tuple(census))
        done = result.write(out, sync if share is None else _AS_RECORDED, may_be_empty=share is not None)
        _record_share(share, clips, result, out)
    return done


def _extract_missing(
    clips: list[Clip], out: Path, workforce: Workforce, make_finder: MakeFinder
) -> tuple[dict[str, str], dict[str, ClipPlace]]:
    """The reasons of the clips that failed, in the order of the clips, and where the others stand."""
    places = _finished(clips, places_in_data(out), out)
    waiting = [clip for clip in clips if clip.clip_id not in places]
    failures = _extract_waiting(waiting, out, workforce, make_finder)
    return failures, places | _finished([clip for clip in waiting if clip.clip_id not in failures], {}, out)


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


def _extract_waiting(clips: list[Clip], out: Path, workforce: Workforce, make_finder: MakeFinder) -> dict[str, str]:
    """Extract clips into parts; the reasons of those that failed, in the order of the clips."""
    if not clips:
        return {}
    check_writable(out)
    failures: dict[str, str] = {}
    with closing(extract_all(clips, workforce, out, make_finder)) as results:
        for clip, reason in tqdm(results, total=len(clips), desc="clips", unit="clip"):
            if reason:
                failures[clip.clip_id] = reason
                log.warning("%s: left out: %s", clip.clip_id, reason)
    return {clip.clip_id: failures[clip.clip_id] for clip in clips if clip.clip_id in failures}


def _record_share(share: Share | None, clips: list[Clip], result: DataSet, out: Path) -> None:
    """Say of what `out` is a share; a whole data set is none."""
    if share is None:
        with writing(out):
            (out / SHARE_FILE).unlink(missing_ok=True)
        return
    ShareRecord(
        share=share,
        protocol=result.protocol,
        listing=listing_digest(clips),
        listed=len(clips),
        census=list(result.census),
        clips=[clip.clip_id for clip in share.of(clips)],
        failures=dict(result.failures),
    ).write(out)

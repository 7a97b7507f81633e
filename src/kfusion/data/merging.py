"""`kfusion merge`: the shares of a corpus to the data set that one machine would have made, to the byte."""

import logging
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from kfusion.data.clip import Clip, check_speakers
from kfusion.data.data_set import DataSet, Preparation
from kfusion.data.parts import ClipPlace, only_run, places_in_data, recover
from kfusion.data.sharding import SHARE_FILE, ShareRecord, in_order
from kfusion.data.sound_clocks import SyncRule
from kfusion.errors import InputError
from kfusion.files import locked

log = logging.getLogger(__name__)


def merge(shares: Sequence[Path], out: Path, *, sync: SyncRule) -> Preparation:
    """Write the data set of all shares, which stay as they are.

    Args:
        shares: folders that `kfusion prepare --shard I/N` made, all N of them, in any order.
        out: the folder of the data set.
        sync: how the sound is moved: now all clips of a speaker are together.

    Raises:
        InputError: a share is missing, unfinished, there twice or of another corpus, or `out` holds something else.
        OutputError: `out` cannot be written.
    """
    with ExitStack() as stack:
        for folder in dict.fromkeys(folder.resolve() for folder in shares):
            if folder.is_dir():
                busy = f"{folder}: a run is at work here: wait for its end"
                stack.enter_context(locked(folder, busy=busy))
        records = [ShareRecord.read(folder) for folder in shares]
        _check_together(shares, records)
        if (out / SHARE_FILE).exists():
            raise InputError(f"{out}: is a shard itself: choose another place for the data set")
        stack.enter_context(only_run(out))
        return _data_set(shares, records, out).write(out, sync)


def _data_set(shares: Sequence[Path], records: Sequence[ShareRecord], out: Path) -> DataSet:
    stored = [places_in_data(folder) for folder in shares]
    order = in_order(records)
    failures = {clip_id: reason for record in records for clip_id, reason in record.failures.items()}
    kept, places = list[Clip](), dict[str, ClipPlace]()
    for index, clip_id in order:
        if clip_id in failures:
            continue
        if clip_id not in stored[index]:
            raise InputError(f"{shares[index]}: clip '{clip_id}' is missing: prepare this shard again")
        places[clip_id] = replace(stored[index][clip_id], in_data=False)
        kept.append(_clip_of(places[clip_id]))
    check_speakers(kept, records[0].protocol)
    _check_out(out, {clip_id for _, clip_id in order})
    return DataSet(
        kept=kept,
        places=places,
        failures={clip_id: failures[clip_id] for _, clip_id in order if clip_id in failures},
        protocol=records[0].protocol,
        census=tuple(records[0].census),
    )


def _clip_of(place: ClipPlace) -> Clip:
    """The clip as its row describes it; its video is not needed any more."""
    row = place.row
    return Clip(
        clip_id=row["clip_id"],
        path=Path(row["source"]),
        corpus=row["corpus"],
        speaker=row["speaker"],
        split=row["split"],
        emotion=row["emotion"],
        intensity=row["intensity"],
    )


def _check_together(shares: Sequence[Path], records: Sequence[ShareRecord]) -> None:
    """Raises `InputError` unless these are all shares of one corpus, each once; warns where they were made unlike."""
    first = records[0]
    for folder, record in zip(shares, records, strict=True):
        if (record.share.count, record.listing, record.protocol) != (first.share.count, first.listing, first.protocol):
            raise InputError(
                f"{folder}: is shard {record.share} of {record.listed} clips (protocol {record.protocol}), "
                f"{shares[0]} is shard {first.share} of {first.listed} clips (protocol {first.protocol}): they do not "
                "belong together: prepare all shards of the same corpus with the same options"
            )
    counts = Counter(record.share.number for record in records)
    twice = [number for number, count in counts.items() if count > 1]
    if twice:
        raise InputError(f"shard {twice[0]}/{first.share.count} is there twice: pass every shard once")
    missing = [number for number in range(1, first.share.count + 1) if number not in counts]
    if missing:
        named = ", ".join(f"{number}/{first.share.count}" for number in missing[:10])
        more = f" and {len(missing) - 10} more" if len(missing) > 10 else ""
        raise InputError(f"shard {named}{more} missing: prepare it, or pass its folder too")
    for folder, record in zip(shares, records, strict=True):
        if record.made_by != first.made_by:
            log.warning("%s: made with %s, %s with %s", folder, record.made_by, shares[0], first.made_by)
        if record.census != first.census:
            log.warning("%s: its machine found another corpus or had another finder than %s", folder, shares[0])


def _check_out(out: Path, clip_ids: set[str]) -> None:
    """Raises `InputError` if `out` holds a data set with other clips, which would be lost."""
    recover(out)
    others = [clip_id for clip_id in places_in_data(out) if clip_id not in clip_ids]
    if others:
        raise InputError(
            f"{out}: holds another data set ({len(others)} other clips, such as '{others[0]}'): choose another place"
        )

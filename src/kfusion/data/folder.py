"""Any folder of talking videos, with or without a CSV listing.

The listing has the column `clip` (path of the video, relative to the folder) and may have speaker,
emotion, intensity and split. Where nothing names the speaker it is the first folder on the way to
the video; videos that lie in the folder itself count as one speaker.

Where nothing names the splits they are made here, by hashes of the names, so that the same clips
always give the same splits: of three or more speakers a tenth (at least one) is tested on and a
tenth (at least one) validated on; of two speakers the one with fewer clips is tested on and the
other's clips are split into train and val; one speaker's clips are split into train and val.

A file that is there under several names is one clip, so that it cannot stand on two sides of a split.
"""

import hashlib
import logging
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from kfusion.data.clip import Clip, check_source, videos_below
from kfusion.data.listing import read_listing
from kfusion.errors import InputError

log = logging.getLogger(__name__)

HELD_OUT_SHARE = 0.1
"""Share of the speakers (or clips) that a made split holds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _ListedVideo:
    """A video as its listing or its place in the folder describes it."""

    path: Path
    clip_id: str
    speaker: str
    emotion: str | None = None
    intensity: int | None = None
    split: str = ""


def read_folder(source: Path, listing: Path | None = None) -> list[Clip]:
    """The clips that `listing` names, or every video below `source`.

    Raises:
        InputError: there are no videos, or the listing is damaged or names unknown values.
    """
    check_source(source)
    if listing is None:
        entries = [_entry(source, path.relative_to(source)) for path in videos_below(source)]
    else:
        entries = _listed(source, listing)
    if not entries:
        raise InputError(f"{listing or source}: no videos: pass a folder with talking videos")
    entries = _told_apart(_without_copies(entries, listing or source))
    splits = _splits(entries, listing or source)
    return [
        Clip(
            clip_id=entry.clip_id,
            path=entry.path,
            corpus="folder",
            speaker=entry.speaker,
            split=splits[entry.clip_id],
            emotion=entry.emotion,
            intensity=entry.intensity,
        )
        for entry in entries
    ]


def _entry(source: Path, name: Path) -> _ListedVideo:
    speaker = name.parts[0] if len(name.parts) > 1 else source.resolve().name
    return _ListedVideo(path=source / name, clip_id=name.with_suffix("").as_posix(), speaker=speaker)


def _without_copies(entries: list[_ListedVideo], where: Path) -> list[_ListedVideo]:
    """The videos without those that another one before them is a copy of, byte for byte.

    Raises:
        InputError: the listing has one of them in another split than its copy.
    """
    sizes = Counter(_size(entry.path) for entry in entries)
    seen: dict[bytes, _ListedVideo] = {}
    kept, copies = [], []
    for entry in entries:
        alone = sizes[_size(entry.path)] == 1 or not _size(entry.path)
        first = entry if alone else seen.setdefault(_digest(entry.path), entry)
        if first is entry or first.path == entry.path:
            kept.append(entry)
        elif first.split == entry.split:
            copies.append((entry, first))
        else:
            names = f"'{entry.clip_id}' ({entry.split}) is a copy of '{first.clip_id}' ({first.split})"
            raise InputError(f"{where}: {names}: leave one out")
    if copies:
        entry, first = copies[0]
        pair = f"'{entry.clip_id}' of '{first.clip_id}'"
        log.warning("%s: %d copies of other videos are left out, such as %s", where, len(copies), pair)
    return kept


def _size(path: Path) -> int:
    """In bytes; 0 for what is no file, which will be told when it is to be read."""
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:
        return 0


def _digest(path: Path) -> bytes:
    """Of the content; of the name, where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError:
        return str(path).encode(errors="surrogateescape")


def _told_apart(entries: list[_ListedVideo]) -> list[_ListedVideo]:
    """Videos that differ by their ending alone keep it in their clip ids."""
    counts = Counter(entry.clip_id for entry in entries)
    return [
        replace(entry, clip_id=entry.clip_id + entry.path.suffix) if counts[entry.clip_id] > 1 else entry
        for entry in entries
    ]


def _listed(source: Path, listing: Path) -> list[_ListedVideo]:
    rows = read_listing(listing, required=("clip",), known=("speaker", "emotion", "intensity", "split"))
    entries = []
    for row in rows:
        plain = _entry(source, Path(row["clip"]))
        entries.append(
            _ListedVideo(
                path=plain.path,
                clip_id=plain.clip_id,
                speaker=row["speaker"] or plain.speaker,
                emotion=row["emotion"].lower() or None,
                intensity=_intensity(listing, row["clip"], row["intensity"]),
                split=row["split"].lower(),
            )
        )
    return entries


def _intensity(listing: Path, clip: str, text: str) -> int | None:
    if not text:
        return None
    if not text.isdecimal():
        raise InputError(f"{listing}: clip '{clip}': unknown intensity '{text}': use 1, 2 or 3")
    return int(text)


def _splits(entries: list[_ListedVideo], where: Path) -> dict[str, str]:
    """The split of each clip id."""
    without = [entry.clip_id for entry in entries if not entry.split]
    if not without:
        return {entry.clip_id: entry.split for entry in entries}
    if len(without) < len(entries):
        raise InputError(f"{where}: clip '{without[0]}' has no split but others have: give all a split, or none")
    counts = Counter(entry.speaker for entry in entries)
    if len(counts) >= 3:
        by_speaker = _held_out(counts)
        return {entry.clip_id: by_speaker[entry.speaker] for entry in entries}
    tested = min(counts, key=lambda speaker: (counts[speaker], speaker)) if len(counts) == 2 else None
    log.warning(
        "%s: %d speaker%s: train and val are different clips of one speaker%s",
        where,
        len(counts),
        "s" if tested else "",
        f", test is '{tested}'" if tested else ", and there is no test split",
    )
    return {entry.clip_id: "test" for entry in entries if entry.speaker == tested} | _train_val(
        entry.clip_id for entry in entries if entry.speaker != tested
    )


def _held_out(speakers: Iterable[str]) -> dict[str, str]:
    ranked = _ranked(speakers)
    count = max(1, round(HELD_OUT_SHARE * len(ranked)))
    return {
        name: "test" if rank < count else "val" if rank < 2 * count else "train" for rank, name in enumerate(ranked)
    }


def _train_val(clip_ids: Iterable[str]) -> dict[str, str]:
    ranked = _ranked(clip_ids)
    count = min(max(1, round(HELD_OUT_SHARE * len(ranked))), len(ranked) - 1)
    return {name: "val" if rank < count else "train" for rank, name in enumerate(ranked)}


def _ranked(names: Iterable[str]) -> list[str]:
    return sorted(names, key=lambda name: hashlib.sha256(name.encode(errors="backslashreplace")).digest())

"""What a worker does with one clip, whoever it works for."""

from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from kfusion.data.archives import on_disk
from kfusion.data.clip import Clip
from kfusion.data.extract import FPS, ExtractedClip, extract_clip, extract_track
from kfusion.data.parts import part_path
from kfusion.data.processes import ClipFinders, MakeFinder
from kfusion.data.store import clip_table, write_shard
from kfusion.errors import InputError, UnexpectedError, error_of
from kfusion.face import FaceFinder
from kfusion.files import atomic_path


def extracted_table(clip: Clip, make_finder: MakeFinder) -> pa.Table | str:
    """The one-row table of a clip, or the reason why there is none, whatever it is.

    Raises:
        KfusionError: it is no fault of the clip: there is no face finder, or no room to unpack it.
    """
    finders = None if clip.track else _finders_of_worker(make_finder)
    try:
        clip.check_names()
        with on_disk(clip) as files:
            if finders is None:
                extracted = extract_track(files)
            else:
                near, crowd = finders.near, finders.crowd
                extracted = extract_clip(files.path, finders.far, files.audio_path, near=near, crowd=crowd)
        return clip_table(_row(clip, extracted), extracted.landmarks, extracted.samples)
    except Exception as error:
        reason = error_of(clip.path, error)
        if not isinstance(reason, InputError | UnexpectedError):
            raise
        return str(reason)


def extract_into_part(clip: Clip, *, out: Path, make_finder: MakeFinder) -> str | None:
    """Extract one clip into its part; the reason where that fails.

    Raises:
        KfusionError: see `extracted_table`; or the part cannot be written.
    """
    table = extracted_table(clip, make_finder)
    if isinstance(table, str):
        return table
    with atomic_path(part_path(out, clip.clip_id), work_in=out) as part:
        write_shard(part, [table])
    return None


@cache
def _finders_of_worker(make_finder: MakeFinder) -> ClipFinders:
    made = make_finder()
    return made if isinstance(made, ClipFinders) else ClipFinders(made, made, made)


def one_face_finder() -> ClipFinders:
    """Finders of the one face that talks."""
    finder = FaceFinder(max_faces=1)
    return ClipFinders(finder, finder, FaceFinder(max_faces=2))


def litert_finder() -> ClipFinders:
    """The same, with `CropFinder` where the face is known to be."""
    from kfusion.face.crop_finder import CropFinder

    finder = FaceFinder(max_faces=1)
    return ClipFinders(finder, CropFinder(finder), FaceFinder(max_faces=2))


def _row(clip: Clip, extracted: ExtractedClip) -> dict[str, Any]:
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
        "notes": list(extracted.notes) or None,
    }

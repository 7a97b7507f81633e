"""Arabic news clips in the layout `clips.csv` + `clips/*.mp4`. Licence unknown: research and evaluation only.

`clips.csv` has the columns clip, speaker, split; its splits are speaker-disjoint.
"""

from pathlib import Path

from kfusion.data.clip import Clip, check_source
from kfusion.data.listing import read_listing
from kfusion.errors import InputError


def read_lrwar(source: Path) -> list[Clip]:
    """The clips that `clips.csv` lists.

    Raises:
        InputError: the listing is missing or damaged.
    """
    check_source(source)
    listing = source / "clips.csv"
    if not listing.is_file():
        raise InputError(f"{listing}: missing: pass the folder that holds clips.csv and clips/")
    return [
        Clip(
            clip_id=Path(row["clip"]).stem,
            path=source / row["clip"],
            corpus="lrwar",
            speaker=row["speaker"],
            split=row["split"],
        )
        for row in read_listing(listing, required=("clip", "speaker", "split"), known=())
    ]

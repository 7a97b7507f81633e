"""`--sync`: how the sound of a data set is put on the clock of the lips."""

import argparse
import math
from typing import TYPE_CHECKING

from kfusion.errors import InputError

if TYPE_CHECKING:
    from kfusion.data.sound_clocks import SyncRule

MAX_SYNC_MS = 1000.0


def add_sync(parser: argparse.ArgumentParser, default: str | None) -> None:
    """Declare the flag; `default` None tells whether it was given."""
    parser.add_argument(
        "--sync",
        metavar="auto|off|MS",
        default=default,
        help="sound is moved by what is measured for each speaker where that is certain (auto, the default), not at "
        "all, or by MS milliseconds (it is so late; negative: early)",
    )


def sync_rule(wanted: str, threads: int) -> "SyncRule":
    """The rule that `--sync` names.

    Raises:
        InputError: it names none.
    """
    from kfusion.data.sound_clocks import AUTO, OFF, SyncRule
    from kfusion.inference.sync import Listener

    if wanted == AUTO:
        return SyncRule(listen=Listener(1), workers=threads)
    try:
        ms = 0.0 if wanted == OFF else float(wanted)
    except ValueError:
        ms = math.nan
    if not abs(ms) <= MAX_SYNC_MS:
        raise InputError(f"--sync {wanted}: pass auto, off or milliseconds from -{MAX_SYNC_MS:g} to {MAX_SYNC_MS:g}")
    return SyncRule(ms=ms)

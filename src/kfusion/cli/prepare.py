"""`kfusion prepare`: a corpus of talking videos to a prepared data set."""

import argparse
import logging
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING

from kfusion.cli.console import show, show_error
from kfusion.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    from kfusion.data.sound_clocks import SyncRule

log = logging.getLogger(__name__)

CORPORA = ("grid", "lrwar", "folder", "mead", "cremad", "ravdess", "facegood")
SPLIT_PROTOCOLS = ("speakers", "sentences", "emotion")
MAX_SYNC_MS = 1000.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("corpus", choices=CORPORA, metavar="CORPUS", help=f"one of {', '.join(CORPORA)}")
    parser.add_argument("source", type=Path, metavar="SRC", help="the folder that holds the corpus")
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="OUT", help="folder of the prepared data set")
    parser.add_argument(
        "--csv",
        type=Path,
        metavar="FILE",
        help="listing of a folder: columns clip and, as far as known, speaker, emotion, intensity, split",
    )
    parser.add_argument(
        "--workers",
        type=int,
        default=os.cpu_count() or 1,
        metavar="N",
        help="processes at work at the same time (default: one a core)",
    )
    parser.add_argument("--limit", type=int, metavar="N", help="prepare at most N clips, evenly spread")
    parser.add_argument(
        "--sync",
        metavar="auto|off|MS",
        default="auto",
        help="sound is moved by what is measured for each speaker where that is certain (auto, the default), not at "
        "all, or by MS milliseconds (it is so late; negative: early)",
    )
    parser.add_argument(
        "--protocol",
        choices=SPLIT_PROTOCOLS,
        help="what is held out for the test: speakers (where there are several), sentences of the same speakers "
        "(mead, facegood), or speakers with some to train emotions on (ravdess)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Prepare the data set; 1 if more than 5 % of the clips failed.

    Raises:
        KfusionError: the corpus cannot be read or the data set cannot be written.
    """
    try:
        from kfusion.data.corpora import CorpusRequest, protocol_of, read_corpus
        from kfusion.data.preparation import prepare
    except ModuleNotFoundError as error:
        raise MissingExtraError("preparing data", "train") from error
    for name in ("workers", "limit"):
        value = getattr(arguments, name)
        if value is not None and value < 1:
            raise InputError(f"--{name} {value}: pass 1 or more")
    protocol = protocol_of(arguments.corpus, arguments.protocol)
    request = CorpusRequest(source=arguments.source, listing=arguments.csv, protocol=protocol)
    sync = _sync_rule(arguments.sync, arguments.workers)
    clips = read_corpus(arguments.corpus, request)
    if arguments.limit is not None:
        clips = clips[:: -(-len(clips) // arguments.limit)]
    try:
        prepared = prepare(clips, arguments.out, workers=arguments.workers, protocol=protocol, sync=sync)
    except KeyboardInterrupt:
        log.warning("stopped: what is finished is kept in %s: run the command again to go on", arguments.out)
        raise
    show(f"{arguments.out}: {prepared.clips} clips prepared, {prepared.failed} failed")
    if prepared.failed_too_many:
        total = prepared.clips + prepared.failed
        reasons = arguments.out / "failures.csv"
        show_error(f"{prepared.failed} of {total} clips failed, more than 5 %: read the reasons in {reasons}")
        return 1
    return 0


def _sync_rule(wanted: str, threads: int) -> "SyncRule":
    """The rule that `--sync` names.

    Raises:
        InputError: it names none.
    """
    from kfusion.data.sound_clocks import AUTO, OFF, SyncRule
    from kfusion.inference.sync import Listener

    if wanted == AUTO:
        return SyncRule(listen=Listener(threads))
    try:
        ms = 0.0 if wanted == OFF else float(wanted)
    except ValueError:
        ms = math.nan
    if not abs(ms) <= MAX_SYNC_MS:
        raise InputError(f"--sync {wanted}: pass auto, off or milliseconds from -{MAX_SYNC_MS:g} to {MAX_SYNC_MS:g}")
    return SyncRule(ms=ms)

"""`kfusion prepare`: a corpus of talking videos to a prepared data set."""

import argparse
import logging
import os
from pathlib import Path

from kfusion.cli.console import show, show_error
from kfusion.errors import InputError, MissingExtraError

log = logging.getLogger(__name__)

CORPORA = ("grid", "lrwar", "folder", "mead", "cremad", "ravdess", "facegood")
SPLIT_PROTOCOLS = ("speakers", "sentences", "emotion")


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
    clips = read_corpus(arguments.corpus, request)
    if arguments.limit is not None:
        clips = clips[:: -(-len(clips) // arguments.limit)]
    try:
        prepared = prepare(clips, arguments.out, workers=arguments.workers, protocol=protocol)
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

"""`kfusion prepare`: a corpus of talking videos to a prepared data set, on this machine, a share of it, or on Ray."""

import argparse
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from kfusion.cli.console import show, show_error
from kfusion.cli.sync_choice import add_sync, sync_rule
from kfusion.errors import InputError, MissingExtraError
from kfusion.share import Share

if TYPE_CHECKING:
    from kfusion.data.data_set import Preparation
    from kfusion.data.processes import MakeFinder, Workforce

log = logging.getLogger(__name__)

CORPORA = ("grid", "lrwar", "folder", "mead", "cremad", "ravdess", "facegood")
SPLIT_PROTOCOLS = ("speakers", "sentences", "emotion")
ENGINES = ("processes", "ray")
FINDERS = ("mediapipe", "litert")


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
        metavar="N",
        help="processes at work at the same time (default: one a core of this machine, or of the Ray cluster)",
    )
    parser.add_argument("--limit", type=int, metavar="N", help="prepare at most N clips, evenly spread")
    add_sync(parser, None)
    parser.add_argument(
        "--protocol",
        choices=SPLIT_PROTOCOLS,
        help="what is held out for the test: speakers (where there are several), sentences of the same speakers "
        "(mead, facegood), or speakers with some to train emotions on (ravdess)",
    )
    parser.add_argument(
        "--shard",
        metavar="I/N",
        help="take the I-th of N shares of the clips, on one of N machines that need not know of each other; "
        "`kfusion merge` makes the data set of all",
    )
    parser.add_argument(
        "--finder",
        choices=FINDERS,
        default=FINDERS[0],
        help="what finds the landmarks in the crops: MediaPipe, or its networks on LiteRT, at two thirds of the cost "
        "and 0.02 px from MediaPipe's (needs the extra litert)",
    )
    parser.add_argument(
        "--engine", choices=ENGINES, default=ENGINES[0], help="who works: processes of this machine, or a Ray cluster"
    )
    parser.add_argument(
        "--address",
        metavar="ADDRESS",
        help="of the Ray cluster: auto, HOST:PORT or ray://HOST:10001 (default: a new one)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Prepare the data set; 1 if more than 5 % of the clips failed.

    Raises:
        KfusionError: the corpus cannot be read or the data set cannot be written.
    """
    try:
        from kfusion.data.corpora import CorpusRequest, protocol_of, read_listing_of
        from kfusion.data.preparation import prepare
    except ModuleNotFoundError as error:
        raise MissingExtraError("preparing data", "train") from error
    _check(arguments)
    share = None if arguments.shard is None else Share.parse(arguments.shard)
    protocol = protocol_of(arguments.corpus, arguments.protocol)
    request = CorpusRequest(source=arguments.source, listing=arguments.csv, protocol=protocol)
    sync = sync_rule("auto" if arguments.sync is None else arguments.sync, arguments.workers or os.cpu_count() or 1)
    clips, census = read_listing_of(arguments.corpus, request)
    for line in census:
        log.warning("%s: %s", arguments.source, line)
    if arguments.limit is not None:
        clips = clips[:: -(-len(clips) // arguments.limit)]
    try:
        prepared = prepare(
            clips,
            arguments.out,
            workers=_workforce(arguments),
            protocol=protocol,
            sync=sync,
            make_finder=_make_finder(arguments.finder, census),
            share=share,
            census=census,
        )
    except KeyboardInterrupt:
        log.warning("stopped: what is finished is kept in %s: run the command again to go on", arguments.out)
        raise
    return tell_preparation(arguments.out, prepared)


def tell_preparation(out: Path, prepared: "Preparation") -> int:
    """Say how a data set came out; the exit code."""
    noted = f", {prepared.noted} with a note" if prepared.noted else ""
    show(f"{out}: {prepared.clips} clips prepared{noted}, {prepared.failed} failed")
    if prepared.failed_too_many:
        total = prepared.clips + prepared.failed
        show_error(
            f"{prepared.failed} of {total} clips failed, more than 5 %: read the reasons in {out / 'failures.csv'}"
        )
        return 1
    return 0


def _make_finder(name: str, census: list[str]) -> "MakeFinder":
    """What finds the landmarks; another one than usual is a line of the data card."""
    from kfusion.data.one_clip import litert_finder, one_face_finder

    if name != "litert":
        return one_face_finder
    from kfusion.face.crop_finder import litert_version

    census.append(f"landmarks in the crops by {litert_version()}, within 0.02 px of MediaPipe's")
    return litert_finder


def _check(arguments: argparse.Namespace) -> None:
    for name in ("workers", "limit"):
        value = getattr(arguments, name)
        if value is not None and value < 1:
            raise InputError(f"--{name} {value}: pass 1 or more")
    if arguments.shard is not None and arguments.sync is not None:
        raise InputError(
            f"--sync {arguments.sync} with --shard: a share holds a part of every speaker's clips and leaves their "
            "sound as it is: pass --sync to `kfusion merge`"
        )
    if arguments.address is not None and arguments.engine != "ray":
        raise InputError(f"--address {arguments.address}: is for --engine ray")


def _workforce(arguments: argparse.Namespace) -> "int | Workforce":
    """Who extracts."""
    if arguments.engine != "ray":
        return int(arguments.workers or os.cpu_count() or 1)
    from kfusion.data.ray_workforce import ray_workforce

    return ray_workforce(arguments.address, arguments.workers)

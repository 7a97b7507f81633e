"""`kfusion merge`: what several machines prepared to one data set."""

import argparse
import os
from pathlib import Path

from kfusion.cli.prepare import tell_preparation
from kfusion.cli.sync_choice import add_sync, sync_rule
from kfusion.errors import InputError, MissingExtraError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument(
        "shards", nargs="+", type=Path, metavar="SHARD", help="folders that `kfusion prepare --shard I/N` made, all N"
    )
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="OUT", help="folder of the prepared data set")
    add_sync(parser, "auto")
    parser.add_argument(
        "--workers",
        type=int,
        default=os.cpu_count() or 1,
        metavar="N",
        help="processes that listen for the clocks at the same time (default: one a core)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Merge the shards; 1 if more than 5 % of the clips failed.

    Raises:
        KfusionError: the shards do not belong together, or the data set cannot be written.
    """
    try:
        from kfusion.data.merging import merge
    except ModuleNotFoundError as error:
        raise MissingExtraError("merging data", "train") from error
    if arguments.workers < 1:
        raise InputError(f"--workers {arguments.workers}: pass 1 or more")
    merged = merge(arguments.shards, arguments.out, sync=sync_rule(arguments.sync, arguments.workers))
    return tell_preparation(arguments.out, merged)

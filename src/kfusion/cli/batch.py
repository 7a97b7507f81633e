"""`kfusion batch`: a manifest of recordings, by the million; results or a reason for each out."""

import argparse
import logging
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from kfusion.cli.console import show, show_error, visible
from kfusion.cli.generate import add_frame_arguments
from kfusion.cli.motion_output import ENDINGS, split_names
from kfusion.emotion import check_emotion
from kfusion.errors import InputError
from kfusion.inference.delivery import check_expressiveness, check_lead
from kfusion.numbers import number
from kfusion.share import Share

if TYPE_CHECKING:
    from kfusion.batch.animator import BatchOptions
    from kfusion.batch.batch_run import BatchPlan, BatchSummary, LanesOf
    from kfusion.batch.pace import BatchPace

log = logging.getLogger(__name__)

MAX_FAILURES = 0.05
TERMINAL_S, LINES_S = 1.0, 30.0
"""Between two lines about the pace, on a terminal and elsewhere."""
VIDEO_CHOICES = ("none", "points", "picture", "side-by-side")
FORMATS = ("npz", "csv", "json", *(kind for kind in ENDINGS if kind != "parquet"))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of the verb."""
    parser.add_argument(
        "manifest",
        metavar="MANIFEST",
        type=Path,
        help=".csv, .jsonl or .parquet with the column speech and, as wanted, face, emotion, intensity, fps, name; "
        "paths count from its folder on, or are addresses such as s3://bucket/a.wav",
    )
    parser.add_argument("-o", "--output", metavar="OUT", type=Path, required=True, help="folder for the results")
    parser.add_argument("--face", metavar="PORTRAIT", help="of rows that name none (default: a mean face)")
    add_frame_arguments(parser)
    parser.add_argument(
        "--format",
        metavar="LIST",
        default="npz",
        help=f"parquet: common files, a row a recording; or {', '.join(FORMATS)}, "
        "joined by commas: a folder a recording (default: npz)",
    )
    parser.add_argument(
        "--video",
        choices=VIDEO_CHOICES,
        default="none",
        help="a film of each: the portrait that speaks, its points, both",
    )
    parser.add_argument("--model", metavar="PATH", type=Path, help="another .onnx bundle, or a folder with model.onnx")
    parser.add_argument("--allow-silence", action="store_true", help="animate silent recordings: a resting face")
    _add_run_arguments(parser)


def _add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Who does it, and what an item may take."""
    parser.add_argument("--jobs", metavar="N", type=int, help="recordings at once (default: one a core)")
    parser.add_argument("--shard", metavar="I/N", default="1/1", help="the I-th of N shares of the manifest, from 1")
    parser.add_argument("--engine", choices=("local", "ray"), default="local", help="this machine, or a Ray cluster")
    parser.add_argument("--address", metavar="HOST:PORT", help="of the Ray cluster, or auto (default: a new one here)")
    parser.add_argument(
        "--max-failures",
        metavar="SHARE",
        type=number,
        default=MAX_FAILURES,
        help=f"the exit code is 1 where more of the recordings failed (default: {MAX_FAILURES})",
    )
    parser.add_argument("--retry-failed", action="store_true", help="try recordings again that an earlier run gave up")
    parser.add_argument("--time-limit", metavar="S", type=number, default=600, help="for one recording (default: 600)")
    parser.add_argument("--memory-mb", metavar="MB", type=number, default=2000, help="for one (default: 2000)")
    parser.add_argument("--rows-per-file", metavar="N", type=int, help="of Parquet, at the most (default: up to 1000)")


def run(arguments: argparse.Namespace) -> int:
    """Animate the share; 1 if more than --max-failures of it failed.

    Raises:
        KfusionError: the run cannot begin, or cannot go on.
    """
    from kfusion.batch.batch_run import run_batch

    _check(arguments)
    plan, progress = _plan(arguments), PaceTeller()
    try:
        summary = run_batch(plan, _lanes_of(arguments, plan.options), progress)
    except KeyboardInterrupt:
        log.warning("stopped: what is finished is kept in %s: run the command again to go on", arguments.output)
        raise
    finally:
        progress.end()
    show(f"{arguments.output}: {summary.done} recordings animated, {summary.failed} failed")
    return _exit_code(summary, arguments.max_failures)


def _exit_code(summary: "BatchSummary", max_failures: float) -> int:
    if summary.failed <= max_failures * summary.rows:
        if summary.failed:
            log.warning("%d of %d recordings failed: see %s", summary.failed, summary.rows, summary.failures)
        return 0
    show_error(
        f"{summary.failed} of {summary.rows} recordings failed, more than {100 * max_failures:g} %: "
        f"read the reasons in {summary.failures}"
    )
    return 1


def _check(arguments: argparse.Namespace) -> None:
    check_emotion(arguments.emotion, arguments.intensity)
    check_lead(arguments.lead_ms)
    check_expressiveness(arguments.expressiveness)
    for name in ("jobs", "rows_per_file", "time_limit", "memory_mb"):
        value = getattr(arguments, name)
        if value is not None and value <= 0:
            raise InputError(f"--{name.replace('_', '-')} is {value:g}: use a number above 0")
    if not 0 <= arguments.max_failures <= 1:
        raise InputError(f"--max-failures is {arguments.max_failures:g}: use a share from 0 to 1")
    if arguments.address is not None and arguments.engine != "ray":
        raise InputError(f"--address {arguments.address} goes with --engine ray: add it, or leave the address out")


def _plan(arguments: argparse.Namespace) -> "BatchPlan":
    from kfusion.batch.animator import model_digest
    from kfusion.batch.batch_run import BatchPlan

    options = _options(arguments)
    return BatchPlan(
        manifest=arguments.manifest,
        out=arguments.output,
        options=options,
        model_digest=model_digest(options),
        share=Share.parse(arguments.shard),
        piece_rows=arguments.rows_per_file,
        retry_failed=arguments.retry_failed,
    )


def _options(arguments: argparse.Namespace) -> "BatchOptions":
    from kfusion.batch.addresses import is_address
    from kfusion.batch.animator import BatchOptions

    face = arguments.face
    if face is not None and not is_address(face):
        face = str(Path(face).absolute())
    return BatchOptions(
        base=str(arguments.manifest.absolute().parent),
        formats=tuple(split_names(arguments.format)),
        model=arguments.model and str(arguments.model.absolute()),
        face=face,
        fps=arguments.fps,
        emotion=arguments.emotion,
        intensity=arguments.intensity,
        lead_ms=arguments.lead_ms,
        expressiveness=arguments.expressiveness,
        allow_silence=arguments.allow_silence,
        video=arguments.video,
    )


def _lanes_of(arguments: argparse.Namespace, options: "BatchOptions") -> "LanesOf":
    from kfusion.batch.batch_run import local_lanes
    from kfusion.batch.lane import ItemLimits

    limits = ItemLimits(time_s=arguments.time_limit, memory_mb=arguments.memory_mb)
    if arguments.engine == "local":
        return local_lanes(arguments.jobs, options, limits)
    from kfusion.batch.ray_crew import ray_lanes

    return lambda _: ray_lanes(arguments.address, arguments.jobs, options, limits)


class PaceTeller:
    """Tells on stderr how far a run is, not too often."""

    def __init__(self) -> None:
        self._on_terminal = sys.stderr.isatty()
        self._told = time.monotonic()
        self._pace: BatchPace | None = None

    def __call__(self, pace: "BatchPace") -> None:
        """After every row."""
        self._pace = pace
        if time.monotonic() - self._told >= (TERMINAL_S if self._on_terminal else LINES_S):
            self._told = time.monotonic()
            self._tell(pace.line(), end="\r" if self._on_terminal else "\n")

    def end(self) -> None:
        """What the whole run was like."""
        if self._pace is not None:
            self._tell(self._pace.whole(), end="\n")

    def _tell(self, line: str, end: str) -> None:
        clear = "\x1b[K" if self._on_terminal else ""
        print(f"kfusion: {visible(line)}{clear}", end=end, file=sys.stderr, flush=True)

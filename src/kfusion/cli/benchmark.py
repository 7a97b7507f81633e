"""`kfusion benchmark`: every system trained and scored alike; one JSON a run, and the report."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from kfusion.benchmark.protocols import PROTOCOLS
from kfusion.cli.console import show
from kfusion.cli.progress import progress_lines
from kfusion.errors import InputError
from kfusion.numbers import hours, whole

if TYPE_CHECKING:
    from kfusion.benchmark.plan import BenchmarkSetup
    from kfusion.benchmark.runner import RunOutcome
    from kfusion.benchmark.systems import System

REPORT = "report"
"""In place of a protocol: write the report anew from the results that are there."""
EXIT_FAILED = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of the verb."""
    parser.add_argument(
        "protocol",
        metavar="PROTOCOL",
        help=f"{', '.join(PROTOCOLS)}; or `{REPORT}`: only write the report of the results that are there",
    )
    parser.add_argument(
        "--row", metavar="NAME", action="append", default=[], help="only this row; may be repeated (default: all)"
    )
    parser.add_argument(
        "--seeds",
        metavar="LIST",
        type=_seeds,
        help="joined by commas (default: 0,1,2 for the main rows, 0 for the rest)",
    )
    parser.add_argument("--again", action="store_true", help="train anew what is there already")
    places = parser.add_argument_group("places")
    for flag, place, text in (
        ("--data-root", "data", "folder of the prepared data sets: grid, lrwar, mead-speakers, ..."),
        ("--runs", "runs/benchmark", "checkpoints and logs"),
        ("--results", "benchmarks/results", "one JSON a run"),
    ):
        places.add_argument(flag, metavar="DIR", type=Path, default=Path(place), help=f"{text} (default: {place})")
    default = "docs/measured/report.md"
    text = f"the report; its figures go to `report/` beside it (default: {default})"
    places.add_argument("-o", "--output", metavar="FILE", type=Path, default=Path(default), help=text)
    budget = parser.add_argument_group("budget")
    budget.add_argument("--steps", metavar="N", type=int, default=900, help="optimiser steps of a run (default: 900)")
    budget.add_argument("--jobs", metavar="N", type=int, default=1, help="runs at the same time (default: 1)")
    budget.add_argument(
        "--threads", metavar="N", type=int, help="CPU threads of a run (default: the cores over --jobs)"
    )
    text = "multiples of its own learning rate that every row is tried at first (default: 0.3,1,3,10; 1: none)"
    budget.add_argument("--rates", metavar="LIST", type=_rates, default=(0.3, 1.0, 3.0, 10.0), help=text)
    budget.add_argument("--accelerator", choices=("auto", "cpu", "cuda"), default="auto", help="(default: auto)")
    budget.add_argument("--max-hours", type=hours, help="stop after that time; the same command goes on")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)


def run(arguments: argparse.Namespace) -> int:
    """Run what is missing and write the report; 1 if a run failed."""
    if arguments.protocol == REPORT:
        return _report(arguments)
    if arguments.protocol not in PROTOCOLS:
        raise InputError(f"unknown protocol '{arguments.protocol}': use {', '.join(PROTOCOLS)}, or {REPORT}")
    from kfusion.benchmark.systems import find_systems

    systems, setup = find_systems(tuple(arguments.row)), _setup(arguments)
    if arguments.worker:
        return _work(setup, systems, arguments.seeds)
    from kfusion.benchmark.runner import run_protocol, start_process

    with progress_lines("kfusion.benchmark", "kfusion.training"):
        outcome = run_protocol(setup, systems, arguments.seeds, start_process)
    show(_summary(arguments.protocol, outcome))
    _report(arguments)
    return EXIT_FAILED if outcome.failed else 0


def _setup(arguments: argparse.Namespace) -> "BenchmarkSetup":
    from kfusion.benchmark.plan import BenchmarkSetup

    return BenchmarkSetup(
        protocol=PROTOCOLS[arguments.protocol],
        data_root=arguments.data_root,
        results=arguments.results,
        runs=arguments.runs,
        steps=arguments.steps,
        again=arguments.again,
        jobs=arguments.jobs,
        threads=arguments.threads,
        accelerator=arguments.accelerator,
        rates=arguments.rates,
        max_hours=arguments.max_hours,
    )


def _work(setup: "BenchmarkSetup", systems: list["System"], seeds: tuple[int, ...] | None) -> int:
    """One run in this process."""
    import torch

    from kfusion.benchmark.plan import plan
    from kfusion.benchmark.worker import carry_out

    torch.set_num_threads(setup.run_threads)
    with progress_lines("kfusion.benchmark", "kfusion.training"):
        for run in plan(setup, systems, seeds):
            carry_out(run)
    return 0


def _report(arguments: argparse.Namespace) -> int:
    from kfusion.benchmark.benchmark_page import write_report

    write_report(arguments.results, arguments.output)
    show(arguments.output)
    return 0


def _summary(protocol: str, outcome: "RunOutcome") -> str:
    counts = {
        "done": len(outcome.done),
        "there already": len(outcome.current),
        "failed": len(outcome.failed),
        "left for the next time": len(outcome.left),
    }
    return f"{protocol}: {', '.join(f'{count} {word}' for word, count in counts.items() if count)}"


def _rates(word: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in word.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"'{word}' is no list of numbers such as 0.3,1,3,10") from error


def _seeds(word: str) -> tuple[int, ...]:
    try:
        seeds = tuple(whole(part) for part in word.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"'{word}' is no list of seeds such as 0,1,2") from error
    if min(seeds) < 0:
        raise argparse.ArgumentTypeError(f"seed {min(seeds)} is less than 0")
    return seeds

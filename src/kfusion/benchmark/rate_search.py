"""The same small search of the learning rate for every trained row, on the validation split of the training data.

Sources give rates for budgets many times longer than ours, at which some networks have not begun to follow the voice
when ours ends. So a row is trained for a quarter of its budget at a few multiples of its own rate, annealed to the end
as in the whole run, and goes on to the whole run with the one that ends nearest to the validation sentences in M-LD.
The first seed searches for all.
"""

import logging
import math
from dataclasses import replace
from pathlib import Path

from kfusion.benchmark.plan import PlannedRun
from kfusion.benchmark.protocol_data import BenchmarkData
from kfusion.benchmark.run_record import RateTrial
from kfusion.benchmark.systems import FIRST_SEED
from kfusion.benchmark.training_folder import claim, is_finished, read_clock, read_curve, timed
from kfusion.training.loop import train
from kfusion.training.run_config import Machines, RunConfig

log = logging.getLogger(__name__)

PART_OF_BUDGET = 4
"""A trial has so many times fewer steps than a run."""


def search_rate(run: PlannedRun, config: RunConfig, data: BenchmarkData, digest: str) -> list[RateTrial] | None:
    """How each rate did; empty where there is nothing to choose, None where the time did not suffice."""
    if run.setup.rates == (1.0,):
        return []
    trials = []
    for factor in run.setup.rates:
        found = _trial(run, at_multiple(_shortened(config), factor), factor, data, digest)
        if found is None:
            return None
        trials.append(found)
    best = best_trial(trials)
    log.info("%s: learning rate %g, %g times its own", run.system.name, best.learning_rate, best.factor)
    return trials


def best_trial(trials: list[RateTrial]) -> RateTrial:
    """The one with the lowest validation M-LD; one that diverged is none."""
    return min(trials, key=lambda trial: math.inf if math.isnan(trial.mld) else trial.mld)


def at_multiple(config: RunConfig, factor: float) -> RunConfig:
    """The run at `factor` times its own learning rate, from the warm-up to the end of the annealing."""
    own = config.optimiser
    optimiser = replace(own, learning_rate=factor * own.learning_rate, min_learning_rate=factor * own.min_learning_rate)
    return replace(config, optimiser=optimiser)


def trial_folder(run: PlannedRun, factor: float) -> Path:
    """Where a trial is trained; the seeds of a row share it."""
    return run.folder.parent / "rates" / f"{run.system.name}-x{factor:g}"


def _shortened(config: RunConfig) -> RunConfig:
    own = config.optimiser
    steps = max(1, (own.max_steps or 1) // PART_OF_BUDGET)
    warmup = own.warmup_steps // PART_OF_BUDGET
    return replace(config, optimiser=replace(own, max_steps=steps, warmup_steps=warmup, seed=FIRST_SEED[0]))


def _trial(run: PlannedRun, config: RunConfig, factor: float, data: BenchmarkData, digest: str) -> RateTrial | None:
    folder = trial_folder(run, factor)
    claim(folder, config, digest, again=run.setup.again and run.seed == FIRST_SEED[0])
    if not is_finished(folder):
        with timed(folder):
            roots = [store.root for store in data.train]
            machines = Machines(accelerator=run.setup.accelerator)  # type: ignore[arg-type]
            train(config, roots, folder, machines=machines, max_hours=run.setup.max_hours)
    if not is_finished(folder):
        return None
    curve = read_curve(folder)
    return RateTrial(
        factor=factor,
        learning_rate=config.optimiser.learning_rate,
        steps=config.optimiser.max_steps or 0,
        mld=curve["M-LD"][-1],
        correlation=curve["correlation"][-1],
        seconds=read_clock(folder)[0],
    )

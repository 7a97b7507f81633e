"""One run of one system, in one process: train it (or go on), score it, write its JSON."""

import hashlib
import math
import platform
from pathlib import Path

from kfusion.benchmark.plan import CLIP_S, BenchmarkSetup, PlannedRun, new_record
from kfusion.benchmark.protocol_data import BenchmarkData, open_data
from kfusion.benchmark.rate_search import at_multiple, best_trial, search_rate
from kfusion.benchmark.run_record import RunRecord, TestScores, TrainingRecord
from kfusion.benchmark.speed import measure
from kfusion.benchmark.system_scores import noise_floor, noise_floor_folder, score
from kfusion.benchmark.systems import PACKAGED
from kfusion.benchmark.training_folder import (
    claim,
    is_finished,
    keep_rates,
    kept_rates,
    read_clock,
    read_curve,
    timed,
)
from kfusion.errors import InputError
from kfusion.evaluation.alignment import EXPRESSION
from kfusion.evaluation.predictors import DEFAULT
from kfusion.evaluation.sanity_rows import NOISE_FLOOR
from kfusion.training.callbacks import BEST, LAST
from kfusion.training.checkpoint import WEIGHTS, load_model, read_info
from kfusion.training.loop import train
from kfusion.training.run_config import Machines, RunConfig


def carry_out(run: PlannedRun) -> None:
    """Do the run and write its JSON; if it is stopped before its end there is none, and it is resumed next time.

    Raises:
        KfusionError: the run cannot be done.
    """
    data = open_data(run.setup.protocol, run.setup.data_root)
    digests = data.digests()
    if run.config is not None and not _train(run, run.config, data, digests["train"]):
        return
    folder = _trained_folder(run)
    found = new_record(
        run,
        digests,
        training=None if folder is None else _training(run.setup, folder),
        speed=None if folder is None or run.system.of is not None else measure(load_model(folder / LAST)),
        tests=_tests(run, folder, data),
    )
    _check_finite(found)
    found.save(run.path)


def _train(run: PlannedRun, config: RunConfig, data: BenchmarkData, digest: str) -> bool:
    setup, folder = run.setup, run.folder
    trials = search_rate(run, config, data, digest)
    if trials is None:
        return False
    config = at_multiple(config, best_trial(trials).factor if trials else 1.0)
    claim(folder, config, digest, again=setup.again)
    keep_rates(folder, trials)
    if is_finished(folder):
        return True
    with timed(folder):
        roots = [store.root for store in data.train]
        machines = Machines(accelerator=setup.accelerator)  # type: ignore[arg-type]
        train(config, roots, folder, machines=machines, max_hours=setup.max_hours)
    return is_finished(folder)


def _trained_folder(run: PlannedRun) -> Path | None:
    """The training whose network is scored; none for a row that has none.

    Raises:
        InputError: a sanity row's network is not there.
    """
    asked = run.asked
    if asked.config is None:
        return None
    if asked is not run and not is_finished(asked.folder):
        name = asked.system.name
        remedy = f"run it with --row {name} --seeds {asked.seed} --again"
        raise InputError(f"{asked.folder}: row '{run.system.name}' asks the network of '{name}': {remedy}")
    return asked.folder


def _training(setup: BenchmarkSetup, folder: Path) -> TrainingRecord:
    info, network = read_info(folder / BEST), load_model(folder / LAST)
    seconds, cpu_seconds = read_clock(folder)
    optimiser = info.run.optimiser
    steps = optimiser.max_steps or setup.steps
    return TrainingRecord(
        parameters=sum(weight.numel() for weight in network.parameters() if weight.requires_grad),
        steps=steps,
        clip_seconds=float(steps * optimiser.batch_size * (info.run.data.clip_s or CLIP_S)),
        seconds=seconds,
        cpu_seconds=cpu_seconds,
        threads=setup.run_threads,
        machine=_machine(),
        weights=hashlib.sha256((folder / LAST / WEIGHTS).read_bytes()).hexdigest()[:16],
        best_epoch=info.epochs,
        curve=read_curve(folder),
        rates=kept_rates(folder),
    )


def _tests(run: PlannedRun, trained: Path | None, data: BenchmarkData) -> dict[str, TestScores]:
    row, floors = run.system.scored_row, noise_floor_folder(run.setup.results)
    model = DEFAULT if run.system.name == PACKAGED else None if trained is None else trained / LAST
    found = {
        opened.test.name: noise_floor(floors, opened) if row == NOISE_FLOOR else score(row, model, opened, data.train)
        for opened in data.tests
    }
    defined = {test: scores for test, scores in found.items() if scores is not None}
    if not defined:
        remedy = f"measure it with benchmarks/noise_floor.py into {floors}" if row == NOISE_FLOOR else "leave it out"
        raise InputError(f"row '{run.system.name}' is not defined on any test set of the protocol: {remedy}")
    return defined


def _check_finite(found: RunRecord) -> None:
    """Raises `InputError` where a network diverged: nothing of it is a number to report."""
    losses = found.training.curve["loss"] if found.training else []
    if any(math.isinf(loss) for loss in losses):  # NaN: an epoch in which the run was stopped has no loss
        raise InputError(f"row '{found.row}': the training loss is not a number any more: lower its learning rate")
    for name, test in found.tests.items():
        if not math.isfinite(test.summaries[EXPRESSION]["M-LD"].mean):
            raise InputError(f"row '{found.row}': M-LD on '{name}' is not a number: train it again with --again")


def _machine() -> str:
    """The processor's name, and the CUDA device if there is one."""
    import torch

    names = [platform.processor() or platform.machine()]
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        models = [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        names = models[:1] or names
    return " + ".join([*names, *([torch.cuda.get_device_name()] if torch.cuda.is_available() else [])])

"""One run of one row, in one process: train it (or go on), score it, write its JSON."""

import hashlib
import math
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kfusion import __version__
from kfusion.benchmark.curve import read_curve
from kfusion.benchmark.data import BenchmarkData, open_data
from kfusion.benchmark.folder import claim, read_clock, write_clock
from kfusion.benchmark.plan import CLIP_S, Job, Setup, asked_config, config_json
from kfusion.benchmark.result import OK, RunResult, Speed, TestResult, Training
from kfusion.benchmark.rows import FIRST_SEED, PACKAGED, known_rows
from kfusion.benchmark.scoring import noise_floor, noise_floor_folder, score
from kfusion.benchmark.speed import measure
from kfusion.errors import InputError
from kfusion.evaluation.metrics import METRIC_VERSION
from kfusion.evaluation.predictors import DEFAULT
from kfusion.evaluation.sanity import MODEL, NOISE_FLOOR
from kfusion.models.speech import load_speech_encoder
from kfusion.training.callbacks import BEST, LAST
from kfusion.training.checkpoint import WEIGHTS, load_model, read_info
from kfusion.training.config import Machines, RunConfig
from kfusion.training.loop import train


def run_job(setup: Setup, job: Job) -> bool:
    """Do the run and write its JSON; False if it stopped before its end, to be resumed.

    Raises:
        KfusionError: the run cannot be done.
    """
    data = open_data(setup.protocol, setup.data_root)
    digests = data.digests()
    config = job.config(setup.steps)
    if config is not None and not _train(setup, job, config, data, digests["train"]):
        return False
    _result(setup, job, data, digests).save(job.result(setup))
    return True


def _train(setup: Setup, job: Job, config: RunConfig, data: BenchmarkData, digest: str) -> bool:
    folder = job.folder(setup)
    claim(folder, config, digest, again=setup.again)
    if _is_finished(folder):
        return True
    with _timed(folder):
        roots = [store.root for store in data.train]
        machines = Machines(accelerator=setup.accelerator)  # type: ignore[arg-type]
        train(config, roots, folder, machines=machines, max_hours=setup.max_hours)
    return _is_finished(folder)


def _is_finished(folder: Path) -> bool:
    return (folder / LAST).is_dir() and read_info(folder / LAST).finished


@contextmanager
def _timed(folder: Path) -> Iterator[None]:
    """Adds to the clock of the run, however the block ends."""
    start, cpu = time.monotonic(), time.process_time()
    try:
        yield
    finally:
        if folder.is_dir():
            clock = read_clock(folder).plus(time.monotonic() - start, time.process_time() - cpu)
            write_clock(folder, clock)


def _result(setup: Setup, job: Job, data: BenchmarkData, digests: dict[str, str]) -> RunResult:
    model = _model_folder(setup, job)
    found = RunResult(
        protocol=setup.protocol.name,
        row=job.row.name,
        seed=job.seed,
        status=OK,
        metric_version=METRIC_VERSION,
        kfusion_version=__version__,
        steps=setup.steps,
        config=config_json(asked_config(job, setup.steps)),
        data=digests,
        training=None if model is None else _training(setup, model, data),
        speed=_speed(model) if model is not None and job.row.of is None else None,
        tests=_tests(setup, job, model, data),
    )
    _check_finite(found)
    return found


def _model_folder(setup: Setup, job: Job) -> Path | None:
    """The training whose network is scored; none for a row that has none.

    Raises:
        InputError: a sanity row's network is not there.
    """
    if job.row.make is not None:
        return job.folder(setup)
    if job.row.of is None:
        return None
    asked = Job(row=known_rows()[job.row.of], seed=FIRST_SEED[0])
    folder = asked.folder(setup)
    if not _is_finished(folder):
        remedy = f"run it with --row {asked.row.name} --seeds {asked.seed} --again"
        raise InputError(f"{folder}: row '{job.row.name}' asks the network of '{asked.row.name}': {remedy}")
    return folder


def _training(setup: Setup, folder: Path, data: BenchmarkData) -> Training:
    info, clock, network = read_info(folder / BEST), read_clock(folder), load_model(folder / LAST)
    optimiser = info.run.optimiser
    steps = optimiser.max_steps or setup.steps
    return Training(
        parameters=sum(weight.numel() for weight in network.parameters() if weight.requires_grad),
        steps=steps,
        clip_seconds=float(steps * optimiser.batch_size * (info.run.data.clip_s or CLIP_S)),
        seconds=clock.seconds,
        cpu_seconds=clock.cpu_seconds,
        threads=setup.run_threads,
        machine=_machine(),
        weights=hashlib.sha256((folder / LAST / WEIGHTS).read_bytes()).hexdigest()[:16],
        best_epoch=info.epochs,
        curve=read_curve(folder),
    )


def _speed(folder: Path) -> Speed:
    network = load_model(folder / LAST)
    return measure(network, load_speech_encoder(network.config.speech_encoder).eval())


def _tests(setup: Setup, job: Job, model: Path | None, data: BenchmarkData) -> dict[str, TestResult]:
    packaged = job.row.name == PACKAGED
    name = MODEL if job.row.make is not None or packaged else job.row.name
    folder, asked = noise_floor_folder(setup.results), None if model is None else model / LAST
    found = {
        opened.test.name: noise_floor(folder, opened)
        if name == NOISE_FLOOR
        else score(name, DEFAULT if packaged else asked, opened, data.train)
        for opened in data.tests
    }
    defined = {test: result for test, result in found.items() if result is not None}
    if not defined:
        remedy = f"measure it with benchmarks/noise_floor.py into {folder}" if name == NOISE_FLOOR else "leave it out"
        raise InputError(f"row '{job.row.name}' is not defined on any test set of the protocol: {remedy}")
    return defined


def _check_finite(found: RunResult) -> None:
    """Raises `InputError` where a network diverged: nothing of it is a number to report."""
    losses = found.training.curve["loss"] if found.training else []
    if any(math.isinf(loss) for loss in losses):  # NaN: an epoch in which the run was stopped has no loss
        raise InputError(f"row '{found.row}': the training loss is not a number any more: lower its learning rate")
    for name, test in found.tests.items():
        if not math.isfinite(test.summaries["frame"]["M-LD"][0]):
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

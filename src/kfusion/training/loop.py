"""A whole training run: from prepared data sets to checkpoints, and on from where it stopped."""

import logging
import os
import pickle
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.utilities.rank_zero import rank_zero_only
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.loggers import TensorBoardLogger

from kfusion.config import flatten
from kfusion.errors import CheckpointError, InputError, KfusionError, OutputError
from kfusion.files import recover_folder
from kfusion.training.callbacks import (
    BEST,
    LAST,
    RESUME,
    Aborted,
    EndOfBudget,
    KeepCheckpoints,
    KeepResumeState,
    ProgressBar,
    Stopped,
    StopRequest,
)
from kfusion.training.checkpoint import CONFIG, read_info, save_checkpoint
from kfusion.training.datamodule import TalkingData
from kfusion.training.launch import Launched
from kfusion.training.module import TrainingModule
from kfusion.training.run_config import Machines, RunConfig, run_from_dict
from kfusion.training.training_set import TRAIN, VAL, TrainingSet

log = logging.getLogger(__name__)

LOGS = "tensorboard"
_HERE = Machines()
_SILENT: dict[str, Any] = {
    "log_every_n_steps": 10,
    "num_sanity_val_steps": 0,
    "use_distributed_sampler": False,
    "enable_checkpointing": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
}
"""What Lightning is to leave to us."""
_MOST_WORKERS = 4
"""That are started unasked."""
_REMEDY = "pass the same settings to go on with it, or another folder with -o"
_CHATTER = (
    "does not have many workers",
    "`isinstance(treespec, LeafSpec)` is deprecated",
    "number of training batches",
    "your dataloader is not resumable",
    "Checkpoint directory",
    "The `srun` command is available",
)
"""Parts of Lightning's warnings that do not apply here: the position in the data is ours to restore."""


def train(
    run: RunConfig,
    data: Sequence[str | Path],
    out: Path,
    *,
    machines: Machines = _HERE,
    max_hours: float | None = None,
    save_every_minutes: float = 5.0,
) -> Path:
    """Train, or go on with the run that stopped in `out`, and return the folder of the best checkpoint.

    `out` gets `best` and `last` (checkpoints), `resume.ckpt` (until the run is finished) and
    `tensorboard`. A run that was stopped and called again with the same arguments ends with the same
    weights as an unbroken one, bit for bit on one CPU thread. PyTorch's global random state is used.

    Args:
        run: what is trained and how.
        data: prepared data sets, as `TrainingSet.parse` reads them; their `train` and `val` splits are used.
        out: folder of the run.
        machines: where to compute.
        max_hours: stop after that time, to be resumed.
        save_every_minutes: between two states to resume from inside an epoch.

    Raises:
        InputError: a data set is missing or lacks a split, or `out` holds a run with other settings.
        OutputError: `out` cannot be written.
        CheckpointError: what is to be resumed is damaged.
        KeyboardInterrupt: Ctrl-C or SIGTERM, after the state is saved.
    """
    out, sets = Path(out), [TrainingSet.parse(words) for words in data]
    _check_splits(sets)
    launch = Launched.of(os.environ)
    machines = launch.machines(machines)
    accelerator = _accelerator(machines, run.optimiser.precision)
    _make_folder(out)
    with _no_empty_folder(out):
        stopped = _stopped(out, run, machines.processes)
        workers = _workers(machines, sets, accelerator)
        talking = TalkingData(sets, run, workers=workers, share=launch.share(machines))
        if stopped is not None and _is_finished(out, stopped, talking):
            return out / BEST
        stop = StopRequest(max_hours)
        with _quiet_lightning(), stop.listening():
            trainer = Trainer(
                **_SILENT,
                accelerator=accelerator,
                devices=machines.devices,
                num_nodes=machines.num_nodes,
                plugins=launch.plugins() or None,
                precision=run.optimiser.precision,
                max_epochs=talking.epochs(machines.processes),
                logger=TensorBoardLogger(out, name=LOGS, version=""),
                callbacks=_callbacks(out, stop, save_every_minutes),
                default_root_dir=out,
            )
            _fit(trainer, TrainingModule(run, compiled=machines.compile), talking, stop)
    return out / BEST


def _fit(trainer: Trainer, module: TrainingModule, data: TalkingData, stop: StopRequest) -> None:
    out = Path(trainer.default_root_dir)
    state = out / RESUME
    try:
        trainer.fit(module, datamodule=data, ckpt_path=str(state) if state.exists() else None)
    except (Stopped, Aborted) as error:
        saved = "is kept" if (out / RESUME).exists() else "was not saved yet"
        log.warning("%s: stopped, the state %s: run the same command again to go on", out, saved)
        if stop.interrupted:
            raise KeyboardInterrupt from error
    except KfusionError as error:
        raise _as_it_was(error) from error
    else:
        if trainer.is_global_zero:
            _finish(out, module)


def _as_it_was(error: KfusionError) -> KfusionError:
    """An error without the traceback that PyTorch puts before it when a process that loads clips raised it."""
    message = str(error)
    if not message.startswith("Caught "):
        return error
    return type(error)(message.strip().splitlines()[-1].partition(": ")[2])


@contextmanager
def _no_empty_folder(out: Path) -> Iterator[None]:
    """A run that cannot begin leaves nothing behind."""
    try:
        yield
    except KfusionError:
        with suppress(OSError):
            out.rmdir()  # it goes only if nothing stands in it yet
        raise


def _callbacks(out: Path, stop: StopRequest, save_every_minutes: float) -> list[Callback]:
    return [EndOfBudget(), KeepCheckpoints(out), KeepResumeState(out, stop, 60 * save_every_minutes), ProgressBar()]


def _finish(out: Path, module: TrainingModule) -> None:
    save_checkpoint(out / LAST, module.network, replace(read_info(out / LAST), finished=True))
    (out / RESUME).unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class _StoppedRun:
    """What stands in the folder of a run."""

    finished: bool
    training_data: list[dict[str, Any]]


def _stopped(out: Path, run: RunConfig, processes: int) -> _StoppedRun | None:
    """The run to go on with, after a check that its settings are these; None where none has saved a state yet."""
    last = read_info(out / LAST) if (out / LAST / CONFIG).exists() else None
    if last is not None and last.finished:
        _check_same(out, last.run, run)
        return _StoppedRun(finished=True, training_data=list(last.training_data))
    if not (out / RESUME).exists():
        if last is not None and last.epochs > 1:  # the state is saved right after the first `last`
            raise CheckpointError(f"{out / RESUME}: missing, this run cannot go on: pass another folder with -o")
        return None
    theirs, state = _read_state(out)
    _check_same(out, theirs, run)
    if state["processes"] != processes:
        counts = f"{state['processes']} processes, not {processes}"
        raise InputError(f"{out}: this run was started with {counts} (devices times nodes): {_REMEDY}")
    return _StoppedRun(finished=False, training_data=state["training_data"])


def _is_finished(out: Path, stopped: _StoppedRun, data: TalkingData) -> bool:
    """Whether there is nothing to do, after a check that the data are those of the run."""
    if stopped.training_data != data.described():
        raise InputError(f"{out}: this run was started with other data: {_REMEDY}")
    if stopped.finished:
        log.warning("%s: this run is finished already, nothing is done: train to another folder with -o", out)
    return stopped.finished


def _read_state(out: Path) -> tuple[RunConfig, dict[str, Any]]:
    path = out / RESUME
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)["kfusion"]
        return run_from_dict(state["run"]), state
    except (OSError, RuntimeError, EOFError, LookupError, TypeError, pickle.UnpicklingError, InputError) as error:
        reason = " ".join(str(error).split())[:200]
        raise CheckpointError(
            f"{path}: damaged or of another version ({reason}): delete {out} to begin again"
        ) from error


def _check_same(out: Path, theirs: RunConfig, ours: RunConfig) -> None:
    """Raises `InputError` that names the first setting in which two runs differ."""
    before, now = ({"model.network": "kfusion"} | flatten(run) for run in (theirs, ours))
    for name, value in now.items():
        if before[name] != value:
            raise InputError(f"{out}: this run was started with {name} {before[name]}, not {value}: {_REMEDY}")


def _check_splits(sets: Sequence[TrainingSet]) -> None:
    for split in (TRAIN, VAL):
        if not any(part.shards(split) for part in sets):
            roots = ", ".join(map(str, sets))
            raise InputError(
                f"{roots}: no clips in the split '{split}', training needs {TRAIN} and {VAL}: "
                "add a data set that has it with another --data, or prepare this one with more clips"
            )


def _accelerator(machines: Machines, precision: str) -> str:
    found = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if machines.accelerator == "cpu" or (machines.accelerator == "auto" and not found):
        return "cpu"
    if machines.devices > found:
        raise InputError(
            f"{machines.devices} CUDA devices asked for, {found} found: pass fewer --devices or --accelerator cpu"
        )
    if precision == "bf16-mixed" and not torch.cuda.is_bf16_supported(including_emulation=False):
        name = torch.cuda.get_device_name()
        raise InputError(f"precision bf16-mixed: {name} has no bf16: pass --optimiser.precision 32-true")
    return "cuda"


def _workers(machines: Machines, sets: Sequence[TrainingSet], accelerator: str) -> int:
    """How many processes load clips for each training process."""
    if machines.workers is not None:
        return machines.workers
    if accelerator == "cpu" and not any(part.folder.remote for part in sets):
        return 0
    return min(_MOST_WORKERS, max(1, (os.cpu_count() or 1) // machines.devices - 1))


def _make_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe = out / ".write-test"
        probe.touch()
        probe.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{out}: cannot write ({error.strerror or error}): choose another place with -o") from error
    if is_first_process():
        for name in (BEST, LAST):
            recover_folder(out / name)


def is_first_process() -> bool:
    """Whether this is the only process of the run, or the one that writes its files."""
    return int(getattr(rank_zero_only, "rank", 0)) == 0


@contextmanager
def _quiet_lightning() -> Iterator[None]:
    """Without Lightning's tips, and its warnings about what is meant to be so."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        for message in _CHATTER:
            warnings.filterwarnings("ignore", message=f".*{re.escape(message)}")
        for logger in loggers:
            logger.setLevel(logging.WARNING)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)

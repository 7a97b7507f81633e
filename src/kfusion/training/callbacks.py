"""What happens around the steps: checkpoints, the state to resume from, early stop, progress."""

import logging
import math
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from tqdm import tqdm

from kfusion.errors import InputError, OutputError
from kfusion.training.checkpoint import CheckpointInfo, save_checkpoint
from kfusion.training.datamodule import TalkingData
from kfusion.training.module import HOLD_MLD, LOSS, MLD, OPENING, SCORES, TrainingModule

log = logging.getLogger(__name__)

BEST, LAST, RESUME = "best", "last", "resume.ckpt"
_CHECK_EVERY = 10
"""With several processes: so many steps between two agreements on whether to save or stop."""


class Stopped(Exception):  # noqa: N818 - not an error: it carries the run out of Lightning's loops
    """The run stopped early with its state saved."""


class Aborted(BaseException):
    """A second Ctrl-C: stop at once, with the state as it was last saved."""


class StopRequest:
    """Whether the run is to stop after the current step: Ctrl-C, SIGTERM, or the time is up."""

    def __init__(self, max_hours: float | None) -> None:
        self.interrupted = False
        self._deadline = math.inf if max_hours is None else time.monotonic() + 3600 * max_hours

    def due(self) -> bool:
        """Whether to stop."""
        return self.interrupted or time.monotonic() > self._deadline

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Takes the first signal as a request, and a second one as an order."""
        before = self.listen()
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def listen(self) -> dict[int, Any]:
        """Take both signals, and return what took them before; nothing where this is not the main thread."""
        if threading.current_thread() is not threading.main_thread():
            return {}
        return {number: signal.signal(number, self._request) for number in (signal.SIGINT, signal.SIGTERM)}

    def _request(self, number: int, frame: FrameType | None) -> None:
        if self.interrupted and number == signal.SIGINT:
            raise Aborted
        self.interrupted = True
        log.info("stopping after this step (Ctrl-C again to stop at once)")


class EndOfBudget(Callback):
    """Ends the run after `max_steps`, inside an epoch if need be: the clips are validated, and the epoch ends there.

    Stands first, so that the others know that the epoch is over.
    """

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """A run that had taken all its steps when its state was saved is not to go on."""
        self._stop_when_spent(trainer, pl_module)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """One step less."""
        self._stop_when_spent(trainer, pl_module)

    def _stop_when_spent(self, trainer: Trainer, module: LightningModule) -> None:
        assert isinstance(module, TrainingModule)
        steps = module.run.optimiser.max_steps
        if steps is not None and trainer.global_step >= steps:
            trainer.should_stop = True


class KeepCheckpoints(Callback):
    """Writes OUT/last after every epoch and OUT/best after the best ones, and stops when there is no progress."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.best: float | None = None
        self.best_epoch = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """A run whose patience was at its end when its state was saved is not to go on."""
        self._stop_without_progress(trainer, pl_module, trainer.current_epoch)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Judge and keep the weights.

        Raises:
            InputError: the run diverged.
        """
        epochs = trainer.current_epoch + 1
        scores = {name: float(trainer.callback_metrics[name]) for name in SCORES}
        if not math.isfinite(scores[MLD]):
            raise InputError(f"the loss is not a number any more in epoch {epochs}: lower --optimiser.learning-rate")
        assert isinstance(pl_module, TrainingModule)
        info = checkpoint_info(trainer, pl_module, scores, epochs)
        if self.best is None or scores[MLD] < self.best:
            self.best, self.best_epoch = scores[MLD], epochs
            self._save(BEST, trainer, pl_module, info)
        self._save(LAST, trainer, pl_module, info)
        self._stop_without_progress(trainer, pl_module, epochs)

    def state_dict(self) -> dict[str, Any]:
        """Part of the state to resume from."""
        return {"best": self.best, "best_epoch": self.best_epoch}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from there."""
        self.best, self.best_epoch = state_dict["best"], state_dict["best_epoch"]

    def _save(self, name: str, trainer: Trainer, module: TrainingModule, info: CheckpointInfo) -> None:
        if trainer.is_global_zero:
            save_checkpoint(self.out / name, module.network, info)

    def _stop_without_progress(self, trainer: Trainer, module: LightningModule, epochs: int) -> None:
        assert isinstance(module, TrainingModule)
        patience = module.run.optimiser.patience
        if patience is not None and self.best is not None and epochs - self.best_epoch >= patience:
            trainer.should_stop = True


class KeepResumeState(Callback):
    """Writes OUT/resume.ckpt after every epoch and every few minutes, and stops the run when that is asked for.

    Stands after `KeepCheckpoints`, so that a state never knows of a best epoch that is not on disk.
    """

    def __init__(self, out: Path, stop: StopRequest, every_s: float) -> None:
        self.path, self.stop, self.every_s = out / RESUME, stop, every_s
        self.saved_at_s = time.monotonic()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """The clock starts; Lightning's own answer to SIGTERM would end a process before all have agreed to stop."""
        self.saved_at_s = time.monotonic()
        self.stop.listen()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Save when it is time to; at the last batch of an epoch wait for the end of the epoch."""
        _data(trainer).position = (trainer.current_epoch, batch_idx + 1)
        last = batch_idx + 1 == trainer.num_training_batches or trainer.should_stop
        if last or (trainer.world_size > 1 and batch_idx % _CHECK_EVERY):
            return
        stop = _agreed(trainer, self.stop.due())
        if stop or _agreed(trainer, time.monotonic() - self.saved_at_s >= self.every_s):
            self._save(trainer)
        if stop:
            raise Stopped

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save."""
        epochs = trainer.current_epoch + 1
        _data(trainer).position = (epochs, 0)
        self._save(trainer)
        finished = epochs == trainer.max_epochs or trainer.should_stop
        if not finished and _agreed(trainer, self.stop.due()):
            raise Stopped

    def _save(self, trainer: Trainer) -> None:
        part = self.path.with_name(f".{self.path.name}.part")
        try:
            trainer.save_checkpoint(part)
            if trainer.is_global_zero:
                part.replace(self.path)
        except OSError as error:
            raise OutputError(f"{self.path}: cannot write ({error.strerror or error}): make room and resume") from error
        self.saved_at_s = time.monotonic()


class ProgressBar(Callback):
    """A bar over the whole run with the loss and the validation M-LD, and a line in the log for every epoch."""

    def __init__(self) -> None:
        self._bar: tqdm[Any] | None = None
        self._mld = ""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Show the bar, on a terminal."""
        if trainer.is_global_zero:
            assert isinstance(pl_module, TrainingModule)
            epochs = int(trainer.num_training_batches) * int(trainer.max_epochs or 0)
            total = pl_module.run.optimiser.max_steps or epochs
            self._bar = tqdm(total=total, initial=trainer.global_step, desc="training", unit="step", disable=None)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """One step on."""
        if self._bar is None or self._bar.disable:
            return
        self._bar.set_description(f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}", refresh=False)
        if batch_idx % _CHECK_EVERY == 0:
            self._bar.set_postfix_str(f"loss {float(outputs['loss']):.2f}{self._mld}", refresh=False)
        self._bar.update()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Say how far the run is."""
        scores = {name: float(value) for name, value in trainer.callback_metrics.items()}
        self._mld = f", M-LD {scores[MLD]:.2f} %"
        if trainer.is_global_zero:
            log.info(
                "epoch %d/%d: loss %.2f, validation M-LD %.2f %% of the inter-ocular distance "
                "(identity held still: %.2f %%), mouth-opening correlation %.3f",
                *(trainer.current_epoch + 1, trainer.max_epochs, scores.get(LOSS, math.nan)),
                *(scores[MLD], scores[HOLD_MLD], scores[OPENING]),
            )

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()


def checkpoint_info(trainer: Trainer, module: TrainingModule, scores: dict[str, float], epochs: int) -> CheckpointInfo:
    """What a checkpoint of this run says of itself; a correlation that is not defined is left out."""
    data = _data(trainer)
    return CheckpointInfo(
        run=module.run,
        emotions=data.emotions(),
        training_data=tuple(data.described()),
        scores={name: score for name, score in scores.items() if math.isfinite(score)},
        epochs=epochs,
    )


def _data(trainer: Trainer) -> TalkingData:
    data: TalkingData = trainer.datamodule  # type: ignore[attr-defined]
    return data


def _agreed(trainer: Trainer, decision: bool) -> bool:
    """Whether any process says so."""
    return bool(trainer.strategy.reduce_boolean_decision(decision, all=False))

import itertools
import logging
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from factories.processes import ended, forked, kill_self, together
from factories.training import DIM, ToyBaseline, tiny_run, write_clips, write_data_set
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import Tensor

from kfusion.config import override
from kfusion.errors import CheckpointError, InputError, KfusionError, OutputError
from kfusion.models.baselines import BASELINES, BaselineConfig
from kfusion.training import loop
from kfusion.training.callbacks import StopRequest
from kfusion.training.checkpoint import load_model, read_info
from kfusion.training.loop import train
from kfusion.training.module import HOLD_MLD, LOSS, MLD, TrainingModule
from kfusion.training.run_config import Machines, RunConfig

RUN = tiny_run(optimiser__epochs=3)
ON_CPU = Machines(accelerator="cpu")


def run_in(out: Path, data: Path, run: RunConfig = RUN, **options: Any) -> Path:
    return train(run, [data], out, machines=ON_CPU, **options)


def last_weights(out: Path) -> dict[str, Tensor]:
    return load_file(out / "last" / "model.safetensors")


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.fixture(scope="session")
def unbroken(tmp_path_factory: pytest.TempPathFactory, data_set: Path) -> Path:
    out = tmp_path_factory.mktemp("unbroken")
    run_in(out, data_set)
    return out


def stop_at(monkeypatch: pytest.MonkeyPatch, question: int) -> None:
    """Answers that question after so many steps and epochs with yes (three of them an epoch)."""
    asked = itertools.count(1)
    monkeypatch.setattr(StopRequest, "due", lambda self: next(asked) == question)


def before_step(monkeypatch: pytest.MonkeyPatch, number: int, act: Callable[[], object]) -> None:
    calls = itertools.count(1)
    original = TrainingModule.training_step

    def step(self: TrainingModule, batch: Any, batch_idx: int) -> Tensor:
        if next(calls) == number:
            act()
        return original(self, batch, batch_idx)

    monkeypatch.setattr(TrainingModule, "training_step", step)


def test_a_run_leaves_the_best_and_the_last_checkpoint_and_logs(unbroken: Path) -> None:
    best, last = read_info(unbroken / "best"), read_info(unbroken / "last")
    assert best.scores[MLD] <= last.scores[MLD]
    assert best.scores[HOLD_MLD] == last.scores[HOLD_MLD]
    assert (last.epochs, last.finished) == (3, True)
    assert last.emotions == ("happy",)
    assert load_model(unbroken / "last").config == RUN.model
    assert list((unbroken / "tensorboard").glob("events*"))
    assert not (unbroken / "resume.ckpt").exists()


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(
    unbroken: Path, data_set: Path, tmp_path: Path
) -> None:
    run_in(tmp_path / "again", data_set)
    run_in(tmp_path / "other", data_set, override(RUN, {"optimiser.seed": 1}))
    assert same(last_weights(unbroken), last_weights(tmp_path / "again"))
    assert not same(last_weights(unbroken), last_weights(tmp_path / "other"))


@pytest.mark.parametrize("question", [1, 2, 3, 5, 6, 7])
def test_a_run_that_was_stopped_and_resumed_equals_an_unbroken_one(
    question: int, unbroken: Path, data_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_at(monkeypatch, question)
    run_in(tmp_path, data_set)
    assert (tmp_path / "resume.ckpt").exists()
    monkeypatch.undo()
    monkeypatch.setattr("kfusion.training.features.load_speech_encoder", lambda name: pytest.fail("computed again"))
    run_in(tmp_path, data_set)
    assert same(last_weights(unbroken), last_weights(tmp_path))
    assert read_info(tmp_path / "best") == read_info(unbroken / "best")


def test_a_run_may_be_stopped_again_and_again(
    unbroken: Path, data_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stops = 0
    while not (tmp_path / "last").exists() or not read_info(tmp_path / "last").finished:
        with monkeypatch.context() as patch:
            stop_at(patch, 1)
            run_in(tmp_path, data_set)
        stops += 1
    assert stops > 5
    assert same(last_weights(unbroken), last_weights(tmp_path))


def test_a_crash_goes_on_from_the_state_saved_inside_the_epoch(
    unbroken: Path, data_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        before_step(patch, 6, lambda: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run_in(tmp_path, data_set, save_every_minutes=0)
    with monkeypatch.context() as patch:
        done = list[int]()
        before_step(patch, 4, lambda: done.append(4))
        run_in(tmp_path, data_set)
        assert done, "of nine steps five were done before the crash, four after"
    assert same(last_weights(unbroken), last_weights(tmp_path))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_a_state_to_resume_from(
    number: signal.Signals, unbroken: Path, data_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler = signal.getsignal(number)
    with monkeypatch.context() as patch:
        before_step(patch, 5, lambda: signal.raise_signal(number))
        with pytest.raises(KeyboardInterrupt):
            run_in(tmp_path, data_set)
    assert signal.getsignal(number) is handler
    run_in(tmp_path, data_set)
    assert same(last_weights(unbroken), last_weights(tmp_path))


def test_a_second_interrupt_stops_at_once(
    unbroken: Path, data_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        before_step(patch, 5, lambda: [signal.raise_signal(signal.SIGINT) for _ in range(2)])
        with pytest.raises(KeyboardInterrupt):
            run_in(tmp_path, data_set)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    run_in(tmp_path, data_set)
    assert same(last_weights(unbroken), last_weights(tmp_path))


def test_the_time_limit_stops_the_run_after_a_step(data_set: Path, tmp_path: Path) -> None:
    best = run_in(tmp_path, data_set, max_hours=0)
    assert (tmp_path / "resume.ckpt").exists()
    assert not best.exists()


def test_another_setting_is_refused_by_name(data_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stop_at(monkeypatch, 2)
    run_in(tmp_path, data_set)
    with pytest.raises(InputError, match=r"started with loss\.velocity 4\.0, not 3\.0"):
        run_in(tmp_path, data_set, override(RUN, {"loss.velocity": 3.0}))
    with pytest.raises(InputError, match="started with 1 processes, not 2"):
        train(RUN, [data_set], tmp_path, machines=Machines(accelerator="cpu", devices=2))


def test_other_data_are_refused(data_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stop_at(monkeypatch, 2)
    run_in(tmp_path / "run", data_set)
    other = write_data_set(tmp_path / "other")
    write_clips(other, "train", "ab")
    with pytest.raises(InputError, match="started with other data"):
        run_in(tmp_path / "run", other)


def test_a_finished_run_says_so_and_does_nothing(
    unbroken: Path, data_set: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "Trainer", lambda **settings: pytest.fail("trained again"))
    with caplog.at_level(logging.WARNING, "kfusion"):
        assert run_in(unbroken, data_set) == unbroken / "best"
    assert "finished already" in caplog.text
    with pytest.raises(InputError, match=r"started with optimiser\.epochs 3, not 4"):
        run_in(unbroken, data_set, override(RUN, {"optimiser.epochs": 4}))


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04 cut"])
def test_a_damaged_state_is_one_clear_error(content: bytes, data_set: Path, tmp_path: Path) -> None:
    (tmp_path / "resume.ckpt").write_bytes(content)
    with pytest.raises(CheckpointError, match="damaged or of another version") as caught:
        run_in(tmp_path, data_set)
    assert "\n" not in str(caught.value)


def scores_of(monkeypatch: pytest.MonkeyPatch, values: list[float]) -> None:
    """Makes the validation M-LD of the epochs what the test wants."""
    original = TrainingModule.on_validation_epoch_end

    def end(self: TrainingModule) -> None:
        self.clip_scores[:] = [
            scores.index_fill(1, torch.tensor([0]), values[self.current_epoch]) for scores in self.clip_scores
        ]
        original(self)

    monkeypatch.setattr(TrainingModule, "on_validation_epoch_end", end)


def test_a_run_stops_when_there_is_no_progress(data_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scores_of(monkeypatch, [5.0, 3.0, 4.0, 3.5, 1.0])
    run_in(tmp_path, data_set, override(RUN, {"optimiser.patience": 2, "optimiser.epochs": 5}))
    assert read_info(tmp_path / "best").epochs == 2
    assert (read_info(tmp_path / "last").epochs, read_info(tmp_path / "last").finished) == (4, True)


def test_a_run_at_the_end_of_its_patience_does_not_go_on_when_resumed(
    data_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = override(RUN, {"optimiser.patience": 1})
    scores_of(monkeypatch, [3.0, 4.0, 1.0])
    with monkeypatch.context() as patch:
        patch.setattr(loop, "_finish", lambda out, module: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run_in(tmp_path, data_set, run)
    run_in(tmp_path, data_set, run)
    assert (read_info(tmp_path / "last").epochs, read_info(tmp_path / "last").finished) == (2, True)


def test_a_run_that_diverges_says_what_to_do(data_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scores_of(monkeypatch, [3.0, float("nan")])
    with pytest.raises(KfusionError, match=r"epoch 2: lower --optimiser\.learning-rate"):
        run_in(tmp_path, data_set)
    assert read_info(tmp_path / "last").epochs == 1


def test_bf16_trains_and_stays_near_full_precision(unbroken: Path, data_set: Path, tmp_path: Path) -> None:
    run_in(tmp_path, data_set, override(RUN, {"optimiser.precision": "bf16-mixed"}))
    ours, theirs = read_info(tmp_path / "last").scores, read_info(unbroken / "last").scores
    assert ours[MLD] == pytest.approx(theirs[MLD], rel=0.1)


def test_clips_may_be_loaded_by_other_processes(unbroken: Path, data_set: Path, tmp_path: Path) -> None:
    train(RUN, [data_set], tmp_path, machines=Machines(accelerator="cpu", workers=1))
    assert same(last_weights(unbroken), last_weights(tmp_path))


@pytest.mark.parametrize("workers", [0, 1])
def test_data_that_are_lost_on_the_way_are_one_clear_line(
    workers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = write_data_set(tmp_path / "data")
    before_step(monkeypatch, 4, lambda: [os.truncate(path, 0) for path in data.rglob("train*.blocks")])
    with pytest.raises(InputError, match=r"^/.*\.blocks: ends early: delete the folder") as lost:
        train(RUN, [data], tmp_path / "run", machines=Machines(accelerator="cpu", workers=workers))
    assert "\n" not in str(lost.value)
    assert (tmp_path / "run" / "resume.ckpt").exists()


def test_missing_data_say_how_to_prepare_them(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="kfusion prepare"):
        run_in(tmp_path / "run", tmp_path / "nothing")


def test_a_missing_split_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no clips in the split 'val'"):
        run_in(tmp_path / "run", write_clips(tmp_path / "data", "train", "ab"))


def test_features_of_another_width_say_which_flag_to_pass(data_set: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"pass --model\.feature-dim 12"):
        run_in(tmp_path, data_set, override(RUN, {"model.feature_dim": 13}))


def test_an_unwritable_place_is_an_output_error(data_set: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="choose another place"):
        run_in(tmp_path / "file" / "run", data_set)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_cuda_without_a_device_is_refused(data_set: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="1 CUDA devices asked for, 0 found"):
        train(RUN, [data_set], tmp_path, machines=Machines(accelerator="cuda"))


def test_bf16_is_refused_where_the_device_has_none(
    data_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, answer in {"is_available": True, "device_count": 1, "is_bf16_supported": False}.items():
        monkeypatch.setattr(torch.cuda, name, lambda answer=answer, **options: answer)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Tesla V100")
    with pytest.raises(InputError, match=r"Tesla V100 has no bf16: pass --optimiser\.precision 32-true"):
        train(override(RUN, {"optimiser.precision": "bf16-mixed"}), [data_set], tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
@pytest.mark.parametrize("precision", ["bf16-mixed", "32-true"])
def test_cuda_trains_and_stays_near_a_cpu(precision: str, unbroken: Path, data_set: Path, tmp_path: Path) -> None:
    train(
        override(RUN, {"optimiser.precision": precision}), [data_set], tmp_path, machines=Machines(accelerator="cuda")
    )
    ours, theirs = read_info(tmp_path / "last").scores, read_info(unbroken / "last").scores
    assert ours[MLD] == pytest.approx(theirs[MLD], rel=0.1)


# --- a budget of steps: three of them are an epoch


def budget(steps: int) -> RunConfig:
    return override(RUN, {"optimiser.max_steps": steps, "optimiser.epochs": 1})


def count_steps(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Epoch and batch of every step that is taken."""
    taken, original = list[tuple[int, int]](), TrainingModule.training_step

    def step(self: TrainingModule, batch: Any, batch_idx: int) -> Tensor:
        taken.append((self.current_epoch, batch_idx))
        return original(self, batch, batch_idx)

    monkeypatch.setattr(TrainingModule, "training_step", step)
    return taken


@pytest.fixture(scope="session")
def seven_steps(tmp_path_factory: pytest.TempPathFactory, data_set: Path) -> Path:
    out = tmp_path_factory.mktemp("seven")
    run_in(out, data_set, budget(7))
    return out


@pytest.mark.parametrize(("steps", "epochs"), [(1, 1), (3, 1), (5, 2), (6, 2)])
def test_a_run_takes_as_many_steps_as_it_may_and_validates_at_the_end(
    steps: int, epochs: int, data_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = count_steps(monkeypatch)
    run_in(tmp_path, data_set, budget(steps))
    assert taken == [divmod(number, 3) for number in range(steps)]
    last = read_info(tmp_path / "last")
    assert (last.epochs, last.finished) == (epochs, True)
    assert last.scores[MLD] > 0
    assert not (tmp_path / "resume.ckpt").exists()


def test_whole_epochs_are_the_same_by_epochs_and_by_steps(unbroken: Path, data_set: Path, tmp_path: Path) -> None:
    run_in(tmp_path, data_set, budget(9))
    assert same(last_weights(unbroken), last_weights(tmp_path))


def test_the_last_weights_are_those_that_were_scored(
    seven_steps: Path, data_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores_of(monkeypatch, [5.0, 4.0, 3.0])
    run_in(tmp_path, data_set, budget(7))
    assert read_info(tmp_path / "best").epochs == 3
    assert same(load_file(tmp_path / "best" / "model.safetensors"), last_weights(seven_steps))


@pytest.mark.parametrize("question", range(1, 7))
def test_a_run_with_a_budget_that_was_stopped_equals_an_unbroken_one(
    question: int, seven_steps: Path, data_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        stop_at(patch, question)
        run_in(tmp_path, data_set, budget(7))
    assert (tmp_path / "resume.ckpt").exists()
    run_in(tmp_path, data_set, budget(7))
    assert same(last_weights(seven_steps), last_weights(tmp_path))
    assert read_info(tmp_path / "best") == read_info(seven_steps / "best")
    assert read_info(tmp_path / "last").finished


def test_a_spent_budget_does_not_go_on_when_resumed(
    seven_steps: Path, data_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(loop, "_finish", lambda out, module: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run_in(tmp_path, data_set, budget(7))
    taken = count_steps(monkeypatch)
    run_in(tmp_path, data_set, budget(7))
    assert taken == []
    assert read_info(tmp_path / "last") == read_info(seven_steps / "last")
    assert same(last_weights(seven_steps), last_weights(tmp_path))


# --- killed, and in several processes


def killed(act: Callable[[], object]) -> None:
    """Does something in a process that is killed while it does."""
    assert ended(forked(act)) == -signal.SIGKILL


@pytest.mark.parametrize("step", [2, 6, 9])
def test_a_run_that_was_killed_at_any_step_equals_an_unbroken_one(
    step: int, unbroken: Path, data_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        before_step(patch, step, kill_self)
        killed(lambda: run_in(tmp_path, data_set, save_every_minutes=0))
    taken = count_steps(monkeypatch)
    run_in(tmp_path, data_set)
    assert len(taken) == 9 - (step - 1), "what was done is not done again"
    assert same(last_weights(unbroken), last_weights(tmp_path))
    assert read_info(tmp_path / "best") == read_info(unbroken / "best")


@pytest.mark.parametrize("write", [1, 9, 10, 11])
def test_a_run_that_was_killed_while_it_wrote_equals_an_unbroken_one(
    write: int, unbroken: Path, data_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of what is written: a state a step, and at the end of an epoch `best`, `last` and a state."""
    with monkeypatch.context() as patch:
        count, moves = itertools.count(1), {name: getattr(Path, name) for name in ("rename", "replace")}

        def move(name: str, path: Path, target: Path) -> Path:
            if path.is_relative_to(tmp_path) and next(count) == write:
                kill_self()
            moved: Path = moves[name](path, target)
            return moved

        for name in moves:
            patch.setattr(Path, name, partialmethod_of(move, name))
        killed(lambda: run_in(tmp_path, data_set, save_every_minutes=0))
    run_in(tmp_path, data_set)
    assert same(last_weights(unbroken), last_weights(tmp_path))
    assert read_info(tmp_path / "best") == read_info(unbroken / "best")


def partialmethod_of(move: Callable[..., Path], name: str) -> Callable[..., Path]:
    return lambda path, target: move(name, path, target)


CALM = override(RUN, {"model.dropout": 0.0, "optimiser.batch_size": 4})
"""Dropout is drawn by each process, so two cannot draw that of one."""


def losses(out: Path) -> list[float]:
    events = EventAccumulator(str(out / "tensorboard"))
    events.Reload()
    return [event.value for event in events.Scalars(LOSS)]


def test_two_processes_give_the_loss_curve_of_one_at_an_equal_global_batch(data_set: Path, tmp_path: Path) -> None:
    """Five clips of different lengths, in batches of 4: shares that are not equal, and one that is made up."""
    run_in(tmp_path / "one", data_set, CALM)
    half = override(CALM, {"optimiser.batch_size": 2})
    assert together(lambda: run_in(tmp_path / "two", data_set, half), 2) == [0, 0]
    assert losses(tmp_path / "two") == pytest.approx(losses(tmp_path / "one"), rel=1e-4)
    one, two = (read_info(tmp_path / name / "last") for name in ("one", "two"))
    assert two.scores == pytest.approx(one.scores, rel=1e-3)
    ours, theirs = last_weights(tmp_path / "one"), last_weights(tmp_path / "two")
    assert all(torch.allclose(ours[name], theirs[name], atol=2e-4) for name in ours)


def test_two_processes_that_were_told_to_stop_go_on(data_set: Path, tmp_path: Path) -> None:
    half = override(RUN, {"optimiser.epochs": 2, "data.clip_s": 0.05})
    assert together(lambda: run_in(tmp_path / "unbroken", data_set, half), 2) == [0, 0]

    def stopped() -> None:
        with pytest.MonkeyPatch.context() as patch:
            before_step(patch, 4, lambda: signal.raise_signal(signal.SIGTERM))
            run_in(tmp_path / "stopped", data_set, half)

    assert together(stopped, 2) == [130, 130]
    assert (tmp_path / "stopped" / "resume.ckpt").exists()
    assert together(lambda: run_in(tmp_path / "stopped", data_set, half), 2) == [0, 0]
    assert same(last_weights(tmp_path / "unbroken"), last_weights(tmp_path / "stopped"))


# --- other networks


@pytest.mark.parametrize("change", [{"model.global_domain": False}, {"model.lstm": False}, {"model.head": "mlp"}])
def test_an_ablation_trains_and_comes_back(change: dict[str, Any], data_set: Path, tmp_path: Path) -> None:
    run = override(RUN, {**change, "optimiser.max_steps": 2})
    assert load_model(run_in(tmp_path, data_set, run)).config == run.model


@pytest.fixture
def toy_run(monkeypatch: pytest.MonkeyPatch) -> RunConfig:
    """A run of `ToyBaseline`, which is known to the registry meanwhile."""
    monkeypatch.setitem(BASELINES, "toy", ToyBaseline)
    return replace(budget(5), model=BaselineConfig(network="toy", speech_encoder="tiny", feature_dim=DIM))


def test_a_baseline_is_fitted_trained_with_its_own_loss_and_comes_back(
    toy_run: RunConfig, data_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kfusion.training.module.loss", lambda *arguments: pytest.fail("our loss"))
    network = load_model(run_in(tmp_path, data_set, toy_run))
    assert isinstance(network, ToyBaseline)
    assert network.pairs == 2000
    assert network.pieces_s > 10
    assert network.gain.item() != 1
    assert network.get_buffer("mean_motion").abs().max() > 0
    assert read_info(tmp_path / "best").run == toy_run


def test_a_baseline_may_be_trained_with_our_loss(
    toy_run: RunConfig, data_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ToyBaseline, "own_loss", False)
    monkeypatch.setattr(ToyBaseline, "loss", lambda *arguments: pytest.fail("its own loss"))
    run_in(tmp_path, data_set, toy_run)
    assert read_info(tmp_path / "last").finished


@pytest.mark.parametrize("question", [1, 3, 4])
def test_a_baseline_that_was_stopped_equals_an_unbroken_one(
    question: int, toy_run: RunConfig, data_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_in(tmp_path / "unbroken", data_set, toy_run)
    with monkeypatch.context() as patch:
        stop_at(patch, question)
        run_in(tmp_path / "stopped", data_set, toy_run)
    run_in(tmp_path / "stopped", data_set, toy_run)
    assert same(last_weights(tmp_path / "unbroken"), last_weights(tmp_path / "stopped"))


def test_another_network_is_refused_by_name(
    toy_run: RunConfig, data_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        stop_at(patch, 2)
        run_in(tmp_path, data_set)
    with pytest.raises(InputError, match=r"started with model\.network kfusion, not toy"):
        run_in(tmp_path, data_set, toy_run)

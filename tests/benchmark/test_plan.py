from dataclasses import asdict, replace
from pathlib import Path

import pytest
from factories.benchmark import setup_in, tiny_kfusion

from kfusion.benchmark.plan import budgeted, plan, same_config
from kfusion.benchmark.systems import find_systems
from kfusion.errors import InputError
from kfusion.models.kfusion_config import KFusionConfig
from kfusion.presets import load_preset


def test_the_first_seed_of_every_row_comes_before_the_second_of_any(tmp_path: Path) -> None:
    jobs = plan(setup_in(tmp_path, tmp_path), find_systems(("kfusion", "without-lstm", "temporal-conv", "hold")), None)
    assert [job.name for job in jobs] == [
        "kfusion-seed0",
        "without-lstm-seed0",
        "temporal-conv-seed0",
        "hold-seed0",
        "kfusion-seed1",
        "temporal-conv-seed1",
        "kfusion-seed2",
        "temporal-conv-seed2",
    ]


def test_seeds_that_are_asked_for_take_the_place_of_the_usual_ones(tmp_path: Path) -> None:
    jobs = plan(setup_in(tmp_path, tmp_path), find_systems(("without-lstm", "hold")), (3, 4))
    assert [job.name for job in jobs] == ["without-lstm-seed3", "hold-seed0", "without-lstm-seed4"]


def test_all_rows_get_the_same_budget_and_keep_the_rest() -> None:
    run = budgeted(load_preset("default"), 500, 2)
    optimiser = run.optimiser
    assert (optimiser.max_steps, optimiser.batch_size, optimiser.seed, run.data.clip_s) == (500, 16, 2, 1.0)
    assert optimiser.learning_rate == load_preset("default").optimiser.learning_rate


def test_a_stored_configuration_is_the_same_unless_a_value_differs() -> None:
    run = tiny_kfusion()
    stored = asdict(run)
    assert same_config(stored, run)
    stored["model"]["width"] += 2
    assert not same_config(stored, run)
    assert not same_config(None, run)


def test_the_number_of_epochs_of_a_preset_does_not_make_another_run() -> None:
    run = tiny_kfusion()
    longer = replace(run, optimiser=replace(run.optimiser, epochs=run.optimiser.epochs + 40))
    assert same_config(asdict(longer), run)
    assert not same_config(asdict(longer), replace(run, optimiser=replace(run.optimiser, max_steps=7)))


def test_a_field_newer_than_the_stored_configuration_counts_as_its_default() -> None:
    run = tiny_kfusion()
    stored = asdict(run)
    del stored["model"]["lstm"]
    assert same_config(stored, run)
    assert isinstance(run.model, KFusionConfig)
    assert not same_config(stored, replace(run, model=replace(run.model, lstm=False)))


def test_a_budget_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--steps 0: use 1 or more"):
        replace(setup_in(tmp_path, tmp_path), steps=0)


@pytest.mark.parametrize("rates", [(), (0.0, 1.0), (1.0, 1.0), (-1.0,)])
def test_a_search_of_learning_rates_needs_different_rates_above_0(tmp_path: Path, rates: tuple[float, ...]) -> None:
    with pytest.raises(InputError, match="--rates"):
        replace(setup_in(tmp_path, tmp_path), rates=rates)

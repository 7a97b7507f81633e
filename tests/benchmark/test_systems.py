from dataclasses import asdict

import pytest
from factories.training import ToyBaseline

from kfusion.benchmark.systems import find_systems, known_systems
from kfusion.errors import InputError
from kfusion.evaluation.sanity_rows import REFERENCES, ROWS
from kfusion.models.baselines import BASELINES, BaselineConfig
from kfusion.models.networks import build_network
from kfusion.presets import load_preset


def test_every_registered_baseline_is_a_row() -> None:
    assert set(BASELINES) <= set(known_systems())


def test_a_baseline_that_is_registered_is_a_row_without_more_ado(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BASELINES, "toy", ToyBaseline)
    row = known_systems()["toy"]
    assert row.make is not None
    run = row.make()
    assert run.model == BaselineConfig(network="toy")
    assert run.optimiser == load_preset("default").optimiser


def test_the_sanity_rows_are_always_among_the_rows() -> None:
    sanity = {name for name, row in known_systems().items() if row.group == "sanity"}
    assert {"hold", "mean-motion", "shuffled-audio", "shuffled-emotion"} <= sanity


def test_an_unknown_row_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match="unknown row 'kan': use kfusion, without-kfusion, without-lstm"):
        find_systems(("hold", "kan"))


@pytest.mark.parametrize("name", [name for name, row in known_systems().items() if row.make is not None])
def test_every_trained_row_makes_a_run_that_can_be_built(name: str) -> None:
    make = known_systems()[name].make
    assert make is not None
    assert build_network(make().model).training


def test_each_ablation_differs_from_ours_in_its_own_field_alone() -> None:
    ours = load_preset("default")
    fields = {
        "without-kfusion": {"fusion"},
        "without-lstm": {"lstm"},
        "without-global": {"global_domain"},
        "mlp-parameters": {"head", "mlp_width"},
        "mlp-width": {"head"},
        "mse-only": set(),
    }
    for name, expected in fields.items():
        make = known_systems()[name].make
        assert make is not None
        run = make()
        assert {key for key, value in asdict(run.model).items() if value != getattr(ours.model, key)} == expected
        assert (run.loss == ours.loss) == (name != "mse-only")


def test_the_matched_mlp_has_as_many_parameters_as_the_kan() -> None:
    counts = []
    for name in ("kfusion", "mlp-parameters"):
        make = known_systems()[name].make
        assert make is not None
        counts.append(sum(weight.numel() for weight in build_network(make().model).parameters()))
    assert counts[1] == pytest.approx(counts[0], rel=0.001)


def test_every_sanity_row_stands_in_the_table_under_the_title_that_evaluations_give_it() -> None:
    known = known_systems()
    for name in REFERENCES:
        title = ROWS[name].title
        assert known[name].title == (f"KFusion, {title}" if ROWS[name].asks_model else title)
        assert known[name].of == ("kfusion" if ROWS[name].asks_model else None)

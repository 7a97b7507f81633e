import json
from pathlib import Path

import pytest
import scaling
from scaling import PAGE, Cost, page, wall


def test_the_page_is_the_one_that_the_figures_make() -> None:
    assert PAGE.read_text() == page()


def test_an_hour_of_video_costs_its_pictures_and_is_shared_out() -> None:
    corpus = {"size": [640, 480], "frames": 10, "costs_ms": {"once": 10.0}}
    (cost,) = scaling.prepare_costs({"machine": "x", "cores": 2, "corpora": {"a": corpus}})
    # 30 pictures a second for 3,600 s at 10 ms.
    assert cost.core_s == pytest.approx(1080)
    assert wall(cost, 40, 2) == "6 h 0 min"
    assert wall(cost, 40, 64) == "11 min"


def test_what_nobody_measured_is_not_made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scaling, "COSTS", tmp_path)
    monkeypatch.setattr(scaling, "SPEED", tmp_path)
    text = page()
    assert not [
        line for line in text.splitlines() if line.startswith("| ") and any(word in line for word in (" s |", " min"))
    ]
    assert text.count("not measured") > 10


def test_an_epoch_is_not_projected_onto_machines_that_do_not_share_it_out() -> None:
    run = {"measured": {"1": {"3": {"chunked": [{"cpu_s": 0.48}]}}}, "machine": {"cpu": "x", "date": "2026-11-26"}}
    cost = scaling.train_cost(json.loads(json.dumps(run)))
    # A step of 0.48 s for 48 s of speech.
    assert cost.core_s == pytest.approx(36)
    assert [wall(cost, 100, cores) for cores in (2, 64)] == ["60 min", "-"]


def test_a_cost_without_a_figure_has_no_time() -> None:
    assert wall(Cost(what="a", core_s=None, basis="", command="", divides=True), 1, 2) == "not measured"

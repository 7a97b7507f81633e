import math
from dataclasses import replace
from pathlib import Path

import pytest
from factories.benchmark import Ended, InProcess, setup_in, tiny_systems, write_root

from kfusion.benchmark.benchmark_page import write_report
from kfusion.benchmark.plan import BenchmarkSetup, PlannedRun
from kfusion.benchmark.run_record import RunRecord
from kfusion.benchmark.runner import run_protocol
from kfusion.benchmark.systems import System, find_systems
from kfusion.data.store import ClipStore
from kfusion.errors import InputError
from kfusion.evaluation.cases import Selection
from kfusion.evaluation.metrics.catalogue import METRIC_VERSION
from kfusion.evaluation.sanity_rows import ScoredRow
from kfusion.evaluation.scoring import score_rows
from kfusion.training.checkpoint import read_info

pytestmark = pytest.mark.usefixtures("tiny")


def systems(*names: str) -> list[System]:
    return find_systems(names)


def load(setup: BenchmarkSetup, name: str) -> RunRecord:
    return RunRecord.load(setup.results / setup.protocol.name / f"{name}-seed0.json")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[BenchmarkSetup, list[str]]:
    """The whole of a protocol, both trained rows and the sanity rows, with one seed."""
    from kfusion.benchmark import board, plan, speed, systems
    from kfusion.models import speech
    from kfusion.training import features

    folder = tmp_path_factory.mktemp("done")
    with pytest.MonkeyPatch.context() as patch:
        known = tiny_systems()
        from factories.training import TinyEncoder

        for module in (systems, plan, board):
            patch.setattr(module, "known_systems", lambda: known)
        for module in (features, speech, speed):
            patch.setattr(module, "load_speech_encoder", lambda name: TinyEncoder())
        patch.setattr("kfusion.benchmark.speed.SOUND_S", 1)
        setup, launch = setup_in(folder, write_root(folder / "data")), InProcess()
        outcome = run_protocol(setup, find_systems(()), (0,), launch)
    assert not outcome.failed
    return setup, launch.started


def test_the_packaged_weights_are_a_row_that_is_not_ranked(done: tuple[BenchmarkSetup, list[str]]) -> None:
    setup, _ = done
    found, hold = load(setup, "packaged"), load(setup, "hold")
    assert found.training is None
    for name, test in found.tests.items():
        assert test.data_id == hold.tests[name].data_id
        assert test.summaries["frame"]["M-LD"][0] != hold.tests[name].summaries["frame"]["M-LD"][0]
    report = setup.results.parent / "report.md"
    write_report(setup.results, report)
    assert "the packaged weights (other data and budget)" in report.read_text().partition("*not ranked:*")[2]


def test_a_protocol_runs_the_trained_rows_first_and_writes_one_json_a_run(
    done: tuple[BenchmarkSetup, list[str]],
) -> None:
    setup, started = done
    assert started[:2] == ["kfusion-seed0", "temporal-conv-seed0"]
    assert {path.stem for path in (setup.results / "grid").iterdir()} == set(started)
    assert {"hold-seed0", "median-face-seed0", "mean-motion-seed0", "shuffled-audio-seed0"} <= set(started)
    assert "shuffled-emotion-seed0" not in started  # nothing is labelled here


def test_a_result_holds_the_training_its_cost_and_the_scores(done: tuple[BenchmarkSetup, list[str]]) -> None:
    found = load(done[0], "kfusion")
    assert (found.status, found.metric_version, found.steps) == ("ok", METRIC_VERSION, 3)
    assert found.config is not None
    assert found.config["optimiser"]["max_steps"] == 3
    assert found.training is not None
    assert found.speed is not None
    assert found.training.steps == 3
    assert found.training.curve["step"][-1] == 3
    assert all(math.isfinite(value) for value in found.training.curve["loss"])
    assert found.training.clip_seconds == 3 * 16
    assert 0 < found.speed.network < found.speed.with_features
    assert list(found.tests) == ["s1-validation", "unseen-speakers", "lrwar"]
    for test in found.tests.values():
        mean, low, high = test.summaries["frame"]["M-LD"]
        assert 0 < low <= mean <= high
        assert len(test.per_clip["frame"]["M-LD"]) == len(test.clips) == len(test.speakers)
    assert done[0].results.joinpath("grid", "kfusion-seed0.json").stat().st_size < 100_000


def test_sanity_rows_have_scores_and_no_training_of_their_own(done: tuple[BenchmarkSetup, list[str]]) -> None:
    hold, target = load(done[0], "hold"), load(done[0], "target")
    assert hold.training is None
    assert hold.config is None
    test = hold.tests["unseen-speakers"]
    assert math.isnan(test.summaries["frame"]["lag_ms"][0])
    assert target.tests["unseen-speakers"].summaries["raw"]["F-LD"][0] == pytest.approx(0, abs=1e-4)
    shuffled, ours = load(done[0], "shuffled-audio"), load(done[0], "kfusion")
    assert shuffled.training is not None
    assert ours.training is not None
    assert shuffled.training.weights == ours.training.weights
    assert shuffled.tests["lrwar"].summaries != ours.tests["lrwar"].summaries


def test_all_rows_are_scored_on_the_same_data(done: tuple[BenchmarkSetup, list[str]]) -> None:
    setup, started = done
    ids = {load(setup, name.removesuffix("-seed0")).tests["lrwar"].data_id for name in started}
    assert len(ids) == 1


def test_the_report_of_a_run_names_every_row_and_has_its_figures(
    done: tuple[BenchmarkSetup, list[str]], tmp_path: Path
) -> None:
    write_report(done[0].results, tmp_path / "report.md")
    text = (tmp_path / "report.md").read_text()
    for words in ("KFusion (ours)", "temporal convolutions", "hold the identity", "mean motion", "shuffled audio"):
        assert f"| {words}" in text or words in text
    assert {path.name for path in (tmp_path / "report").iterdir()} == {
        "grid-curves.png",
        *(f"grid-{test}-faces.png" for test in ("s1-validation", "unseen-speakers", "lrwar")),
    }


def test_nothing_is_repeated(done: tuple[BenchmarkSetup, list[str]]) -> None:
    launch = InProcess()
    outcome = run_protocol(done[0], find_systems(()), (0,), launch)
    assert launch.started == []
    assert len(outcome.current) == len(done[1])


def test_a_row_can_be_run_alone_and_again(tmp_path: Path, data_root: Path) -> None:
    setup, launch = setup_in(tmp_path, data_root), InProcess()
    run_protocol(setup, systems("hold"), None, launch)
    run_protocol(setup, systems("hold"), None, launch)
    assert launch.started == ["hold-seed0"]
    run_protocol(replace(setup, again=True), systems("hold"), None, launch)
    assert launch.started == ["hold-seed0", "hold-seed0"]


def test_a_row_with_another_budget_is_trained_into_place(
    tmp_path: Path, data_root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    setup, launch = setup_in(tmp_path, data_root), InProcess()
    run_protocol(setup, systems("temporal-conv"), (0,), launch)
    run_protocol(replace(setup, steps=2), systems("temporal-conv"), (0,), launch)
    assert launch.started == ["temporal-conv-seed0"] * 2
    assert load(setup, "temporal-conv").steps == 2
    assert "is run again" in caplog.text
    assert "is trained anew, it was started with other settings or data" in caplog.text


def test_a_new_metric_version_scores_again_without_training(
    tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup, launch = setup_in(tmp_path, data_root), InProcess()
    run_protocol(setup, systems("temporal-conv"), (0,), launch)
    before = load(setup, "temporal-conv")
    monkeypatch.setattr("kfusion.benchmark.plan.METRIC_VERSION", 99)
    monkeypatch.setattr("kfusion.benchmark.worker.train", lambda *_, **__: pytest.fail("trained again"))
    run_protocol(setup, systems("temporal-conv"), (0,), launch)
    after = load(setup, "temporal-conv")
    assert after.metric_version == 99
    assert after.training == before.training


def test_a_crash_is_a_failed_row_and_the_others_go_on(
    tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object, **__: object) -> None:
        raise InputError("the loss is not a number any more in epoch 1")

    monkeypatch.setattr("kfusion.benchmark.worker.train", crash)
    setup, launch = setup_in(tmp_path, data_root), InProcess()
    outcome = run_protocol(setup, systems("temporal-conv", "hold"), (0,), launch)
    assert [job.name for job, _ in outcome.failed] == ["temporal-conv-seed0"]
    assert [job.name for job in outcome.done] == ["hold-seed0"]
    found = load(setup, "temporal-conv")
    assert found.failed
    assert found.reason == "the loss is not a number any more in epoch 1"
    assert found.tests == {}
    run_protocol(setup, systems("temporal-conv"), (0,), launch)
    assert launch.started.count("temporal-conv-seed0") == 2  # what failed is tried again


def test_a_loss_that_is_no_number_is_a_failure(
    tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    curve = {"step": [1.0], "loss": [math.inf], "M-LD": [1.0], "correlation": [0.1]}
    monkeypatch.setattr("kfusion.benchmark.worker.read_curve", lambda folder: curve)
    outcome = run_protocol(setup_in(tmp_path, data_root), systems("temporal-conv"), (0,), InProcess())
    ((_, reason),) = outcome.failed
    assert "the training loss is not a number" in reason


def test_a_killed_process_is_a_failure_with_its_signal(tmp_path: Path, data_root: Path) -> None:
    def killed(run: PlannedRun, hours: float | None) -> Ended:
        return Ended(-9)

    outcome = run_protocol(setup_in(tmp_path, data_root), systems("hold"), None, killed)
    assert [reason for _, reason in outcome.failed] == ["killed by signal 9"]


def test_when_the_time_is_up_what_is_left_stays_for_the_next_time(tmp_path: Path, data_root: Path) -> None:
    setup, launch = setup_in(tmp_path, data_root), InProcess()
    outcome = run_protocol(replace(setup, max_hours=0.0), systems("temporal-conv", "hold"), (0,), launch)
    assert launch.started == []
    assert [job.name for job in outcome.left] == ["temporal-conv-seed0", "hold-seed0"]


def test_a_training_that_is_stopped_goes_on(tmp_path: Path, data_root: Path) -> None:
    setup, launch = setup_in(tmp_path, data_root), InProcess()

    def stopped(run: PlannedRun, hours: float | None) -> Ended:
        return launch(run, 0.0)

    outcome = run_protocol(setup, systems("temporal-conv"), (0,), stopped)
    assert [job.name for job in outcome.left] == ["temporal-conv-seed0"]
    assert not list(tmp_path.glob("results/grid/*"))
    outcome = run_protocol(setup, systems("temporal-conv"), (0,), launch)
    assert [job.name for job in outcome.done] == ["temporal-conv-seed0"]


def test_a_sanity_row_waits_for_its_network(tmp_path: Path, data_root: Path) -> None:
    setup, launch = replace(setup_in(tmp_path, data_root), jobs=2), InProcess()
    running: list[Ended] = []

    class Slow(Ended):
        """Seems to run for three looks."""

        looks = 0

        def poll(self) -> int | None:
            self.looks += 1
            return self.code if self.looks > 2 else None

    def start(run: PlannedRun, hours: float | None) -> Ended:
        assert run.system.name != "shuffled-audio" or all(one.poll() is not None for one in running)
        running.append(Slow(launch(run, hours).code))
        return running[-1]

    outcome = run_protocol(setup, systems("kfusion", "shuffled-audio", "hold"), (0,), start)
    assert not outcome.failed
    assert launch.started == ["kfusion-seed0", "hold-seed0", "shuffled-audio-seed0"]


def test_a_sanity_row_without_its_network_says_which_row_to_run(tmp_path: Path, data_root: Path) -> None:
    outcome = run_protocol(setup_in(tmp_path, data_root), systems("shuffled-audio"), None, InProcess())
    ((_, reason),) = outcome.failed
    assert "asks the network of 'kfusion': run it with --row kfusion" in reason


def test_the_noise_floor_is_read_where_it_was_measured_on_the_same_clips(tmp_path: Path, data_root: Path) -> None:
    setup, launch = setup_in(tmp_path, data_root), InProcess()
    run_protocol(setup, systems("noise-floor", "hold"), None, launch)
    assert launch.started == ["hold-seed0"]  # it was not measured: the row is left out

    floor = ScoredRow(name="noise-floor", draw=lambda case: case.target + 1)
    scored = score_rows([floor], [ClipStore(data_root / "grid")], Selection(split="val"))
    scored.save(setup.results.parent / "noise_floor" / "validation.json")
    outcome = run_protocol(setup, systems("noise-floor", "hold"), None, launch)
    assert [job.name for job in outcome.done] == ["noise-floor-seed0"]
    found = load(setup, "noise-floor")
    assert list(found.tests) == ["s1-validation"]
    assert found.tests["s1-validation"].summaries["raw"]["M-LD"][0] == pytest.approx(2**0.5, rel=1e-4)


def test_a_noise_floor_that_was_not_measured_says_how(tmp_path: Path, data_root: Path) -> None:
    outcome = run_protocol(setup_in(tmp_path, data_root), systems("noise-floor"), None, InProcess())
    ((_, reason),) = outcome.failed
    assert "measure it with benchmarks/noise_floor.py into" in reason


def test_a_folder_that_holds_something_else_is_not_touched(tmp_path: Path, data_root: Path) -> None:
    setup = setup_in(tmp_path, data_root)
    mine = setup.runs / "grid" / "temporal-conv-seed0" / "mine.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    ((_, reason),) = run_protocol(setup, systems("temporal-conv"), (0,), InProcess()).failed
    assert "holds no run of the benchmark" in reason
    assert mine.read_text() == "mine"


def test_the_learning_rate_is_searched_on_the_validation_split_and_written_down(
    tmp_path: Path, data_root: Path
) -> None:
    setup, launch = replace(setup_in(tmp_path, data_root), steps=8, rates=(0.01, 1.0, 3.0)), InProcess()
    run_protocol(setup, systems("temporal-conv"), (0, 1), launch)
    training = load(setup, "temporal-conv").training
    assert training is not None
    assert training.rates is not None
    assert [trial.factor for trial in training.rates] == [0.01, 1.0, 3.0]
    assert {trial.steps for trial in training.rates} == {2}
    best = min(training.rates, key=lambda trial: trial.mld)
    trained = read_info(setup.runs / "grid" / "temporal-conv-seed0" / "last").run.optimiser
    assert trained.learning_rate == pytest.approx(best.learning_rate)
    assert (trained.max_steps, training.steps) == (8, 8)
    assert not run_protocol(setup, systems("temporal-conv"), (0, 1), launch).done
    assert "### Learning rates" in page(setup, tmp_path)
    other = RunRecord.load(setup.results / "grid" / "temporal-conv-seed1.json").training
    assert other is not None
    assert other.rates == training.rates


def test_another_search_of_the_learning_rate_is_another_run(tmp_path: Path, data_root: Path) -> None:
    setup, launch = setup_in(tmp_path, data_root), InProcess()
    run_protocol(setup, systems("temporal-conv"), (0,), launch)
    assert run_protocol(replace(setup, rates=(1.0, 2.0)), systems("temporal-conv"), (0,), launch).done


def page(setup: BenchmarkSetup, folder: Path) -> str:
    write_report(setup.results, folder / "report.md")
    return (folder / "report.md").read_text()

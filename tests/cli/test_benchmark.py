from pathlib import Path

import pytest
from factories.benchmark import record, save, write_root

from kfusion.benchmark.run_record import RunRecord
from kfusion.cli.main import main


@pytest.fixture(scope="module")
def data_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_root(tmp_path_factory.mktemp("data"))


def words(folder: Path, data_root: Path) -> list[str]:
    places = {"--data-root": data_root, "--runs": folder / "runs", "--results": folder / "results"}
    flags = [word for flag, place in places.items() for word in (flag, str(place))]
    return [*flags, "-o", str(folder / "report.md")]


@pytest.mark.slow
def test_rows_run_in_processes_of_their_own_and_a_failure_ends_with_1(
    tmp_path: Path, data_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["benchmark", "grid", "--row", "hold", "--row", "shuffled-audio", "--jobs", "2", "--threads", "1"]
    assert main([*command, *words(tmp_path, data_root)]) == 1
    shown = capsys.readouterr()
    assert shown.out.splitlines() == ["grid: 1 done, 1 failed", str(tmp_path / "report.md")]
    assert "grid shuffled-audio-seed0 failed: " in shown.err
    assert not RunRecord.load(tmp_path / "results/grid/hold-seed0.json").failed
    failed = RunRecord.load(tmp_path / "results/grid/shuffled-audio-seed0.json")
    assert "asks the network of 'kfusion'" in failed.reason
    assert "- `shuffled-audio`, seed 0: " in (tmp_path / "report.md").read_text()


def test_the_report_alone_can_be_written_anew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(tmp_path / "results", record("kfusion"))
    assert main(["benchmark", "report", *words(tmp_path, tmp_path)]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "report.md")
    assert "| KFusion (ours) |" in (tmp_path / "report.md").read_text()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            ["vox"],
            "mead-speakers, ravdess, facegood, emotion, or report",
        ),
        (["grid", "--row", "kan"], "unknown row 'kan': use kfusion, without-kfusion"),
        (["mead-sentences"], "kfusion prepare mead MEAD --protocol sentences -o"),
        (["grid", "--steps", "0"], "--steps 0: use 1 or more"),
        (["grid", "--jobs", "0"], "--jobs 0: use 1 or more"),
        (["grid", "--seeds", "a,b"], "'a,b' is no list of seeds"),
        (["grid", "--rates", "a"], "'a' is no list of numbers"),
        (["grid", "--rates", "1,1"], "use one or more different numbers above 0"),
        (["grid", "--seeds=-1"], "seed -1 is less than 0"),
        (["report"], "no results here"),
        ([], "the following arguments are required: PROTOCOL"),
    ],
)
def test_what_cannot_be_used_is_one_clear_line(
    given: list[str], message: str, tmp_path: Path, data_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["benchmark", *given, *words(tmp_path, data_root)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("kfusion: error: ")
    assert message in line
    assert not (tmp_path / "results").exists()

import json
from pathlib import Path

import pytest
from factories.evaluation import prepared
from factories.inputs import write_bundle
from PIL import Image

from kfusion.cli.main import main
from kfusion.evaluation.score_sheet import Evaluation


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("desk")
    write_bundle(root / "model.onnx")
    prepared(root / "data", {"train": {"a": 2}, "test": {"b": 2, "c": 1}})
    return root


def run(desk: Path, out: Path, *words: str) -> int:
    return main(["evaluate", str(desk / "model.onnx"), "--data", str(desk / "data"), "-o", str(out), *words])


def test_the_table_the_json_and_the_figure_are_written(
    desk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(desk, tmp_path / "out") == 0
    shown = capsys.readouterr()
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "evaluation.json",
        "evaluation.md",
        "figure.png",
    ]
    assert shown.out == (tmp_path / "out" / "evaluation.md").read_text()
    for name in ("**model**", "hold the identity", "mean motion", "shuffled audio", "## raw", "## clip", "## frame"):
        assert name in shown.out
    assert not shown.err  # the progress bar is for terminals
    with Image.open(tmp_path / "out" / "figure.png") as picture:
        assert min(picture.size) > 500


def test_the_json_holds_what_the_readme_quotes(desk: Path, tmp_path: Path) -> None:
    assert run(desk, tmp_path / "out") == 0
    content = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    found = Evaluation.load(tmp_path / "out" / "evaluation.json")
    assert content["metric_version"] == 4
    for alignment in ("raw", "clip", "frame"):
        share = content["improvement_percent"]["hold"][alignment]["M-LD"]["mean"]
        assert share == pytest.approx(found.improvement_percent["hold"][alignment]["M-LD"].mean, rel=1e-6)
    assert content["model_id"] == "tiny-loudness"
    assert content["data_sets"] == ["data"]
    assert len(content["clips"]) == 3


def test_two_runs_give_the_same_numbers(desk: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        assert run(desk, tmp_path / name, "--speakers", "b", "--identity", "frame-0", "--limit", "2") == 0
    one, two = ((tmp_path / name / "evaluation.json").read_text() for name in ("one", "two"))
    assert one == two


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--split", "val"], "the split 'val' is empty"),
        (["--speakers", "zz"], "no speaker 'zz'"),
        (["--limit", "0"], "limit 0"),
        (["--identity", "mine"], "invalid choice: 'mine'"),
        (["--data", "nowhere"], "not a prepared data set"),
    ],
)
def test_what_cannot_be_evaluated_is_refused_in_one_line(
    desk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert run(desk, tmp_path / "out", *words) == 2
    shown = capsys.readouterr()
    assert not shown.out
    assert message in shown.err
    assert len(shown.err.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_an_output_that_is_a_file_is_refused_before_the_work(
    desk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").write_text("mine")
    assert run(desk, tmp_path / "out") == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert (tmp_path / "out").read_text() == "mine"


def test_a_missing_model_is_refused(desk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["evaluate", str(desk / "none.onnx"), "--data", str(desk / "data"), "-o", str(tmp_path / "out")]
    assert main(words) == 2
    assert "no such model" in capsys.readouterr().err

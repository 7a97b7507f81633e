"""What stands in `benchmarks/` and `docs/measured/` is what this version reads, writes and shows, to the last digit."""

import importlib.util
from pathlib import Path

import pytest

from kfusion.benchmark import benchmark_page
from kfusion.benchmark.benchmark_page import write_report
from kfusion.benchmark.run_record import RunRecord
from kfusion.evaluation.evaluation_page import to_markdown
from kfusion.evaluation.score_sheet import Evaluation, ScoreSheet

ROOT = Path(__file__).parents[2]
BENCHMARKS, PAGES = ROOT / "benchmarks", ROOT / "docs" / "measured"
STORED = {
    Evaluation: sorted(BENCHMARKS.glob("evaluation/*/evaluation.json")),
    ScoreSheet: sorted(BENCHMARKS.glob("noise_floor/*.json")),
    RunRecord: sorted(BENCHMARKS.glob("results/*/*.json")),
}
FILES = [(kind, path) for kind, paths in STORED.items() for path in paths]


def test_there_are_files_of_every_kind() -> None:
    assert {kind.__name__: len(paths) for kind, paths in STORED.items()} == {
        "Evaluation": 11,
        "ScoreSheet": 3,
        "RunRecord": 114,
    }


@pytest.mark.parametrize(("kind", "path"), FILES, ids=lambda value: getattr(value, "stem", ""))
def test_a_stored_json_is_written_again_byte_by_byte(
    kind: type[Evaluation] | type[ScoreSheet] | type[RunRecord], path: Path, tmp_path: Path
) -> None:
    kind.load(path).save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("path", STORED[Evaluation], ids=lambda path: path.parent.name)
def test_the_tables_of_an_evaluation_are_those_that_stand_beside_it(path: Path) -> None:
    assert to_markdown(Evaluation.load(path)) == path.with_suffix(".md").read_text()


def test_the_report_is_that_of_the_stored_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    for name in ("draw_curves", "draw_face_grid"):
        monkeypatch.setattr(benchmark_page, name, lambda *_: True)
    (tmp_path / "conclusions.md").write_text((PAGES / "conclusions.md").read_text())
    write_report(Path("benchmarks/results"), tmp_path / "report.md")
    assert (tmp_path / "report.md").read_text() == (PAGES / "report.md").read_text()


def test_the_page_of_the_evaluations_is_that_of_the_stored_ones(capsys: pytest.CaptureFixture[str]) -> None:
    spec = importlib.util.spec_from_file_location("summary", BENCHMARKS / "summary.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    script.main()
    assert capsys.readouterr().out == (PAGES / "evaluation.md").read_text()

from dataclasses import replace

import pytest
from factories.evaluation import Actor, prepared

from kfusion.data.store import ClipStore
from kfusion.evaluation.cases import Selection
from kfusion.evaluation.evaluation_page import to_markdown, told_shifts
from kfusion.evaluation.scoring import evaluate

SELECTION = Selection()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ClipStore:
    """Enough frames for a Frechet distance."""
    root = tmp_path_factory.mktemp("data")
    return prepared(root, {"test": {"b": 3}}, frames=280, emotions=("angry", "happy"))


def test_the_report_has_the_further_scores_in_a_table_of_their_own(store: ClipStore) -> None:
    found = evaluate(Actor(), [store], SELECTION)
    report = to_markdown(found)
    table = report[report.index("## More scores") : report.index("## Clock compensated")].strip().splitlines()
    assert table[2] == "|  | over 8 Hz | LVE (%iod)^2 | FDD %iod | DTW-LD px | Frechet (%iod)^2 |"
    assert [line.split(" | ")[0] for line in table[4:]] == [
        "| **model**",
        "| hold the identity",
        "| speaker's median face",
        "| shuffled audio",
        "| shuffled emotion",
        "| unknown emotion",
        "| target itself",
    ]
    assert table[-1] == "| target itself | 1.00 | 0.0 | 0.00 | 0.00 | 0.0 |"
    assert "LVE" not in report[: report.index("## More scores")]
    assert f"{found.frechet['hold']:.1f}" in table[5]


def test_the_clocks_are_compensated_in_a_table_of_its_own(store: ClipStore) -> None:
    found = evaluate(Actor(), [store], SELECTION)
    report = to_markdown(found)
    table = report[report.index("## Clock compensated") : report.index("## How far")].strip().splitlines()
    assert table[2].startswith("|  | shown later by, ms | M-LD px | M-LVD px | F-LD px | F-LVD px |")
    assert len(table) == 4 + len(found.rows)
    assert "at most 120 ms" in report
    assert "ompensated" not in to_markdown(replace(found, compensated=None, shifts_ms=None))


def test_shifts_are_told_by_their_mean_and_range() -> None:
    assert [told_shifts(found) for found in ([], [-40.0], [-40.0, -40.0], [-40.0, 10.0, 0.0])] == [
        "-",
        "-40",
        "-40",
        "-10 (-40 to 10)",
    ]

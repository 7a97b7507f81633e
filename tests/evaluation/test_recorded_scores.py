"""Made-up clips score as they did when `recorded_scores.json` was written: before the scores were put in order.

Written anew since are the row `loudness`, with metrics version 3 the correlation of rows that stand still (0), and with
version 4 what is told of openings, in the fifth digit: they are counted along the vertical of the face.
"""

import json
from pathlib import Path

import pytest
from factories.evaluation import Actor, prepared

from kfusion.benchmark.protocol_data import OpenTest, digest
from kfusion.benchmark.protocols import TestSet
from kfusion.benchmark.system_scores import score
from kfusion.data.store import ClipStore
from kfusion.evaluation.cases import Selection
from kfusion.evaluation.score_sheet import Evaluation
from kfusion.evaluation.scoring import evaluate

RECORDED = json.loads((Path(__file__).parent / "recorded_scores.json").read_text())
PART = 1e-5
"""How far a number may be off, as a part of it: another processor sums in another order."""
NOTHING = 1e-5


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ClipStore:
    splits = {"train": {"a": 2}, "test": {"b": 3, "c": 2, "lone/d": 1}}
    return prepared(tmp_path_factory.mktemp("data"), splits, frames=180, emotions=("angry", "happy"))


@pytest.fixture(scope="module")
def found(store: ClipStore) -> Evaluation:
    return evaluate(Actor(), [store], Selection())


def table(found: object, path: tuple[str, ...] = ()) -> dict[str, object]:
    """Every number of nested dictionaries and lists by its path, names joined by `/`."""
    items = found.items() if isinstance(found, dict) else enumerate(found) if isinstance(found, list) else None
    if items is None:
        return {"/".join(path): found}
    return {key: one for name, inner in items for key, one in table(inner, (*path, str(name))).items()}


def check(name: str, found: object) -> None:
    numbers, recorded = table(found), table(RECORDED[name])
    assert numbers.keys() == recorded.keys()
    for key, value in recorded.items():
        expected = pytest.approx(value, rel=PART, abs=NOTHING, nan_ok=True) if isinstance(value, float) else value
        assert numbers[key] == expected, key


def test_every_row_scores_as_recorded(found: Evaluation) -> None:
    content = json.loads(found.to_json())
    shown = {
        row: {alignment: {metric: [one["mean"], one["low"], one["high"]] for metric, one in metrics.items()}
              for alignment, metrics in alignments.items()}
        for row, alignments in content["rows"].items()
    }  # fmt: skip
    check("rows", shown)
    check("frechet", content["frechet"])


def test_what_is_compared_and_told_is_as_recorded(found: Evaluation) -> None:
    content = json.loads(found.to_json())
    improvements = content["improvement_percent"]
    for alignments in improvements.values():
        for metrics in alignments.values():
            metrics.update({metric: one["mean"] for metric, one in metrics.items()})
    for name in ("improvement_percent", "silence_ratio", "identities", "interval", "notes", "speakers"):
        check(name, content[name])
    check(
        "clips",
        [
            {key: value for key, value in clip.items() if key not in ("scores", "compensated")}
            for clip in content["clips"]
        ],
    )


def test_a_sanity_row_of_a_benchmark_is_as_recorded(store: ClipStore) -> None:
    opened = OpenTest(test=TestSet(name="made-up", title="made up", data="data"), store=store)
    scored = score("mean-motion", None, opened, [store])
    assert scored is not None
    assert scored.example is not None
    check("per_clip", scored.per_clip)
    check("example", {"times_s": scored.example.times_s, "predicted": scored.example.predicted[:2]})
    assert digest(store.clips) == RECORDED["digest"]

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from factories.evaluation import Listener, prepared

from kfusion.errors import InputError
from kfusion.evaluation.cases import Selection
from kfusion.evaluation.score_sheet import Evaluation, ScoreSheet
from kfusion.evaluation.scoring import evaluate


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    store = prepared(tmp_path_factory.mktemp("data"), {"train": {"a": 1}, "test": {"b": 2, "c": 2}}, frames=40)
    return evaluate(Listener(), [store], Selection())


@pytest.fixture(scope="module")
def hold(found: Evaluation) -> ScoreSheet:
    """One of its rows by itself."""
    clips = [replace(clip, scores={"hold": clip.scores["hold"]}) for clip in found.clips]
    same = ("metric_version", "kfusion_version", "data_id", "split", "identity")
    return ScoreSheet(
        **{name: getattr(found, name) for name in same}, clips=clips, frechet={"hold": found.frechet["hold"]}
    )


def test_the_json_of_a_row_keeps_everything(hold: ScoreSheet, tmp_path: Path) -> None:
    hold.save(tmp_path / "row.json")
    again = ScoreSheet.load(tmp_path / "row.json")
    assert again.to_json() == hold.to_json()
    assert again.clip_speakers == ["grid/b", "grid/b", "grid/c", "grid/c"]
    assert again.identities == {"other-clip": 4}
    assert again.clips[0].emotion_from is None
    assert np.isnan(again.values("hold", "raw", "lag_ms")).all()


def test_a_sheet_of_another_version_is_refused(hold: ScoreSheet, tmp_path: Path) -> None:
    (tmp_path / "row.json").write_text('{"format": 1}')
    with pytest.raises(InputError, match="format 1, this version reads 2"):
        ScoreSheet.load(tmp_path / "row.json")
    (tmp_path / "row.json").write_text(hold.to_json().replace('"frechet"', '"fréchet"'))
    with pytest.raises(InputError, match="no evaluation"):
        ScoreSheet.load(tmp_path / "row.json")


def test_json_round_trip_keeps_everything(found: Evaluation, tmp_path: Path) -> None:
    path = tmp_path / "evaluation.json"
    found.save(path)
    assert "NaN" not in path.read_text()
    again = Evaluation.load(path)
    assert again.to_json() == found.to_json()
    without: dict = {
        "rows": {},
        "improvement_percent": {},
        "silence_ratio": {},
        "clips": [],
        "frechet": {},
        "compensated": {},
    }
    assert replace(again, **without) == replace(found, **without)
    assert math.isnan(again.rows["hold"]["raw"]["lag_ms"].mean)
    assert again.clips[0].audio_from == found.clips[0].audio_from


@pytest.mark.parametrize(
    ("text", "message"),
    [("{}", "format"), ("[]", "no evaluation"), ("x", "no evaluation"), ('{"format": 9}', "format 9")],
)
def test_another_json_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "other.json"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        Evaluation.load(path)

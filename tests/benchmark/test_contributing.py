"""The baseline that CONTRIBUTING adds is added as it stands there."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from factories.benchmark import InProcess, setup_in, tiny_kfusion
from factories.training import DIM
from torch import nn

from kfusion.benchmark import systems
from kfusion.benchmark.run_record import RunRecord
from kfusion.benchmark.runner import run_protocol
from kfusion.landmarks import POINT_COUNT
from kfusion.models.baselines import BASELINES, BaselineConfig
from kfusion.models.baselines.baseline import Baseline
from kfusion.models.layers import steps_to_frames
from kfusion.models.speech.encoder import SAMPLES_PER_STEP, pad_to_steps

TEXT = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text()
NAMES = (Baseline, steps_to_frames, pad_to_steps)


def test_a_baseline_takes_one_class_and_one_registration(
    tiny: None, tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (block,) = re.findall(r"```python\n(class .*?)```", TEXT, flags=re.DOTALL)
    registry = dict(BASELINES)
    known = {"nn": nn, "POINT_COUNT": POINT_COUNT, "SAMPLES_PER_STEP": SAMPLES_PER_STEP, "BASELINES": registry}
    exec(block, known | {one.__name__: one for one in NAMES} | {"__name__": "added"})
    monkeypatch.setitem(BASELINES, "loud-mouth", registry["loud-mouth"])
    model = BaselineConfig(network="loud-mouth", speech_encoder="tiny", feature_dim=DIM)
    (system,) = [
        replace(one, make=lambda: replace(tiny_kfusion(), model=model))
        for one in systems._baselines()
        if one.name == "loud-mouth"
    ]
    setup = setup_in(tmp_path, data_root)
    outcome = run_protocol(setup, [system], None, InProcess())
    assert not outcome.failed
    found = RunRecord.load(setup.results / "grid" / "loud-mouth-seed0.json")
    assert found.training is not None
    assert found.training.parameters == 2 * 2 * POINT_COUNT

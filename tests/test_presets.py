from dataclasses import asdict, replace

import pytest

from kfusion.config import from_dict
from kfusion.errors import InputError
from kfusion.models.baselines import BASELINES, BaselineConfig
from kfusion.models.kfusion_config import KFusionConfig
from kfusion.presets import PRESETS, default, live, load_preset, paper
from kfusion.training.losses import LossConfig
from kfusion.training.run_config import OptimiserConfig, RunConfig


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_loads_and_says_what_it_costs_and_gives(name: str) -> None:
    run = load_preset(name)
    assert from_dict(RunConfig, asdict(run)) == run
    text = PRESETS[name].__doc__ or ""
    assert f"Command: `kfusion train {name} --data" in text
    assert "Cost:" in text
    assert "Score:" in text


def test_the_paper_preset_is_the_recipe_of_the_paper() -> None:
    run = paper()
    assert run.loss == LossConfig()
    assert (run.loss.mouth, run.loss.velocity, run.loss.opening) == (1, 0, 0)
    assert (run.data.clip_s, run.data.variants, run.data.change_faces) == (1.0, 1, False)
    assert isinstance(run.model, KFusionConfig)
    assert (run.model.width, run.model.signal, run.model.residual_identity) == (768, "waveform", False)
    assert run.model.speech_encoder == "wav2vec2:facebook/wav2vec2-base"
    optimiser = run.optimiser
    assert (optimiser.name, optimiser.epochs, optimiser.anneal) == ("adam", 200, "epoch")
    assert (optimiser.learning_rate, optimiser.min_learning_rate) == (3e-4, 1e-6)
    assert (optimiser.warmup_steps, optimiser.weight_decay, optimiser.gradient_clip) == (0, 0, None)


def test_the_default_preset_works_offline() -> None:
    assert default().model.speech_encoder == "whisper-tiny.en"


def test_the_live_preset_is_the_default_on_features_for_streams_and_without_the_global_domain() -> None:
    ours, theirs = live().model, default().model
    assert isinstance(ours, KFusionConfig)
    assert isinstance(theirs, KFusionConfig)
    assert (ours.live, ours.speech_encoder, ours.feature_dim) == (True, "streaming", 256)
    assert (ours.global_domain, ours.encoder_layers) == (False, 1)
    shared = {"live": False, "speech_encoder": theirs.speech_encoder, "feature_dim": 768, "global_domain": True}
    assert replace(ours, **shared, encoder_layers=2, lstm_reads="encoder", kan_gain=4.0) == theirs


@pytest.mark.parametrize("name", BASELINES)
def test_every_baseline_has_a_preset_with_the_data_and_the_time_of_default(name: str) -> None:
    run, ours = load_preset(name), default()
    assert run.model == BaselineConfig(network=name)
    assert run.data == ours.data
    assert (run.optimiser.epochs, run.optimiser.batch_size) == (ours.optimiser.epochs, ours.optimiser.batch_size)
    assert (run.optimiser == ours.optimiser) is not BASELINES[name].own_loss


def test_the_optimiser_of_a_baseline_is_its_source_s() -> None:
    optimiser = load_preset("atvgnet").optimiser
    assert (optimiser.name, optimiser.learning_rate, optimiser.beta1, optimiser.warmup_steps) == ("adam", 2e-4, 0.5, 0)
    assert (optimiser.weight_decay, optimiser.gradient_clip) == (0, None)


def test_an_unknown_preset_lists_the_known() -> None:
    with pytest.raises(
        InputError, match="unknown preset 'huge': use paper, default, live, tiny, temporal-conv, atvgnet"
    ):
        load_preset("huge")


@pytest.mark.parametrize(
    ("setting", "match"),
    [
        ({"epochs": 0}, "epochs 0"),
        ({"batch_size": 0}, "batch_size 0"),
        ({"patience": 0}, "patience 0"),
        ({"max_steps": 0}, "max_steps 0"),
        ({"beta1": 1.0}, r"beta1 1\.0"),
        ({"seed": -1}, "seed -1"),
        ({"learning_rate": 0.0}, r"learning_rate 0\.0"),
        ({"learning_rate": 1e-6}, "learning_rate 1e-06"),
        ({"gradient_clip": 0.0}, r"gradient_clip 0\.0"),
    ],
)
def test_settings_that_make_no_sense_are_refused(setting: dict[str, float], match: str) -> None:
    with pytest.raises(InputError, match=match):
        OptimiserConfig(**setting)  # type: ignore[arg-type]

import builtins
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError

import huggingface_hub
import pytest
import torch
from transformers import BertConfig, BertModel, Wav2Vec2Config, Wav2Vec2Model

from kfusion.errors import InputError, MissingExtraError, MissingWeightsError
from kfusion.models.speech import load_speech_encoder, wav2vec2
from kfusion.models.speech.encoder import frames_in, steps_in
from kfusion.models.speech.wav2vec2 import Wav2Vec2Encoder


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)  # as HF_HUB_OFFLINE=1 at the start


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("wav2vec2"))


def save(folder: Path, **changes: Any) -> Path:
    """A small random model on disk."""
    torch.manual_seed(0)
    config = {
        "hidden_size": 32,
        "num_hidden_layers": 3,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "conv_dim": (16,) * 7,
        "num_conv_pos_embeddings": 16,
        "num_conv_pos_embedding_groups": 2,
        "vocab_size": 8,
        **changes,
    }
    Wav2Vec2Model(Wav2Vec2Config(**config)).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("count", [320, 534, 1600, 8000, 12_345, 16_000, 32_480])
def test_the_steps_cover_the_frames(folder: Path, count: int) -> None:
    encoder = load_speech_encoder(f"wav2vec2:{folder}")
    assert encoder.dim == 32
    assert encoder.encode(torch.randn(2, count)).shape == (2, steps_in(frames_in(count)), 32)


@pytest.mark.parametrize("kind", ["group", "layer"])
def test_features_are_the_hidden_states_of_transformers(tmp_path: Path, kind: str) -> None:
    stable = kind == "layer"  # as in the large models
    where = save(tmp_path / kind, feat_extract_norm=kind, do_stable_layer_norm=stable, conv_bias=stable)
    samples = 0.1 * torch.randn(1, 16_000) + 0.02
    normal = (samples - samples.mean()) / (samples.var(correction=0) + 1e-7).sqrt()
    model = Wav2Vec2Model.from_pretrained(where).eval()
    with torch.no_grad():
        hidden = model(torch.nn.functional.pad(normal, (200, 320)), output_hidden_states=True).hidden_states
    assert len(hidden) == 4
    for layer in range(-4, 4):
        features = Wav2Vec2Encoder(str(where), layer=layer).encode(samples)
        torch.testing.assert_close(features, hidden[layer][:, :50], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("sample", [0, 1000, 8000, 8100, 15_000, 31_680])
def test_a_click_excites_the_step_of_its_time_most(folder: Path, sample: int) -> None:
    encoder = Wav2Vec2Encoder(str(folder), layer=0)
    # The convolutions alone, with a group norm that a click cannot shift: attention and the norm spread it.
    encoder.model.feature_extractor.conv_layers[0].layer_norm = torch.nn.Identity()
    encoder.model.encoder.pos_conv_embed = torch.nn.Identity()
    for layer in encoder.model.feature_extractor.conv_layers:
        torch.nn.init.constant_(layer.conv.weight, 1 / layer.conv.weight[0].numel())
    encoder.model.feature_projection.layer_norm = torch.nn.Identity()
    encoder.model.encoder.layer_norm = torch.nn.Identity()
    samples = torch.zeros(1, 32_000)
    clicked = samples.clone()
    clicked[0, max(0, sample - 20) : sample + 20] = 1.0
    difference = (encoder.encode(clicked) - encoder.encode(samples))[0].abs().sum(-1)
    silence = difference.median()  # taking the mean off moves every step a little
    assert (difference - silence).abs().argmax() == round(sample / 320)


def test_loudness_and_offset_do_not_matter(folder: Path) -> None:
    encoder, samples = Wav2Vec2Encoder(str(folder)), torch.randn(1, 8000)
    torch.testing.assert_close(encoder.encode(0.2 * samples + 0.1), encoder.encode(samples), atol=1e-4, rtol=1e-4)
    assert encoder.encode(torch.zeros(1, 8000)).isfinite().all()


def test_the_first_position_changes_nothing(folder: Path) -> None:
    encoder, samples = Wav2Vec2Encoder(str(folder)), torch.randn(1, 8000)
    assert torch.equal(encoder.encode(samples, 40), encoder.encode(samples))


def test_the_layer_is_chosen_by_name(folder: Path) -> None:
    last, second = load_speech_encoder(f"wav2vec2:{folder}"), load_speech_encoder(f"wav2vec2:{folder}:2")
    assert second.name == f"wav2vec2:{folder}:2"
    samples = torch.randn(1, 4000)
    assert (last.encode(samples) - second.encode(samples)).abs().max() > 0.01
    assert load_speech_encoder(last.name).name == last.name
    assert torch.equal(load_speech_encoder(second.name).encode(samples), second.encode(samples))
    assert torch.equal(load_speech_encoder(f"wav2vec2:{folder}:-1").encode(samples), last.encode(samples))


def test_it_is_frozen(folder: Path) -> None:
    encoder = Wav2Vec2Encoder(str(folder))
    assert not encoder.training
    assert not any(weight.requires_grad for weight in encoder.parameters())


@pytest.mark.parametrize("layer", [4, 12, -5])
def test_a_layer_that_is_not_there_is_refused(folder: Path, layer: int) -> None:
    with pytest.raises(InputError, match=f"layer {layer} of .* it has layers 0 to 3"):
        Wav2Vec2Encoder(str(folder), layer=layer)


@pytest.mark.parametrize("where", ["facebook/wav2vec2-base", "no/such/folder", "/no/such/folder", "wav2vec2-base"])
def test_weights_that_are_missing_say_at_once_what_to_do(where: str) -> None:
    start = time.monotonic()
    with pytest.raises(MissingWeightsError) as caught:
        load_speech_encoder(f"wav2vec2:{where}")
    assert time.monotonic() - start < 5
    message = str(caught.value)
    assert f"'{where}'" in message
    assert "hf download facebook/wav2vec2-base --local-dir DIR" in message
    assert "\n" not in message


@pytest.mark.parametrize("damage", ["empty folder", "no weights", "no config", "broken weights", "broken config"])
def test_a_damaged_folder_says_what_to_do(tmp_path: Path, damage: str) -> None:
    save(tmp_path)
    weights, config = tmp_path / "model.safetensors", tmp_path / "config.json"
    if damage in ("empty folder", "no weights"):
        weights.unlink()
    if damage in ("empty folder", "no config"):
        config.unlink()
    if damage == "broken weights":
        weights.write_bytes(weights.read_bytes()[:1000])
    if damage == "broken config":
        config.write_text("{")
    with pytest.raises(MissingWeightsError, match="cannot be loaded: download them"):
        Wav2Vec2Encoder(str(tmp_path))


def test_another_kind_of_model_is_refused(tmp_path: Path) -> None:
    config = BertConfig(vocab_size=8, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8)
    BertModel(config).save_pretrained(tmp_path)
    with pytest.raises(InputError, match="is a bert model: pass a wav2vec2 one"):
        Wav2Vec2Encoder(str(tmp_path))


@pytest.mark.parametrize("error", [URLError("no name"), TimeoutError("late"), ConnectionResetError()])
def test_without_a_network_the_hub_is_asked_once(monkeypatch: pytest.MonkeyPatch, error: OSError) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    asked = []

    def refuse(request: urllib.request.Request, timeout: float) -> None:
        asked.append((request.full_url, timeout))
        raise error

    monkeypatch.setattr(wav2vec2, "urlopen", refuse)
    with pytest.raises(MissingWeightsError, match="cannot be loaded"):
        Wav2Vec2Encoder("kfusion-tests/no-such-model")
    assert asked == [(huggingface_hub.constants.ENDPOINT, 5.0)]


def test_a_hub_that_answers_with_an_error_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)

    def answer(*_: Any, **__: Any) -> None:
        raise HTTPError("https://hub", 405, "method not allowed", {}, None)  # type: ignore[arg-type]

    monkeypatch.setattr(wav2vec2, "urlopen", answer)
    assert wav2vec2._hub_answers()


def test_a_folder_is_loaded_without_asking_the_hub(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(wav2vec2, "urlopen", lambda *_, **__: pytest.fail("asked the hub"))
    assert Wav2Vec2Encoder(str(folder)).dim == 32


def test_without_transformers_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *arguments: Any, **named: Any) -> Any:
        if name == "transformers":
            raise ImportError(name)
        return real(name, *arguments, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    monkeypatch.delitem(sys.modules, "transformers")
    with pytest.raises(MissingExtraError, match=r"pip install 'kfusion\[train,wav2vec2\]'"):
        Wav2Vec2Encoder("facebook/wav2vec2-base")

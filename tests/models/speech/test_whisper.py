import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import WhisperConfig, WhisperFeatureExtractor
from transformers.models.whisper.modeling_whisper import WhisperEncoder as TheirEncoder

from kfusion.errors import InputError, MissingWeightsError
from kfusion.models.speech import WHISPER, WHISPER_STREAM, load_speech_encoder
from kfusion.models.speech.encoder import SpeechEncoder, frames_in, pad_to_steps, steps_in
from kfusion.models.speech.mel import mel_filters
from kfusion.models.speech.whisper import (
    LAYERS,
    WIDTH,
    WhisperEncoder,
    WhisperShape,
    from_ctranslate2,
    read_ctranslate2,
)

KINDS = {"float32": 0, "int8": 1, "int16": 2, "int32": 3, "float16": 4}


def voice(count: int, seed: int = 0) -> Tensor:
    """Two vowels' worth of harmonics over a little noise, with a pause, (1, N)."""
    random = torch.Generator().manual_seed(seed)
    time_s = torch.arange(count) / 16_000
    sound = sum(torch.sin(2 * torch.pi * 120 * number * time_s) / number for number in range(1, 30))
    sound = sound * (torch.sin(2 * torch.pi * 2 * time_s) > -0.5)
    return (0.1 * sound + 0.001 * torch.randn(count, generator=random))[None]


@pytest.fixture(scope="module")
def encoder() -> WhisperEncoder:
    loaded = load_speech_encoder()
    assert isinstance(loaded, WhisperEncoder)
    return loaded


def transformers_encoder(ours: WhisperEncoder, steps: int) -> TheirEncoder:
    """Hugging Face's encoder for exactly `steps` steps with our weights; its positions are its own."""
    config = WhisperConfig(
        d_model=384,
        encoder_layers=4,
        encoder_attention_heads=6,
        encoder_ffn_dim=1536,
        num_mel_bins=80,
        max_source_positions=steps,
    )
    theirs = TheirEncoder(config).eval()
    state = {"embed_positions.weight": sinusoids(steps)}
    for ours_name, their_name in (("conv1", "conv1"), ("conv2", "conv2"), ("norm", "layer_norm")):
        put(state, their_name, ours.get_submodule(ours_name))
    for number, block in enumerate(ours.blocks):
        name = f"layers.{number}"
        put(state, f"{name}.self_attn_layer_norm", block.attention_norm)
        put(state, f"{name}.final_layer_norm", block.ffn_norm)
        put(state, f"{name}.fc1", block.ffn_in)
        put(state, f"{name}.fc2", block.ffn_out)
        put(state, f"{name}.self_attn.out_proj", block.attention_out)
        biases = block.qkv.bias.chunk(3)
        assert (biases[1] == 0).all()  # Whisper's keys have no bias
        for letter, weight, bias in zip("qkv", block.qkv.weight.chunk(3), biases, strict=True):
            state[f"{name}.self_attn.{letter}_proj.weight"] = weight
            if letter != "k":
                state[f"{name}.self_attn.{letter}_proj.bias"] = bias
    theirs.load_state_dict(state)
    return theirs


def put(state: dict[str, Tensor], name: str, module: nn.Module) -> None:
    state.update({f"{name}.{kind}": value for kind, value in module.state_dict().items()})


def sinusoids(steps: int) -> Tensor:
    """Whisper's positions, by its definition."""
    rate = np.log(10_000) / (192 - 1)
    angles = np.arange(steps)[:, None] * np.exp(-rate * np.arange(192))[None]
    return torch.tensor(np.concatenate([np.sin(angles), np.cos(angles)], axis=1), dtype=torch.float32)


@pytest.mark.parametrize("count", [1600, 16_000, 32_480])
def test_the_features_are_those_of_transformers(encoder: WhisperEncoder, count: int) -> None:
    samples = voice(count)
    steps = steps_in(frames_in(count))
    with torch.no_grad():
        mel = encoder.log_mel(pad_to_steps(samples))
        theirs = transformers_encoder(encoder, steps)(mel, output_hidden_states=True)
    expected = torch.cat([theirs.hidden_states[2], theirs.last_hidden_state], dim=-1)
    ours = encoder.encode(samples)
    assert ours.shape == (1, steps, 768)
    assert (ours - expected).abs().max() < 2e-4 * expected.abs().max()


@pytest.mark.parametrize("count", [640, 16_000, 52_800])
def test_the_log_mel_is_that_of_transformers(encoder: WhisperEncoder, count: int) -> None:
    extractor = WhisperFeatureExtractor(feature_size=80)
    samples = voice(count)
    theirs = extractor(samples[0].numpy(), sampling_rate=16_000, padding="do_not_pad", return_tensors="pt")
    ours = encoder.log_mel(samples)
    assert ours.shape == (1, 80, count // 160)
    torch.testing.assert_close(ours, theirs.input_features, atol=2e-3, rtol=0)


def test_the_mel_filters_are_those_of_transformers() -> None:
    theirs = WhisperFeatureExtractor(feature_size=80).mel_filters
    np.testing.assert_allclose(mel_filters(), theirs.T, atol=1e-7)


@pytest.mark.parametrize("count", [320, 533, 534, 1600, 8000, 12_345, 16_000, 32_480, 112_000, 480_000])
def test_the_steps_cover_the_frames(encoder: WhisperEncoder, count: int) -> None:
    small = WhisperEncoder()
    small.blocks = encoder.blocks[:0]
    stem = small.conv2(small.conv1(small.log_mel(pad_to_steps(torch.randn(1, count)))))
    assert stem.shape[-1] == steps_in(frames_in(count))


@pytest.mark.parametrize("sample", [0, 700, 8000, 8100, 15_000, 31_680])
def test_a_click_excites_the_step_of_its_time_most(sample: int) -> None:
    encoder = WhisperEncoder()
    nn.init.dirac_(encoder.conv1.weight)
    nn.init.dirac_(encoder.conv2.weight)
    for name, weight in encoder.named_parameters():
        if name.endswith(("attention_out.weight", "ffn_out.weight", "bias")):
            nn.init.zeros_(weight)  # blocks that pass everything on: attention would spread the click
    samples = 1e-3 * torch.randn(1, 32_000, generator=torch.Generator().manual_seed(0))
    clicked = samples.clone()
    clicked[0, max(0, sample - 10) : sample + 10] += 0.5
    difference = (encoder.encode(clicked) - encoder.encode(samples))[0, :, :WIDTH].abs().sum(-1)
    assert difference.argmax() == round(sample / 320)


def test_a_clip_does_not_depend_on_its_batch(encoder: WhisperEncoder) -> None:
    batch = torch.cat([voice(8000), 10 * voice(8000, seed=1), torch.zeros(1, 8000)])
    together = encoder.encode(batch)
    for row in range(3):
        torch.testing.assert_close(together[row : row + 1], encoder.encode(batch[row : row + 1]), atol=1e-4, rtol=1e-4)
    assert together.isfinite().all()


def test_positions_are_counted_from_the_first(encoder: WhisperEncoder) -> None:
    samples = voice(16_000)
    far = encoder.encode(samples, 100)
    assert (far - encoder.encode(samples)).abs().max() > 0.1
    torch.testing.assert_close(encoder.get_buffer("positions")[100:150], sinusoids(150)[100:], atol=2e-5, rtol=0)


@pytest.mark.parametrize(("count", "first"), [(480_001, 0), (16_000, 1451), (16_000, -1)])
def test_sound_beyond_the_positions_is_refused(encoder: WhisperEncoder, count: int, first: int) -> None:
    with pytest.raises(InputError, match="pass pieces of at most 30 s"):
        encoder(torch.zeros(1, count), first)


@pytest.mark.parametrize("first", [1451, -1])
def test_a_first_position_that_is_none_is_refused(encoder: WhisperEncoder, first: int) -> None:
    with pytest.raises(InputError, match="go beyond"):
        encoder.encode(torch.zeros(1, 16_000), first)


@pytest.mark.parametrize(("count", "first"), [(480_001, 0), (450_000, 119), (1_000_123, 60), (16_000 * 66 + 1, 0)])
@pytest.mark.parametrize("name", [WHISPER, WHISPER_STREAM])
def test_sound_of_any_length_is_encoded_in_pieces_that_overlap(name: str, count: int, first: int) -> None:
    encoder, sound = load_speech_encoder(name), voice(count)
    features = encoder.encode(sound, first)
    steps, blocks = steps_in(frames_in(count)), -(-frames_in(count) // 3)
    assert features.shape == (1, steps if name == WHISPER else 5 * blocks, 768)
    hop = round(50 * (encoder.piece_s - encoder.shared_s))
    middle = slice(hop + 55 * 2, hop + round(50 * encoder.piece_s) - 55 * 2)
    with torch.inference_mode():
        heard = encoder(sound[:, hop * 320 :][:, : round(encoder.piece_s * 16_000)], first)
    torch.testing.assert_close(features[:, middle], heard[:, middle.start - hop : middle.stop - hop])


class Counting(SpeechEncoder):
    """Says which piece a step comes from."""

    dim, most_steps = 1, 1500

    def __init__(self) -> None:
        super().__init__()
        self.pieces = 0

    def forward(self, samples: Tensor, first_position: int = 0) -> Tensor:
        self.pieces += 1
        return torch.full((1, steps_in(frames_in(samples.shape[1])), 1), float(self.pieces))


def test_pieces_fade_into_one_another_over_the_middle_of_what_they_share() -> None:
    number = Counting().encode(torch.zeros(1, 16_000 * 31))[0, :, 0]
    assert number[:263].eq(1).all()
    assert number[287:513].eq(2).all()
    assert number[-200:].eq(6).all()
    assert number.diff().min() >= 0
    assert number.diff().max() < 0.05


def test_sound_that_fits_is_heard_at_once(encoder: WhisperEncoder) -> None:
    sound = voice(16_000 * 20)
    with torch.inference_mode():
        assert torch.equal(encoder.encode(sound, 100), encoder(sound, 100))


def test_the_encoder_is_frozen_and_says_its_name(encoder: WhisperEncoder) -> None:
    assert not encoder.training
    assert not any(weight.requires_grad for weight in encoder.parameters())
    assert load_speech_encoder(encoder.name).name == encoder.name
    assert encoder.dim == 768


def test_packaged_weights_that_are_missing_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(MissingWeightsError, match="install kfusion again") as caught:
        WhisperEncoder.packaged(tmp_path / "none.safetensors")
    assert "\n" not in str(caught.value)


def test_packaged_weights_come_back_as_float32(tmp_path: Path) -> None:
    stored = WhisperEncoder()
    path = tmp_path / "half.safetensors"
    save_file({name: weight.half() for name, weight in stored.state_dict().items()}, path)
    loaded = WhisperEncoder.packaged(path)
    assert all(weight.dtype == torch.float32 for weight in loaded.parameters())
    torch.testing.assert_close(loaded.conv1.weight, stored.conv1.weight.half().float())


def test_an_unknown_encoder_is_refused() -> None:
    known = r"use whisper-tiny\.en, whisper:FILE\[:LAYERS\], .*, streaming\[:FILE\] or wav2vec2:HUB_ID_OR_DIRECTORY"
    for name in ("hubert", "wav2vec2", "wav2vec2:", ""):
        with pytest.raises(InputError, match=known):
            load_speech_encoder(name)


def ctranslate2_file(variables: dict[str, NDArray[np.generic]], version: int = 6, spec: str = "WhisperSpec") -> bytes:
    """A `model.bin` as CTranslate2 writes it."""

    def text(value: str) -> bytes:
        return struct.pack("<H", len(value) + 1) + value.encode() + b"\0"

    content = struct.pack("<I", version) + text(spec) + struct.pack("<II", 3, len(variables))
    for name, value in variables.items():
        content += text(name) + struct.pack("<B", value.ndim) + struct.pack(f"<{value.ndim}I", *value.shape)
        content += struct.pack("<BI", KINDS[value.dtype.name], value.nbytes) + value.tobytes()
    return content + struct.pack("<I", 0)


def test_a_ctranslate2_file_is_read() -> None:
    variables = {
        "encoder/a": np.arange(6, dtype=np.float16).reshape(2, 3),
        "encoder/b": np.array([1.5, -2], np.float32),
        "scalar": np.array(7, np.int8),
        "c": np.array([[3]], np.int16),
        "d": np.array([4], np.int32),
    }
    read = read_ctranslate2(ctranslate2_file(variables))
    assert list(read) == list(variables)
    for name, value in variables.items():
        assert read[name].dtype == value.dtype
        np.testing.assert_array_equal(read[name], value)


@pytest.mark.parametrize(("version", "spec"), [(5, "WhisperSpec"), (6, "TransformerSpec")])
def test_another_ctranslate2_file_is_refused(version: int, spec: str) -> None:
    with pytest.raises(MissingWeightsError, match=f"version {version} and spec '{spec}'"):
        read_ctranslate2(ctranslate2_file({}, version, spec))


def as_variables(state: dict[str, Tensor]) -> dict[str, NDArray[np.generic]]:
    """An encoder's weights under the names of CTranslate2."""
    theirs = {
        "attention_norm": "self_attention/layer_norm",
        "qkv": "self_attention/linear_0",
        "attention_out": "self_attention/linear_1",
        "ffn_norm": "ffn/layer_norm",
        "ffn_in": "ffn/linear_0",
        "ffn_out": "ffn/linear_1",
    }
    variables: dict[str, NDArray[np.generic]] = {}
    for name, value in state.items():
        module, kind = name.rsplit(".", 1)
        if "norm" in module:
            kind = {"weight": "gamma", "bias": "beta"}[kind]
        if module.startswith("blocks."):
            _, number, part = module.split(".")
            module = f"layer_{number}/{theirs[part]}"
        variables[f"encoder/{'layer_norm' if module == 'norm' else module}/{kind}"] = value.half().numpy()
    return variables


def test_the_variables_of_ctranslate2_make_an_encoder() -> None:
    wanted = WhisperEncoder().state_dict()
    state = from_ctranslate2(read_ctranslate2(ctranslate2_file(as_variables(wanted))))
    encoder = WhisperEncoder()
    encoder.load_state_dict({name: value.float() for name, value in state.items()})
    assert len(encoder.blocks) == LAYERS
    for name, value in encoder.state_dict().items():
        torch.testing.assert_close(value, wanted[name].half().float())


@pytest.fixture
def small_model(tmp_path: Path) -> Path:
    """A Whisper of three layers and two heads."""
    torch.manual_seed(0)
    path = tmp_path / "model.bin"
    whole = WhisperEncoder(WhisperShape(width=128, layers=3, outputs=(3,)))
    path.write_bytes(ctranslate2_file(as_variables(whole.state_dict())))
    return path


@pytest.mark.parametrize(("layers", "dim"), [("", 256), (":2", 128), (":1,2,3", 384)])
def test_another_whisper_is_read_from_a_file(small_model: Path, layers: str, dim: int) -> None:
    encoder = load_speech_encoder(f"whisper:{small_model}{layers}")
    features = encoder.encode(voice(16_000))
    assert features.shape == (1, 50, dim)
    assert encoder.dim == dim
    assert torch.equal(load_speech_encoder(encoder.name).encode(voice(16_000)), features), "its name loads it again"
    last = load_speech_encoder(f"whisper:{small_model}:3").encode(voice(16_000))
    assert (layers == ":2") != torch.equal(features[..., -128:], last)


@pytest.mark.parametrize("layers", ["4", "0", "1,9"])
def test_layers_that_a_whisper_lacks_are_refused(small_model: Path, layers: str) -> None:
    with pytest.raises(InputError, match="use some of 1 to 3"):
        load_speech_encoder(f"whisper:{small_model}:{layers}")


@pytest.mark.parametrize("content", [b"", b"not a model", None])
def test_a_file_that_is_no_whisper_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "model.bin"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(MissingWeightsError, match=r"model.bin: .*pass .*model.bin"):
        load_speech_encoder(f"whisper:{path}")


def test_a_whisper_that_hears_more_bins_is_refused(tmp_path: Path) -> None:
    variables = as_variables(WhisperEncoder(WhisperShape(width=64, layers=1, outputs=(1,))).state_dict())
    variables["encoder/conv1/weight"] = np.zeros((64, 128, 3), np.float16)
    (tmp_path / "model.bin").write_bytes(ctranslate2_file(variables))
    with pytest.raises(MissingWeightsError, match="128 mel bins, not 80"):
        load_speech_encoder(f"whisper:{tmp_path / 'model.bin'}")

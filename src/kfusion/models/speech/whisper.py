"""Whisper's encoder (Radford et al. 2022; weights by OpenAI, MIT): tiny.en packaged and offline, others from a file."""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from kfusion.audio import SAMPLE_RATE_HZ
from kfusion.errors import InputError, MissingWeightsError
from kfusion.models.speech.encoder import SAMPLES_PER_STEP, SpeechEncoder, frames_in, pad_to_steps, steps_in
from kfusion.models.speech.mel import BINS, HOP, WINDOW, MelPower

PACKAGED = Path(__file__).parents[2] / "assets" / "whisper_tiny_en_encoder.safetensors"
MAX_POSITIONS = 1500
WIDTH, LAYERS = 384, 4
OUTPUT_LAYERS = (2, 4)
"""Concatenated: a 768-wide feature, the shape of wav2vec2-base."""
_HEAD_WIDTH = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class WhisperShape:
    """The size of an encoder and what is read of it; the defaults are those of tiny.en as it is packaged."""

    width: int = WIDTH
    layers: int = LAYERS
    outputs: tuple[int, ...] = OUTPUT_LAYERS
    """The layers whose hidden states are concatenated, counted from 1; those above the last of them are left out."""

    def __post_init__(self) -> None:
        if not self.outputs or not all(1 <= layer <= self.layers for layer in self.outputs):
            raise InputError(f"layers {self.outputs} of a Whisper encoder: use some of 1 to {self.layers}")

    @property
    def dim(self) -> int:
        """Width of the features."""
        return self.width * len(self.outputs)


Recall = Callable[[Tensor], tuple[Tensor, Tensor]]
"""Keys and values (2, batch, heads, steps, dim) of a piece to all that are remembered, and which of them each step
sees (steps, keys)."""


class WhisperBlock(nn.Module):
    """A pre-norm Transformer layer."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.attention_out = nn.Linear(width, width)
        self.ffn_norm = nn.LayerNorm(width)
        self.ffn_in = nn.Linear(width, 4 * width)
        self.ffn_out = nn.Linear(4 * width, width)

    def forward(
        self, x: Float[Tensor, "batch steps width"], recall: Recall | None = None
    ) -> Float[Tensor, "batch steps width"]:
        """The next hidden state; `recall` adds what an earlier piece left and says what each step may see."""
        heads = self.qkv(self.attention_norm(x)).unflatten(-1, (3, -1, _HEAD_WIDTH))
        q, *kv = heads.permute(2, 0, 3, 1, 4)
        (k, v), seen = (kv, None) if recall is None else recall(torch.stack(kv))
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=seen).transpose(1, 2).flatten(2)
        x = x + self.attention_out(mixed)
        fed: Tensor = self.ffn_out(F.gelu(self.ffn_in(self.ffn_norm(x))))
        return x + fed


class WhisperEncoder(SpeechEncoder):
    """Hidden states of Whisper's encoder at 50 Hz; of tiny.en layers 2 and 4, 768-wide.

    Departs from Whisper: the sound is not padded to 30 s. Longer sound than 30 s must come in pieces, into which
    `encode` cuts it.
    """

    most_steps = MAX_POSITIONS

    def __init__(self, shape: WhisperShape = WhisperShape(), name: str = "whisper-tiny.en") -> None:
        super().__init__()
        width = shape.width
        self.shape, self.name, self.dim = shape, name, shape.dim
        self.mel = MelPower()
        self.conv1 = nn.Conv1d(BINS, width, 3, padding=1)
        self.conv2 = nn.Conv1d(width, width, 3, stride=2, padding=1)
        self.blocks = nn.ModuleList(WhisperBlock(width) for _ in range(max(shape.outputs)))
        self.norm = nn.LayerNorm(width)
        self.register_buffer("positions", _sinusoids(width), persistent=False)
        self.eval().requires_grad_(False)

    @classmethod
    def packaged(cls, path: Path = PACKAGED) -> "WhisperEncoder":
        """The encoder with the weights this package carries.

        Raises:
            MissingWeightsError: the file is not there.
        """
        from safetensors.torch import load_file

        if not path.is_file():
            raise MissingWeightsError(f"{path}: the packaged speech encoder is missing: install kfusion again")
        encoder = cls()
        encoder.load_state_dict({name: weight.float() for name, weight in load_file(path).items()})
        return encoder

    @classmethod
    def from_file(cls, path: Path, outputs: tuple[int, ...] | None = None) -> "WhisperEncoder":
        """The encoder of a CTranslate2 Whisper model (`model.bin`) of any size with 80 mel bins.

        Args:
            path: of the file.
            outputs: the layers to read; none: the middle and the last.

        Raises:
            MissingWeightsError: the file is not there or is not such a model.
            InputError: it has no such layers.
        """
        try:
            variables = read_ctranslate2(path.read_bytes())
            width, bins, _ = variables["encoder/conv1/weight"].shape
            layers = _layers_in(variables)
        except (OSError, struct.error, ValueError, KeyError, UnicodeDecodeError) as error:
            reason = " ".join(str(error).split())[:200]
            raise MissingWeightsError(
                f"{path}: not a CTranslate2 Whisper model ({reason}): pass its model.bin"
            ) from error
        if bins != BINS:
            raise MissingWeightsError(f"{path}: hears {bins} mel bins, not {BINS}: pass another Whisper model")
        shape = WhisperShape(width=width, layers=layers, outputs=outputs or (layers // 2, layers))
        encoder = cls(shape, f"whisper:{path}:{','.join(map(str, shape.outputs))}")
        state = from_ctranslate2(variables)
        encoder.load_state_dict({name: state[name].float() for name in encoder.state_dict()})
        return encoder

    def forward(
        self, samples: Float[Tensor, "batch samples"], first_position: int = 0
    ) -> Float[Tensor, "batch steps dim"]:
        """The features; `first_position` (0 to 1500 - steps) is where the position table is entered.

        Raises:
            InputError: the sound goes beyond the table.
        """
        if not torch.compiler.is_compiling():  # an exported network states its longest input instead
            _check_positions(first_position, steps_in(frames_in(samples.shape[-1])))
        mel = self.log_mel(pad_to_steps(samples))
        x = F.gelu(self.conv2(F.gelu(self.conv1(mel)))).transpose(1, 2)
        x = x + self.get_buffer("positions")[first_position : first_position + x.shape[1]]
        hidden = []
        for number, block in enumerate(self.blocks, start=1):
            x = block(x)
            if number in self.shape.outputs:
                hidden.append(self.norm(x) if number == self.shape.layers else x)
        return torch.cat(hidden, dim=-1)

    def log_mel(self, samples: Float[Tensor, "batch samples"]) -> Float[Tensor, "batch bins frames"]:
        """Whisper's log-mel: within 80 dB of the loudest bin of the piece, then (x + 4) / 4."""
        padded = F.pad(samples[:, None], (WINDOW // 2, WINDOW // 2 - HOP), mode="reflect")[:, 0]
        logs = self.mel(padded).clamp(min=1e-10).log10()
        floor = logs.amax((1, 2), keepdim=True) - 8.0
        return (torch.maximum(logs, floor) + 4.0) / 4.0


def _check_positions(first: int, steps: int) -> None:
    if not 0 <= first <= MAX_POSITIONS - steps:
        longest_s = MAX_POSITIONS * SAMPLES_PER_STEP / SAMPLE_RATE_HZ
        raise InputError(
            f"{steps} speech steps from position {first} go beyond Whisper's {MAX_POSITIONS}: "
            f"pass pieces of at most {longest_s:.0f} s"
        )


def _sinusoids(width: int) -> Float[Tensor, "positions width"]:
    rates = torch.exp(-np.log(10_000.0) / (width // 2 - 1) * torch.arange(width // 2, dtype=torch.float64))
    angles = torch.arange(MAX_POSITIONS, dtype=torch.float64)[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], dim=1).float()


def read_ctranslate2(content: bytes) -> dict[str, NDArray[np.generic]]:
    """The variables of a CTranslate2 `model.bin` (version 6)."""
    kinds: dict[int, type[np.generic]] = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}
    at = 0

    def take(code: str) -> int:
        nonlocal at
        (value,) = struct.unpack_from(code, content, at)
        at += struct.calcsize(code)
        return int(value)

    def text() -> str:
        nonlocal at
        length = take("<H")
        value = content[at : at + length].rstrip(b"\0").decode()
        at += length
        return value

    version, spec, _ = take("<I"), text(), take("<I")
    if (version, spec) != (6, "WhisperSpec"):
        raise MissingWeightsError(f"CTranslate2 file of version {version} and spec '{spec}': pass a Whisper model.bin")
    variables: dict[str, NDArray[np.generic]] = {}
    for _ in range(take("<I")):
        name = text()
        shape = [take("<I") for _ in range(take("<B"))]
        kind, size = take("<B"), take("<I")
        values = np.frombuffer(content, np.dtype(kinds[kind]), offset=at, count=prod(shape))
        variables[name] = values.reshape(shape)
        at += size
    return variables


def from_ctranslate2(variables: Mapping[str, NDArray[np.generic]]) -> dict[str, Tensor]:
    """The state of a `WhisperEncoder` from the variables of a CTranslate2 Whisper model."""
    modules = {"conv1": "conv1", "conv2": "conv2", "norm": "layer_norm"}
    for number in range(_layers_in(variables)):
        ours, theirs = f"blocks.{number}", f"layer_{number}"
        modules |= {
            f"{ours}.attention_norm": f"{theirs}/self_attention/layer_norm",
            f"{ours}.qkv": f"{theirs}/self_attention/linear_0",
            f"{ours}.attention_out": f"{theirs}/self_attention/linear_1",
            f"{ours}.ffn_norm": f"{theirs}/ffn/layer_norm",
            f"{ours}.ffn_in": f"{theirs}/ffn/linear_0",
            f"{ours}.ffn_out": f"{theirs}/ffn/linear_1",
        }
    state = {}
    for ours, theirs in modules.items():
        weight, bias = ("gamma", "beta") if "norm" in ours else ("weight", "bias")
        state[f"{ours}.weight"] = torch.tensor(variables[f"encoder/{theirs}/{weight}"])
        state[f"{ours}.bias"] = torch.tensor(variables[f"encoder/{theirs}/{bias}"])
    return state


def _layers_in(variables: Mapping[str, NDArray[np.generic]]) -> int:
    return len({name.split("/")[1] for name in variables if name.startswith("encoder/layer_") and "/ffn/" in name})

"""What the Global and the Content Domain are made of: the sound itself, Transformers with an identity, and LSTMs."""

from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from kfusion.emotion import EMOTIONS, INTENSITIES
from kfusion.landmarks import MOUTH, MOUTH_COUNT, POINT_COUNT
from kfusion.models.kfusion_config import FACE, KFusionConfig
from kfusion.models.layers import DecoderLayer, EncoderLayer, Mask, TimeConv, steps_to_frames
from kfusion.models.lstm import MixedLSTM
from kfusion.models.past import Past
from kfusion.models.speech.encoder import frames_in, steps_in
from kfusion.models.speech.mel import HOP, WINDOW, MelPower

STEP_SAMPLES = 2 * HOP
SIGNAL_MARGINS = 360, 200
"""Samples before and after a piece of sound that its signal is made from."""


class EmotionVariable(nn.Module):
    """`w` of Eq. 7: a weight for every feature, by category times by intensity; both start at 1."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.category = nn.Embedding(1 + len(EMOTIONS), width)
        self.intensity = nn.Embedding(1 + len(INTENSITIES), width)
        nn.init.ones_(self.category.weight)
        nn.init.ones_(self.intensity.weight)

    def forward(self, emotion: Int[Tensor, "batch 2"]) -> Float[Tensor, "batch width"]:
        """The weights of each clip; it depends on that clip's own label alone."""
        weights: Tensor = self.category(emotion[:, 0]) * self.intensity(emotion[:, 1])
        return weights


class Signal(nn.Module):
    """The sound itself at 50 Hz: learned filters on the waveform, or its log-mel spectrum, then a stride of 2.

    Step j is centred on j * 20 ms + 5 ms.
    """

    def __init__(self, config: KFusionConfig) -> None:
        super().__init__()
        mel = config.signal == "mel"
        self.filters = MelPower() if mel else nn.Conv1d(1, config.width, WINDOW, stride=HOP)
        self.log = mel
        self.down = nn.Conv1d(80 if mel else config.width, config.width, 4, stride=2)

    def forward(self, samples: Float[Tensor, "batch samples"]) -> Float[Tensor, "batch steps width"]:
        """One vector for every step; silence stands before the start and after the end."""
        return self.streamed(with_margins(samples, steps_in(frames_in(samples.shape[1])) * STEP_SAMPLES))

    def streamed(self, heard: Float[Tensor, "batch heard"]) -> Float[Tensor, "batch steps width"]:
        """One vector for every step of a piece of sound that has the `SIGNAL_MARGINS` on its sides."""
        vectors: Tensor = F.gelu(self.down(self._hops(heard)))
        return vectors.transpose(1, 2)

    def _hops(self, padded: Float[Tensor, "batch padded"]) -> Float[Tensor, "batch bins hops"]:
        return _log(self.filters(padded)) if self.log else F.gelu(self.filters(padded[:, None]))


def with_margins(samples: Float[Tensor, "batch samples"], wanted: int) -> Float[Tensor, "batch heard"]:
    """`wanted` samples, zeros after the end, and the margins that `KFusion.advance` asks for."""
    before, after = SIGNAL_MARGINS
    return F.pad(samples, (before, wanted + after))[:, : before + wanted + after]


def _log(power: Float[Tensor, "batch bins frames"]) -> Float[Tensor, "batch bins frames"]:
    """Log power, about 2 for speech, 0 for silence."""
    return ((power + 1e-7).log10() + 7.0) / 2.0


class Domain(nn.Module):
    """A Transformer encoder over the steps, a convolution to the frame rate, and a decoder for each output."""

    def __init__(self, config: KFusionConfig, heads: tuple[Literal["face", "mouth"], ...]) -> None:
        super().__init__()
        self.encoder = nn.ModuleList(
            EncoderLayer(config.width, config.heads, config.dropout) for _ in range(config.encoder_layers)
        )
        self.conv = TimeConv(config.width, config.width, 3)
        self.decoders = nn.ModuleList(Decoder(config, mouth=head == "mouth") for head in heads)

    def encode(
        self,
        x: Float[Tensor, "batch steps width"],
        step_mask: Mask | None,
        mask: Mask | None,
        past: Past | None = None,
    ) -> Float[Tensor, "batch time width"]:
        """Conv(E(x)), at the frame rate."""
        for layer in self.encoder:
            x = layer(x, step_mask, past)
        frames = x.shape[1] * 3 // 5
        encoded: Tensor = self.conv.over_time(steps_to_frames(x, frames), mask, past)
        return encoded

    def decode(
        self,
        encoded: Float[Tensor, "batch time width"],
        identity: Float[Tensor, "batch 68 2"],
        mask: Mask | None,
        past: Past | None = None,
    ) -> list[Float[Tensor, "batch time values"]]:
        """The output of every decoder."""
        return [decoder(encoded, identity, mask, past) for decoder in self.decoders]


class Decoder(nn.Module):
    """Audio at the frame rate, guided by the identity's points, to one value a coordinate."""

    def __init__(self, config: KFusionConfig, *, mouth: bool) -> None:
        super().__init__()
        self.points = MOUTH if mouth else slice(0, POINT_COUNT)
        count = MOUTH_COUNT if mouth else POINT_COUNT
        self.point_in = nn.Linear(2, config.width)
        self.point_names = nn.Parameter(torch.randn(count, config.width) * config.width**-0.5)
        self.layers = nn.ModuleList(
            DecoderLayer(config.width, config.heads, config.dropout) for _ in range(config.decoder_layers)
        )
        self.vector_in = nn.Linear(FACE, config.width) if config.identity_vector else None
        self.norm = nn.LayerNorm(config.width)
        self.out = nn.Linear(config.width, 2 * count)

    def forward(
        self,
        x: Float[Tensor, "batch time width"],
        identity: Float[Tensor, "batch 68 2"],
        mask: Mask | None,
        past: Past | None = None,
    ) -> Float[Tensor, "batch time values"]:
        """gb, gb_m or ct."""
        tokens = self.point_in(identity[:, self.points]) + self.point_names
        if self.vector_in is not None:
            x = x + self.vector_in(identity.flatten(1))[:, None]
        for layer in self.layers:
            x = layer(x, tokens, mask, past)
        values: Tensor = self.out(self.norm(x))
        return values


class Recurrent(nn.Module):
    """An LSTM over the frames: f or m."""

    def __init__(self, config: KFusionConfig, outputs: int) -> None:
        super().__init__()
        self.lstm = MixedLSTM(config.width, config.lstm_width, batch_first=True)
        self.dropout = nn.Dropout(config.dropout)
        self.out = nn.Linear(config.lstm_width, outputs)

    def forward(
        self, x: Float[Tensor, "batch time width"], past: Past | None = None
    ) -> Float[Tensor, "batch time outputs"]:
        """One vector a frame."""
        values: Tensor = self.out(self.dropout(self._hidden(x, past)))
        return values

    def _hidden(self, x: Float[Tensor, "batch time width"], past: Past | None) -> Tensor:
        if past is None:
            hidden: Tensor = self.lstm(x)[0]
            return hidden
        before = past.take()
        hidden, last = self.lstm(x, None if before is None else tuple(before))
        past.keep(torch.stack(last))
        return hidden

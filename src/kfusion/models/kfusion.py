"""KFusion of Dual-Domain (Vo-Thanh, Nguyen and Kim 2024): speech and a face to moving landmarks."""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from kfusion.bundle_format import BLOCK_SAMPLES
from kfusion.emotion import EMOTIONS, INTENSITIES
from kfusion.errors import InputError
from kfusion.landmarks import MOUTH, MOUTH_COUNT, POINT_COUNT
from kfusion.models.kan import KAN, ORDER
from kfusion.models.layers import DecoderLayer, EncoderLayer, Mask, TimeConv, steps_to_frames
from kfusion.models.lstm import MixedLSTM
from kfusion.models.mlp import MLP, parameters_in
from kfusion.models.past import BLOCK_FRAMES, BLOCK_STEPS, Past, whole_blocks
from kfusion.models.speech.encoder import frames_in, steps_in
from kfusion.models.speech.mel import HOP, WINDOW, MelPower

FACE = 2 * POINT_COUNT
"""F of the paper: x and y of every point, interleaved."""
LIPS = 2 * MOUTH_COUNT
"""M of the paper."""
SIGNALS, FUSIONS, HEADS = ("waveform", "mel"), ("kfusion", "concat"), ("kan", "mlp")
LSTM_INPUTS = ("features", "encoder")
DISPLACEMENT = 0.05
"""Inter-ocular distances a residual network's output of 1 stands for: a typical motion of the lips."""
STEP_SAMPLES = 2 * HOP
SIGNAL_MARGINS = 360, 200
"""Samples before and after a piece of sound that its signal is made from."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KFusionConfig:
    """The shape of a `KFusion` network; the defaults of the ablations' fields are the whole network."""

    speech_encoder: str = "whisper-tiny.en"
    """Whose features the Content Domain reads, a name for `load_speech_encoder`."""
    feature_dim: int = 768
    """Width of those features."""
    signal: Literal["waveform", "mel"] = "waveform"
    """What the Global Domain reads: the waveform through learned filters, or its log-mel spectrum."""
    width: int = 768
    """Width of the Transformers."""
    heads: int = 8
    encoder_layers: int = 1
    decoder_layers: int = 1
    lstm_width: int = 512
    bottleneck: int = 128
    """Width inside the 1-3-1 bottlenecks."""
    kan_width: int = 512
    """Hidden width of the KAN."""
    kan_grid: int = 5
    """Intervals of the spline grid."""
    kan_gain: float = 1.0
    """What the input of every KAN layer is multiplied by before its tanh, at the start of training; it is learned.
    At 1 most inputs stay within one interval of the grid, where a spline is nearly a straight line."""
    residual_identity: bool = False
    """The KAN predicts the displacement from the identity instead of the landmarks."""
    identity_vector: bool = False
    """The decoders also hear all of the identity's coordinates at once, through a linear layer."""
    dropout: float = 0.1
    global_domain: bool = True
    """Off: "w/o Global", neither gb nor gb_m; the network does not hear the signal itself."""
    lstm_reads: Literal["features", "encoder"] = "features"
    """What the LSTMs read: the features times the emotion variable, as in the paper, or E(x') of the Content Domain."""
    lstm: bool = True
    """Off: "w/o LSTM", neither f nor m; the mouth vector is gb_m alone."""
    fusion: Literal["kfusion", "concat"] = "kfusion"
    """`concat`: "w/o KFusion", one linear layer in place of the bottlenecks, the product and the KAN."""
    head: Literal["kan", "mlp"] = "kan"
    """What stands last: the KAN, or an MLP in its place."""
    mlp_width: int | None = None
    """Hidden width of the MLP; none: kan_width. `matched_mlp_width` gives the one with as many parameters."""
    live: bool = False
    """For streams: attention sees its block of 100 ms and one second before it, convolutions the past alone.

    The name in checkpoints and on the command line, older than the word stream for it.
    """

    def __post_init__(self) -> None:
        choices = ("signal", SIGNALS), ("fusion", FUSIONS), ("head", HEADS), ("lstm_reads", LSTM_INPUTS)
        for name, known in choices:
            if getattr(self, name) not in known:
                raise InputError(f"unknown {name} '{getattr(self, name)}': use {' or '.join(known)}")
        if self.width % self.heads:
            raise InputError(f"width {self.width} is not a multiple of heads {self.heads}: choose one that is")
        if not 0 <= self.dropout < 1:
            raise InputError(f"dropout {self.dropout} is not in [0, 1)")
        if not self.kan_gain > 0:
            raise InputError(f"kan_gain {self.kan_gain}: use more than 0")
        self._check_ablations()

    def _check_ablations(self) -> None:
        if not self.global_domain and not self.lstm:
            raise InputError("global_domain and lstm are both off: nothing is left for the mouth, keep one of them")
        if self.fusion == "concat" and self.head != "kan":
            raise InputError(f"head {self.head} has no place in fusion concat, which ends in a linear layer: drop one")
        if self.mlp_width is not None and (self.head != "mlp" or self.mlp_width < 1):
            raise InputError(f"mlp_width {self.mlp_width}: use 1 or more, with head mlp")

    @property
    def face_inputs(self) -> int:
        """Width of x_f: f, gb and ct, those that are there."""
        return FACE * (1 + self.lstm + self.global_domain)

    @property
    def lips_inputs(self) -> int:
        """Width of x_m: m and gb_m, those that are there."""
        return LIPS * (self.lstm + self.global_domain)


def matched_mlp_width(config: KFusionConfig) -> int:
    """The `mlp_width` whose parameters are nearest in number to those of the configuration's KAN."""
    kan = 2 * FACE * config.kan_width * (1 + config.kan_grid + ORDER) + FACE + config.kan_width
    one, two = (parameters_in(FACE, width, FACE) for width in (1, 2))
    return max(1, round((kan - one) / (two - one)) + 1)


class KFusion(nn.Module):
    """Speech, an identity and an emotion to landmarks in the identity's unit frame.

                    identity v ──────────┬────────── v_m = v[L_m]
                                         │
        samples ── E ── Conv ──┬── D_f(·, v) ──── gb ───┐
                   (Global)    └── D_m(·, v_m) ── gb_m ─│─┐
                                                        │ │      x_f = f ⊕ gb ⊕ ct ── B(x_f) ⊗ Conv(x_f) ─┐
        features × w(emotion) ─┬── E, Conv, D(·, v) ─ ct┤ ├──                                    at L_m ← ├─ KAN ─ y'
                   (Content)   ├── LSTM ───────────── f ┘ │      x_m = m ⊕ gb_m ──── B(x_m) ──────────────┘
                               └── LSTM ───────────── m ──┘

    An ablation leaves a branch out (`global_domain`, `lstm`) or puts something simpler in its place
    (`fusion`, `head`); the branches that stay are as they were.

    Departs from the paper:
        - F is 136 and M is 40: x and y of all points in one vector, so that the KAN relates them.
        - A decoder's sequence is the audio at the frame rate and its memory are the identity's points,
          one token each, so any length works and every point is told apart.
        - Positions are encoded as learned linear attention biases, which go on beyond trained lengths.
        - E(x) of the Global Domain starts with a strided convolution (a waveform at 16 kHz is too long
          for attention), or with the fixed log-mel filters (`signal="mel"`), which learn from less data.
        - The rate change is a linear interpolation to the frames' instants and then a convolution: 50 Hz
          and 30 Hz have no common stride.
        - Every KAN layer's input is multiplied by a learned gain and passes a tanh onto its grid.
        - `w` is learned for each category and intensity and starts at 1, with one value for "unknown".
        - Landmarks are in the unit frame of the identity; with `residual_identity` the KAN predicts the
          displacement from it, in units of `DISPLACEMENT`.
        - With `identity_vector` a decoder's input also holds all coordinates of the identity, through a
          linear layer: attention over points mixes them by one matrix, so it can hardly tell which of them
          is where, and with it how far this face is from its resting pose.
        - Features and the identity are standardised; the features pass one linear layer to the
          Transformers' width before E and the LSTMs; the LSTMs run at the frame rate. The Transformer
          layers are pre-norm, the bottlenecks have GELUs between their convolutions.
        - Conv stands before the decoders, as in Eq. 5 and 6; the text says after.
        - With `lstm_reads="encoder"` the LSTMs read what the Content Domain's decoder reads, so that its Transformer
          reaches the lips.
        - With `live` no layer hears later sound than that of its block of 100 ms (`kfusion.models.past`); the
          paper's network hears the whole clip.
        - The paper does not say how its ablations are built: those of `Concatenation` and `MLP` are ours,
          and without the Global Domain or the LSTMs the concatenations are narrower.
    """

    def __init__(self, config: KFusionConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("feature_mean", torch.zeros(config.feature_dim))
        self.register_buffer("feature_std", torch.ones(config.feature_dim))
        self.register_buffer("identity_mean", torch.zeros(POINT_COUNT, 2))
        self.register_buffer("identity_std", torch.ones(POINT_COUNT, 2))
        self.emotion = EmotionVariable(config.feature_dim)
        self.signal = Signal(config) if config.global_domain else None
        self.global_domain = Domain(config, heads=("face", "mouth")) if config.global_domain else None
        self.content_in = nn.Linear(config.feature_dim, config.width)
        self.content_domain = Domain(config, heads=("face",))
        self.face_lstm = Recurrent(config, FACE) if config.lstm else None
        self.mouth_lstm = Recurrent(config, LIPS) if config.lstm else None
        self.fusion = Fusion(config) if config.fusion == "kfusion" else Concatenation(config)

    def forward(
        self,
        samples: Float[Tensor, "batch samples"],
        features: Float[Tensor, "batch steps feature_dim"],
        identity: Float[Tensor, "batch 68 2"],
        emotion: Int[Tensor, "batch 2"],
        frames: Int[Tensor, " batch"] | None = None,
    ) -> Float[Tensor, "batch time 68 2"]:
        """Landmarks at 30 fps in the unit frame, `frames_in(samples)` of them.

        Args:
            samples: 16 kHz, zeros after the end of a clip.
            features: of the same sound, at 50 Hz; what stands after the end of a clip is not looked at, as
                long as it is finite.
            identity: landmarks in their own unit frame.
            emotion: indices of category and intensity, 0 for unknown (`kfusion.emotion.emotion_index`).
            frames: how many frames each clip of a padded batch has; None: all are whole.
        """
        time = frames_in(samples.shape[1])
        if self.config.live:
            blocks = whole_blocks(time)
            steps = blocks * BLOCK_STEPS
            features = F.pad(features, (0, 0, 0, steps))[:, :steps]
            sound = _with_margins(samples, blocks * BLOCK_SAMPLES)
            return self.advance(sound, features, identity, emotion, Past(blocks), frames)[:, :time]
        return self._landmarks(samples, features, identity, emotion, _masks(frames, time), time)

    def advance(
        self,
        samples: Float[Tensor, "batch heard"],
        features: Float[Tensor, "batch steps feature_dim"],
        identity: Float[Tensor, "batch 68 2"],
        emotion: Int[Tensor, "batch 2"],
        past: Past,
        frames: Int[Tensor, " batch"] | None = None,
    ) -> Float[Tensor, "batch time 68 2"]:
        """The landmarks of the next blocks of a streamed voice, in the unit frame.

        Args:
            samples: of these blocks, with the `SIGNAL_MARGINS` before and after them.
            features: five steps a block.
            identity: landmarks in their own unit frame.
            emotion: indices of category and intensity.
            past: what the blocks before left behind; this call leaves its own there.
            frames: how many frames each clip of a padded batch has; None: all are whole.
        """
        time = past.blocks * BLOCK_FRAMES
        return self._landmarks(samples, features, identity, emotion, _masks(frames, time), time, past)

    def _landmarks(
        self,
        samples: Float[Tensor, "batch heard"],
        features: Float[Tensor, "batch steps feature_dim"],
        identity: Float[Tensor, "batch 68 2"],
        emotion: Int[Tensor, "batch 2"],
        masks: tuple[Mask | None, Mask | None],
        time: int,
        past: Past | None = None,
    ) -> Float[Tensor, "batch time 68 2"]:
        step_mask, mask = masks
        normal = (features - self.get_buffer("feature_mean")) / self.get_buffer("feature_std")
        content = self.content_in(normal * self.emotion(emotion)[:, None])  # Eq. 7
        face_shape = (identity - self.get_buffer("identity_mean")) / self.get_buffer("identity_std")
        gb, gb_m = self._global(samples, face_shape, step_mask, mask, past)
        encoded = self.content_domain.encode(content, step_mask, mask, past)
        ct = self.content_domain.decode(encoded, face_shape, mask, past)
        reads = encoded if self.config.lstm_reads == "encoder" else steps_to_frames(content, time)
        f, m = self._recurrent(reads, past)
        face, lips = torch.cat([*f, *gb, *ct], dim=-1), torch.cat([*m, *gb_m], dim=-1)  # Eq. 9, 8
        predicted = self.fusion(face, lips, mask, past).unflatten(-1, (POINT_COUNT, 2))
        landmarks: Tensor = identity[:, None] + DISPLACEMENT * predicted if self.config.residual_identity else predicted
        return landmarks

    def _recurrent(
        self, content: Float[Tensor, "batch time width"], past: Past | None
    ) -> tuple[list[Tensor], list[Tensor]]:
        """The vectors f and m, each in a list, which is empty without them."""
        if self.face_lstm is None or self.mouth_lstm is None:
            return [], []
        return [self.face_lstm(content, past)], [self.mouth_lstm(content, past)]

    def _global(
        self,
        samples: Float[Tensor, "batch heard"],
        identity: Tensor,
        step_mask: Mask | None,
        mask: Mask | None,
        past: Past | None,
    ) -> tuple[list[Tensor], list[Tensor]]:
        """The vectors gb and gb_m, each in a list, which is empty without them."""
        if self.signal is None or self.global_domain is None:
            return [], []
        signal = self.signal(samples) if past is None else self.signal.streamed(samples)
        encoded = self.global_domain.encode(signal, step_mask, mask, past)
        gb, gb_m = self.global_domain.decode(encoded, identity, mask, past)  # Eq. 5, 6
        return [gb], [gb_m]


def _masks(frames: Int[Tensor, " batch"] | None, time: int) -> tuple[Mask | None, Mask | None]:
    """Which steps and which of `time` frames are there; None: all."""
    return (None, None) if frames is None else (_mask((frames * 5 + 2) // 3, steps_in(time)), _mask(frames, time))


def _with_margins(samples: Float[Tensor, "batch samples"], wanted: int) -> Float[Tensor, "batch heard"]:
    """`wanted` samples, zeros after the end, and the margins that `KFusion.advance` asks for."""
    before, after = SIGNAL_MARGINS
    return F.pad(samples, (before, wanted + after))[:, : before + wanted + after]


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
        return self.streamed(_with_margins(samples, steps_in(frames_in(samples.shape[1])) * STEP_SAMPLES))

    def streamed(self, heard: Float[Tensor, "batch heard"]) -> Float[Tensor, "batch steps width"]:
        """One vector for every step of a piece of sound that has the `SIGNAL_MARGINS` on its sides."""
        vectors: Tensor = F.gelu(self.down(self._hops(heard)))
        return vectors.transpose(1, 2)

    def _hops(self, padded: Float[Tensor, "batch padded"]) -> Float[Tensor, "batch bins hops"]:
        return _log(self.filters(padded)) if self.log else F.gelu(self.filters(padded[:, None]))


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


class Bottleneck(nn.Module):
    """Conv(1) - Conv(3) - Conv(1) over time: B of the paper."""

    def __init__(self, inputs: int, width: int, outputs: int) -> None:
        super().__init__()
        self.narrow = TimeConv(inputs, width)
        self.mix = TimeConv(width, width, 3)
        self.widen = TimeConv(width, outputs)

    def forward(
        self, x: Float[Tensor, "batch time inputs"], mask: Mask | None, past: Past | None = None
    ) -> Float[Tensor, "batch time outputs"]:
        """B(x)."""
        x = F.gelu(self.narrow.over_time(x, mask))
        return self.widen.over_time(F.gelu(self.mix.over_time(x, mask, past)), mask)


class Fusion(nn.Module):
    """KFusion: Eq. 10, 11 and 12; with `head="mlp"` an MLP takes the KAN's place in Eq. 12.

    Eq. 10 leaves the 40 values out that Eq. 11 would write over.
    """

    def __init__(self, config: KFusionConfig) -> None:
        super().__init__()
        self.face = Bottleneck(config.face_inputs, config.bottleneck, 2 * MOUTH.start)
        self.residual = TimeConv(config.face_inputs, 2 * MOUTH.start)
        self.lips = Bottleneck(config.lips_inputs, config.bottleneck, LIPS)
        self.head = _head(config)

    def forward(
        self,
        face: Float[Tensor, "batch time face"],
        lips: Float[Tensor, "batch time lips"],
        mask: Mask | None,
        past: Past | None = None,
    ) -> Float[Tensor, "batch time 136"]:
        """Y' as x and y of every point, interleaved."""
        rest = self.face(face, mask, past) * self.residual.over_time(face, mask)  # Eq. 10
        inserted = torch.cat([rest, self.lips(lips, mask, past)], dim=-1)  # Eq. 11
        result: Tensor = self.head(inserted)  # Eq. 12
        return result


class Concatenation(nn.Module):
    """The ablation "w/o KFusion": each vector through one linear layer, then Eq. 11."""

    def __init__(self, config: KFusionConfig) -> None:
        super().__init__()
        self.face = nn.Linear(config.face_inputs, 2 * MOUTH.start)
        self.lips = nn.Linear(config.lips_inputs, LIPS)

    def forward(
        self,
        face: Float[Tensor, "batch time face"],
        lips: Float[Tensor, "batch time lips"],
        mask: Mask | None,
        past: Past | None = None,
    ) -> Float[Tensor, "batch time 136"]:
        """Y' as x and y of every point, interleaved."""
        return torch.cat([self.face(face), self.lips(lips)], dim=-1)


def _head(config: KFusionConfig) -> KAN | MLP:
    if config.head == "kan":
        return KAN(FACE, config.kan_width, FACE, grid=config.kan_grid, gain=config.kan_gain)
    return MLP(FACE, config.mlp_width or config.kan_width, FACE)


def _log(power: Float[Tensor, "batch bins frames"]) -> Float[Tensor, "batch bins frames"]:
    """Log power, about 2 for speech, 0 for silence."""
    return ((power + 1e-7).log10() + 7.0) / 2.0


def _mask(counts: Int[Tensor, " batch"], length: int) -> Mask:
    return torch.arange(length, device=counts.device) < counts[:, None]

"""KFusion of Dual-Domain (Vo-Thanh, Nguyen and Kim 2024): speech and a face to moving landmarks."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from kfusion.bundle_format import BLOCK_SAMPLES
from kfusion.landmarks import POINT_COUNT
from kfusion.models.domains import Domain, EmotionVariable, Recurrent, Signal, with_margins
from kfusion.models.fusion import Concatenation, Fusion
from kfusion.models.kfusion_config import FACE, LIPS, KFusionConfig
from kfusion.models.layers import Mask, steps_to_frames
from kfusion.models.past import BLOCK_FRAMES, BLOCK_STEPS, Past, whole_blocks
from kfusion.models.speech.encoder import frames_in, steps_in

DISPLACEMENT = 0.05
"""Inter-ocular distances a residual network's output of 1 stands for: a typical motion of the lips."""


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
            sound = with_margins(samples, blocks * BLOCK_SAMPLES)
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


def _mask(counts: Int[Tensor, " batch"], length: int) -> Mask:
    return torch.arange(length, device=counts.device) < counts[:, None]

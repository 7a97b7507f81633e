"""Eskimez, Zhang and Duan 2021, "Speech Driven Talking Face Generation from a Single Image and an Emotion ..."."""

from itertools import pairwise

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from kfusion.emotion import EMOTIONS
from kfusion.landmarks import POINT_COUNT
from kfusion.models.acoustics import nearest_hops
from kfusion.models.baselines.atvgnet import beside
from kfusion.models.baselines.baseline import HUNDREDTHS, Baseline, SpokenClips
from kfusion.models.layers import masked_mean
from kfusion.models.lstm import MixedLSTM

CHANNELS = (32, 64, 128, 256)
"""Half the source's (64, 128, 256, 512)."""
KERNELS, STRIDES = (63, 31, 17, 9), (4, 4, 2, 2)
NARROW = 16
CONTEXT = 17
"""Steps that a frame hears to either side, in addition to a step's own 87 ms."""
WIDTH = 256
"""Of speech, face and emotion; half the source's 512."""
DISPLACEMENT = 0.05
"""Inter-ocular distances an output of 1 stands for."""
STEP = 128
"""Samples at 16 kHz from step to step: 8 ms."""
_SEEN = 695
"""Samples at 8 kHz that a step sees."""


class Eskimez2021(Baseline):
    """The waveform, an identity and an emotion to the displacement from the identity.

        waveform, 8 kHz ── WaveformEncoder ── LSTM 2 ─┐
        identity ── Linear ── Linear ─────────────────┼─ Linear ── Linear ── x .05 ── + identity
        emotion, one-hot ── Linear ── Linear ─────────┘

    An adaptation: the source draws pictures. From it are the speech encoder (kernels, strides, 16 channels over 35
    steps), the LSTM over it, the emotion's two layers, the leaky ReLUs.

    Departs from the source:
        - Landmarks instead of pictures, at 30 fps instead of 25: two layers on the identity stand for the picture's
          encoder, two layers for the decoder, L1 for the losses on pictures. There is no noise input, no
          discriminator of frames or emotions and no emotion classifier.
        - All widths are halved, so that a training step takes a fraction of a second on a CPU.
        - The first weights keep the size of the signal (He et al. 2015): with the source's, the sound hardly reaches
          the output before hours of training.
        - Silence stands beyond the clip instead of its reflection and noise. 8 kHz are the means of two samples.
        - Eight emotions instead of six; unknown is the zero vector. Intensities have no effect.
    """

    reads_emotion = True

    def __init__(self) -> None:
        super().__init__()
        self.speech = WaveformEncoder()
        self.lstm = MixedLSTM(WIDTH, WIDTH, 2, batch_first=True)
        self.face = _two_layers(2 * POINT_COUNT, WIDTH)
        self.emotion = _two_layers(len(EMOTIONS), WIDTH)
        self.out = nn.Sequential(nn.Linear(3 * WIDTH, WIDTH), nn.LeakyReLU(0.2), nn.Linear(WIDTH, 2 * POINT_COUNT))

    def fit_sound(self, samples: Float[Tensor, "examples samples"]) -> None:
        """The spread of the waveform."""
        self.speech.get_buffer("spread").copy_(samples.float().std(correction=0).clamp(min=1e-4))

    def displacement(self, clips: SpokenClips) -> Float[Tensor, "batch time 68 2"]:
        """See `Baseline`; features and the intensity are not looked at."""
        heard = self.lstm(self.speech(clips.sound, clips.time))[0]
        one_hot = F.one_hot(clips.emotion[:, 0], 1 + len(EMOTIONS))[:, 1:].to(clips.identity.dtype)
        x = beside(heard, torch.cat([self.face(clips.identity.flatten(1)), self.emotion(one_hot)], dim=-1))
        moved = self.out(x)
        points: Tensor = DISPLACEMENT * moved.unflatten(-1, (POINT_COUNT, 2))
        return points

    def loss(
        self,
        predicted: Float[Tensor, "batch time 68 2"],
        target: Float[Tensor, "batch time 68 2"],
        mask: Bool[Tensor, "batch time"],
    ) -> dict[str, Tensor]:
        """L1 over coordinates."""
        error = HUNDREDTHS * (predicted.float() - target)
        return {"position": masked_mean(error.abs().mean((-1, -2)), mask)}


class WaveformEncoder(nn.Module):
    """The waveform to a vector a frame: strided convolutions to 125 steps a second, 35 of them around the frame."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for (inputs, outputs), kernel, stride in zip(pairwise((1, *CHANNELS)), KERNELS, STRIDES, strict=True):
            layers += [nn.Conv1d(inputs, outputs, kernel, stride), nn.LeakyReLU(0.2)]
        self.conv = nn.Sequential(*layers, nn.Conv1d(CHANNELS[-1], NARROW, 1), nn.LeakyReLU(0.2))
        self.out = nn.Sequential(nn.Linear((2 * CONTEXT + 1) * NARROW, WIDTH), nn.LeakyReLU(0.2))
        self.register_buffer("spread", torch.ones(()))
        for layer in (*self.conv, self.out[0]):
            if isinstance(layer, nn.Conv1d | nn.Linear):
                nn.init.kaiming_normal_(layer.weight, a=0.2)

    def forward(self, samples: Float[Tensor, "batch samples"], frames: int) -> Float[Tensor, "batch frames width"]:
        """One vector a frame; silence stands beyond the ends."""
        steps = nearest_hops(frames, STEP)
        half = samples / self.get_buffer("spread")
        half = F.avg_pool1d(F.pad(half, (0, samples.shape[1] % 2))[:, None], 2)
        needed = _SEEN + (int(steps[-1]) + 2 * CONTEXT) * STEP // 2
        lead = _SEEN // 2 + CONTEXT * STEP // 2
        local = self.conv(F.pad(half, (lead, needed))[..., :needed]).transpose(1, 2)
        places = steps[:, None] + torch.arange(2 * CONTEXT + 1)
        around = local.index_select(1, places.flatten().to(local.device)).unflatten(1, places.shape)
        vectors: Tensor = self.out(around.flatten(2))
        return vectors


def _two_layers(inputs: int, width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, width), nn.LeakyReLU(0.2), nn.Linear(width, width), nn.LeakyReLU(0.2))

"""The audio-to-landmark network of EVP (Ji et al. 2021, "Audio-Driven Emotional Video Portraits")."""

from itertools import pairwise

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from kfusion.models.acoustics import nearest_hops
from kfusion.models.baselines.atvgnet import (
    AUDIO,
    HIDDEN,
    LSTM,
    REACH,
    MfccBaseline,
    MfccEncoder,
    beside,
    coefficient_error,
    identity_encoder,
    mfcc_sequence,
)
from kfusion.models.baselines.baseline import SpokenClips, squared_error
from kfusion.models.lstm import MixedLSTM

COMPONENTS = 16
EMOTION = 128
EMOTION_CHANNELS = (8, 16, 32, 64)
"""The source's (64, 128, 256, 512) by eight."""
WINDOW_STEPS = 28
LANDMARK_WEIGHT = 10.0


class Evp(MfccBaseline):
    """MFCC, heard for content and for emotion, and an identity to PCA coefficients of the displacement.

                                     ┌─ MfccEncoder ── 256 ────┐
        MFCC around each frame ──────┤                         │
                                     └─ EmotionEncoder ── 128 ─┼─ LSTM 3 x 256 ── Linear ── 16 ── PCA ── + identity
        identity ── PCA 16 ── 256 ── 512 ──────────────────────┘

    Follows the source: both encoders' layers, the LSTM, 16 components of the displacement, the two losses.

    Departs from the source:
        - 30 fps instead of 25, our 68 points in the identity's unit frame instead of 106 points.
        - Coefficients are in units of the first one's spread, and the identity has components of its own.
        - The emotion is heard, as in the source, and its encoder is trained with the rest: the corpora without
          labels leave no other way. Dropped are the classifier that trains it first, and the cross-reconstruction
          of aligned clips that parts content from emotion. So labels have no effect.
        - The content encoder has a quarter of the channels and runs as in `AtNet`; that of the emotion has an eighth.
    """

    def __init__(self) -> None:
        super().__init__(COMPONENTS)
        self.content = MfccEncoder(AUDIO)
        self.emotion = EmotionEncoder()
        self.identity_in = identity_encoder(COMPONENTS)
        self.lstm = MixedLSTM(AUDIO + EMOTION + 512, LSTM, 3, batch_first=True)
        self.out = nn.Linear(LSTM, COMPONENTS)

    def displacement(self, clips: SpokenClips) -> Float[Tensor, "batch time 68 2"]:
        """See `Baseline`; features and the label are not looked at."""
        mfccs = mfcc_sequence(self.sound, clips)
        heard = torch.cat([self.content(mfccs, clips.time), self.emotion(mfccs, clips.time)], dim=-1)
        face = self.identity_in(self.identity_pca.coefficients(clips.identity))
        moved: Tensor = self.pca(self.out(self.lstm(beside(heard, face))[0]))
        return moved

    def loss(
        self,
        predicted: Float[Tensor, "batch time 68 2"],
        target: Float[Tensor, "batch time 68 2"],
        mask: Bool[Tensor, "batch time"],
    ) -> dict[str, Tensor]:
        """MSE over coefficients and ten times the MSE over coordinates."""
        return {
            "coefficients": coefficient_error(self.pca, predicted, target, mask),
            "landmarks": LANDMARK_WEIGHT * squared_error(predicted, target, mask),
        }


class EmotionEncoder(nn.Module):
    """The 28 MFCC steps around each frame to a vector; all coefficients are pooled into one."""

    def __init__(self) -> None:
        super().__init__()
        first, second, third, fourth = (_conv(*sizes) for sizes in pairwise((1, *EMOTION_CHANNELS)))
        self.conv = nn.Sequential(
            first, nn.MaxPool2d((1, 3), (1, 2)), second, third, nn.MaxPool2d((12, 1)), fourth, nn.MaxPool2d((1, 2))
        )
        self.out = nn.Sequential(
            nn.Linear(6 * EMOTION_CHANNELS[-1], HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, EMOTION), nn.ReLU()
        )

    def forward(self, mfccs: Float[Tensor, "batch steps 12"], frames: int) -> Float[Tensor, "batch frames width"]:
        """One vector a frame, from the sequence of `mfcc_sequence`."""
        places = nearest_hops(frames)[:, None] + torch.arange(REACH - WINDOW_STEPS // 2, REACH + WINDOW_STEPS // 2)
        windows = mfccs[:, places.to(mfccs.device)].flatten(0, 1).transpose(1, 2)[:, None]
        vectors: Tensor = self.out(self.conv(windows).flatten(1)).unflatten(0, (len(mfccs), frames))
        return vectors


def _conv(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU())

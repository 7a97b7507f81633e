"""Song, Wu, Qian, He and Loy 2020, "Everybody's Talkin': Let Me Talk as You Want", as far as it could be known."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from kfusion.landmarks import MOUTH
from kfusion.models.acoustics import nearest_hops
from kfusion.models.baselines.atvgnet import COEFFICIENTS, REACH, MfccBaseline, beside, coefficient_error, mfcc_sequence
from kfusion.models.baselines.baseline import SpokenClips, squared_error
from kfusion.models.lstm import MixedLSTM

WINDOW_STEPS = 28
BASES = 8
"""Ways in which voices differ; ours."""
WIDTH = 256
"""Of a frame's sound and of the LSTM; ours."""
COMPONENTS = 32
"""In place of the expression parameters of a 3-D face model; ours."""
BASIS_SPREAD = 0.05
"""Of the first weights of the bases, so that the spectrum is hardly changed at first."""


class Song2020(MfccBaseline):
    """MFCC without the speaker's identity to the expression of a face.

        MFCC, 28 x 12 ── IdentityRemoval ── 256 ─┐
                                                 ├─ LSTM 256 ── Linear ── 32 ── PCA ── + identity
        identity ── PCA 32 ──────────────────────┘

    An adaptation of the audio-to-expression stage: the source goes on to a 3-D face model, its mouth landmarks and
    a video renderer. From it are the MFCC of 28 x 12 around a frame, the removal of the speaker by a mixture of
    learned bases, the LSTM, and the two terms of the loss: of the expression's parameters and of the mouth's points.

    Departs from the source:
        - PCA coefficients of the displacement of our 68 points in the identity's unit frame, at 30 fps, stand for the
          expression parameters of a 3-D face model; the points of the mouth are those of the PCA, not a projection.
        - The LSTM is told the identity: the source learns a parameter space that has none.

    What could not be known: no code is public. How many bases, layers and units there are, how the terms of the
    loss are weighed (here alike, in landmarks of the same unit), and the learning rate are ours.
    """

    def __init__(self) -> None:
        super().__init__(COMPONENTS)
        self.removal = IdentityRemoval()
        self.speech_in = nn.Sequential(nn.Linear(WINDOW_STEPS * COEFFICIENTS, WIDTH), nn.ReLU())
        self.lstm = MixedLSTM(WIDTH + COMPONENTS, WIDTH, batch_first=True)
        self.out = nn.Linear(WIDTH, COMPONENTS)

    def displacement(self, clips: SpokenClips) -> Float[Tensor, "batch time 68 2"]:
        """See `Baseline`; features and emotion are not looked at."""
        mfccs = mfcc_sequence(self.sound, clips)
        places = nearest_hops(clips.time)[:, None] + torch.arange(REACH - WINDOW_STEPS // 2, REACH + WINDOW_STEPS // 2)
        heard = self.speech_in(self.removal(mfccs[:, places.to(mfccs.device)]).flatten(2))
        face = self.identity_pca.coefficients(clips.identity)
        moved: Tensor = self.pca(self.out(self.lstm(beside(heard, face))[0]))
        return moved

    def loss(
        self,
        predicted: Float[Tensor, "batch time 68 2"],
        target: Float[Tensor, "batch time 68 2"],
        mask: Bool[Tensor, "batch time"],
    ) -> dict[str, Tensor]:
        """MSE over coefficients, and over the coordinates of the mouth."""
        return {
            "coefficients": coefficient_error(self.pca, predicted, target, mask),
            "mouth": squared_error(predicted[:, :, MOUTH], target[:, :, MOUTH], mask),
        }


class IdentityRemoval(nn.Module):
    """A spectrum turned by W = W0 + sum of lambda_i W_i, whose lambda are the softmax of a layer on that spectrum."""

    def __init__(self) -> None:
        super().__init__()
        self.common = nn.Parameter(torch.eye(COEFFICIENTS))
        self.bases = nn.Parameter(BASIS_SPREAD * torch.randn(BASES, COEFFICIENTS, COEFFICIENTS))
        self.voice = nn.Linear(WINDOW_STEPS * COEFFICIENTS, BASES)

    def forward(self, windows: Float[Tensor, "batch time 28 12"]) -> Float[Tensor, "batch time 28 12"]:
        """Every frame's window, with what is the speaker's taken out of its coefficients."""
        shares = self.voice(windows.flatten(2)).softmax(-1)
        turn = self.common + torch.einsum("bti,icd->btcd", shares, self.bases)
        turned: Tensor = windows.to(turn.dtype) @ turn.transpose(-1, -2)
        return turned

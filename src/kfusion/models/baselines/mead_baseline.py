"""The audio-to-landmark network of the MEAD baseline (Wang et al. 2020, "MEAD: A Large-scale Audio-visual Dataset")."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from kfusion.landmarks import MOUTH, MOUTH_COUNT
from kfusion.models.acoustics import Mfcc, deltas, frame_centres, with_neighbours
from kfusion.models.baselines.baseline import HUNDREDTHS, Baseline, SpokenClips
from kfusion.models.baselines.pca import LandmarkPCA
from kfusion.models.layers import hide, masked_mean
from kfusion.models.lstm import MixedLSTM
from kfusion.models.speech.encoder import frames_in

COEFFICIENTS = 14
MEL_BINS = 80
WINDOW_FRAMES = 30
LSTM = 60
COMPONENTS = 20
_EDGE = 2
"""Frames that a delta takes from either end."""


class MeadBaseline(Baseline):
    """A second of MFCC around each frame to PCA coefficients of the mouth; the rest of the face is held.

        MFCC and deltas, 30 frames x 28 ── LSTM 3 x 60 ── last step ─┐
                                                                     ├─ Linear ── 20 ── PCA ── + identity's mouth
        identity's mouth ── PCA 20 ──────────────────────────────────┘

    Follows the source: 30 fps, 14 MFCC (the zeroth too) and their deltas, the window from 15 frames before to 14
    after with zeros beyond the clip, the LSTM anew for every frame, 20 components, the mean L2 distance of
    coefficients. The source's emotions enter behind this stage, when the upper face is drawn, so labels have no
    effect.

    Departs from the source:
        - The components are of the mouth's displacement from the identity, and the last layer also sees the
          identity's: the source trains a network for every speaker and predicts that one's mouth.
        - Every coefficient is standardised over the training sound; the source standardises each frame over its 28
          values. 80 mel filters instead of 128.
        - No weight decay.
    """

    def __init__(self) -> None:
        super().__init__()
        self.sound = MfccAndDeltas()
        self.pca = LandmarkPCA(COMPONENTS, MOUTH_COUNT)
        self.identity_pca = LandmarkPCA(COMPONENTS, MOUTH_COUNT)
        self.lstm = MixedLSTM(2 * COEFFICIENTS, LSTM, 3, batch_first=True)
        self.out = nn.Linear(LSTM + COMPONENTS, COMPONENTS)

    def fit(self, identity: Float[Tensor, "examples 68 2"], target: Float[Tensor, "examples 68 2"]) -> None:
        """The components of the mouth's displacement and those of the identity's mouth."""
        self.pca.fit((target - identity)[:, MOUTH])
        self.identity_pca.fit(identity[:, MOUTH])

    def fit_sound(self, samples: Float[Tensor, "examples samples"]) -> None:
        """Mean and spread of MFCC and deltas."""
        self.sound.fit(samples)

    def displacement(self, clips: SpokenClips) -> Float[Tensor, "batch time 68 2"]:
        """See `Baseline`; features and emotion are not looked at."""
        time = clips.time
        mfccs = self.sound(clips.sound, frame_centres(0, time))
        padded = F.pad(hide(mfccs, clips.mask), (0, 0, WINDOW_FRAMES // 2, WINDOW_FRAMES // 2 - 1))
        windows = padded.unfold(1, WINDOW_FRAMES, 1).transpose(2, 3).flatten(0, 1)
        heard = self.lstm(windows)[0][:, -1].unflatten(0, (-1, time))
        lips = self.identity_pca.coefficients(clips.identity[:, MOUTH])[:, None].expand(-1, time, -1)
        mouth = self.pca(self.out(torch.cat([heard, lips], dim=-1)))
        return F.pad(mouth, (0, 0, MOUTH.start, 0))

    def loss(
        self,
        predicted: Float[Tensor, "batch time 68 2"],
        target: Float[Tensor, "batch time 68 2"],
        mask: Bool[Tensor, "batch time"],
    ) -> dict[str, Tensor]:
        """The mean L2 distance of the mouth's coefficients, in hundredths of the inter-ocular distance."""
        error = self.pca.along(HUNDREDTHS * (predicted.float() - target)[:, :, MOUTH])
        return {"coefficients": masked_mean(torch.linalg.vector_norm(error, dim=-1), mask)}


class MfccAndDeltas(Mfcc):
    """MFCC at 30 fps and their deltas."""

    def __init__(self) -> None:
        super().__init__(0, COEFFICIENTS, MEL_BINS, width=2 * COEFFICIENTS)

    def instants(self, samples: int) -> Int[Tensor, " instants"]:
        """Every frame."""
        return frame_centres(0, frames_in(samples))

    def raw(
        self, samples: Float[Tensor, "batch samples"], centres: Int[Tensor, " instants"]
    ) -> Float[Tensor, "batch instants width"]:
        """Coefficients and deltas before they are standardised; `centres` are those of neighbouring frames."""
        mfccs = self.cepstrum(samples, with_neighbours(centres, _EDGE))
        return torch.cat([mfccs[:, _EDGE:-_EDGE], deltas(mfccs)], dim=-1)

"""AT-net of ATVGnet (Chen, Maddox, Duan and Xu 2019, "Hierarchical Cross-Modal Talking Face Generation")."""

from itertools import pairwise

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from kfusion.landmarks import POINT_COUNT
from kfusion.models.acoustics import Mfcc, hop_centres, nearest_hops
from kfusion.models.baselines.baseline import HUNDREDTHS, Baseline, SpokenClips
from kfusion.models.baselines.pca import LandmarkPCA
from kfusion.models.layers import masked_mean
from kfusion.models.lstm import MixedLSTM

COMPONENTS = 6
COEFFICIENTS = 12
MEL_BINS = 26
CHANNELS = (16, 32, 64, 64, 128)
"""The source's (64, 128, 256, 256, 512) by four."""
HIDDEN = 512
"""The source's 2048 by four."""
AUDIO = 256
LSTM = 256
PLACES = 12
"""Local features that a frame is told from, two MFCC steps apart."""
REACH = 18
"""MFCC steps that a frame hears to either side."""


def mfcc() -> Mfcc:
    """The source's input: coefficients 1 to 12 of 26 mel filters, every 10 ms; the zeroth is left out."""
    return Mfcc(1, COEFFICIENTS, MEL_BINS)


class MfccBaseline(Baseline):
    """What reads MFCC and a face by its principal components, and gives the displacement by its own.

    Args:
        components: how many of each.
    """

    def __init__(self, components: int) -> None:
        super().__init__()
        self.sound = mfcc()
        self.pca = LandmarkPCA(components, POINT_COUNT)
        self.identity_pca = LandmarkPCA(components, POINT_COUNT)

    def fit(self, identity: Float[Tensor, "examples 68 2"], target: Float[Tensor, "examples 68 2"]) -> None:
        """The components of the displacement and those of the identity."""
        self.pca.fit(target - identity)
        self.identity_pca.fit(identity)

    def fit_sound(self, samples: Float[Tensor, "examples samples"]) -> None:
        """Mean and spread of the MFCC."""
        self.sound.fit(samples)


class AtNet(MfccBaseline):
    """MFCC and an identity to PCA coefficients of the landmarks.

        MFCC, 37 x 12 around each frame ── MfccEncoder ── 256 ─┐
                                                               ├─ LSTM 3 x 256 ── Linear ── 6 ── PCA ── + identity
        identity ── PCA 6 ── 256 ── 512 ───────────────────────┘

    Follows the source: the MFCC, the encoders' layers, the LSTM, six components, MSE on coefficients.

    Departs from the source:
        - 30 fps instead of 25, our landmarks in the identity's unit frame instead of Procrustes-aligned ones.
        - The coefficients are those of the displacement from the identity, in units of the first one's spread,
          instead of those of the landmarks times 5; the identity enters by components of its own.
        - The convolutions have a quarter of the channels and run once over the clip, so that a training step
          takes a fraction of a second on a CPU. At a window's ends they see the sound beyond instead of zeros:
          37 MFCC steps are heard instead of 28.
        - No hand-made exaggeration of the coefficients at test time, no weight decay.
    """

    def __init__(self) -> None:
        super().__init__(COMPONENTS)
        self.encoder = MfccEncoder(AUDIO)
        self.identity_in = identity_encoder(COMPONENTS)
        self.lstm = MixedLSTM(AUDIO + 512, LSTM, 3, batch_first=True)
        self.out = nn.Linear(LSTM, COMPONENTS)

    def displacement(self, clips: SpokenClips) -> Float[Tensor, "batch time 68 2"]:
        """See `Baseline`; features and emotion are not looked at."""
        heard = self.encoder(mfcc_sequence(self.sound, clips), clips.time)
        face = self.identity_in(self.identity_pca.coefficients(clips.identity))
        moved: Tensor = self.pca(self.out(self.lstm(beside(heard, face))[0]))
        return moved

    def loss(
        self,
        predicted: Float[Tensor, "batch time 68 2"],
        target: Float[Tensor, "batch time 68 2"],
        mask: Bool[Tensor, "batch time"],
    ) -> dict[str, Tensor]:
        """MSE over coefficients; what of the target is outside the components does not count."""
        return {"coefficients": coefficient_error(self.pca, predicted, target, mask)}


class MfccEncoder(nn.Module):
    """MFCC around each frame to a vector: five convolutions and two poolings, then two linear layers.

    It takes the sequence of `mfcc_sequence`. A local feature sees 15 steps; a frame is told from `PLACES` of them.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        layers = [conv_block(inputs, outputs) for inputs, outputs in pairwise((1, *CHANNELS))]
        pools = (nn.MaxPool2d(3, (1, 2)) for _ in range(2))
        self.local = nn.Sequential(*layers[:2], next(pools), *layers[2:], next(pools))
        self.out = nn.Sequential(
            nn.Linear(PLACES * 2 * CHANNELS[-1], HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, width), nn.ReLU()
        )

    def forward(self, mfccs: Float[Tensor, "batch steps 12"], frames: int) -> Float[Tensor, "batch frames width"]:
        """One vector a frame."""
        local = self.local(mfccs[:, None]).transpose(1, 2).flatten(2)
        places = nearest_hops(frames)[:, None] + 2 * torch.arange(PLACES)
        windows = local.index_select(1, places.flatten().to(local.device)).unflatten(1, (frames, PLACES))
        vectors: Tensor = self.out(windows.flatten(2))
        return vectors


def conv_block(inputs: int, outputs: int) -> nn.Sequential:
    """A 3 x 3 convolution, padded along the coefficients and not along time, normalised."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=(0, 1), bias=False), nn.BatchNorm2d(outputs), nn.ReLU())


def identity_encoder(components: int) -> nn.Sequential:
    """The source's two layers on the identity's coefficients."""
    return nn.Sequential(nn.Linear(components, 256), nn.ReLU(), nn.Linear(256, 512), nn.ReLU())


def mfcc_sequence(sound: Mfcc, clips: SpokenClips) -> Float[Tensor, "batch steps 12"]:
    """The MFCC of a clip every 10 ms, from `REACH` before the first frame to `REACH` after the last."""
    last = int(nearest_hops(clips.time)[-1])
    mfccs: Tensor = sound(clips.sound, hop_centres(-REACH, last + REACH + 1))
    return mfccs


def beside(x: Float[Tensor, "batch time width"], same: Float[Tensor, "batch other"]) -> Float[Tensor, "batch time all"]:
    """`x` with `same` beside it at every frame."""
    return torch.cat([x, same[:, None].expand(-1, x.shape[1], -1)], dim=-1)


def coefficient_error(
    pca: LandmarkPCA,
    predicted: Float[Tensor, "batch time points 2"],
    target: Float[Tensor, "batch time points 2"],
    mask: Bool[Tensor, "batch time"],
) -> Tensor:
    """MSE over the components' coefficients, in squared hundredths of the inter-ocular distance."""
    error = pca.along(HUNDREDTHS * (predicted.float() - target))
    return masked_mean(error.square().mean(-1), mask)

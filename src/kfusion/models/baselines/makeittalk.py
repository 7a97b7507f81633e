"""The content branch of MakeItTalk (Zhou et al. 2020, "MakeItTalk: Speaker-Aware Talking-Head Animation")."""

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from kfusion.landmarks import INNER_LIPS, MOUTH, POINT_COUNT, Points
from kfusion.models.acoustics import Acoustics, hop_centres, nearest_hops
from kfusion.models.baselines.atvgnet import beside
from kfusion.models.baselines.baseline import HUNDREDTHS, Baseline, SpokenClips
from kfusion.models.layers import masked_mean
from kfusion.models.lstm import MixedLSTM

HOP = 256
"""16 ms: 62.5 steps a second."""
WINDOW_STEPS = 18
MEL_BINS = 80
SPEECH = 161
LSTM = 256
DROPOUT = 0.5
DISPLACEMENT = 0.05
"""Inter-ocular distances an output of 1 stands for."""
SMOOTH_FRAMES, SMOOTH_ORDER = 5, 3
_OPEN_LINES, _CLOSED_LINES = ((0, 17), (17, 22), (22, 27), (27, 36)), ((36, 42), (42, 48), (48, 60), (60, 68))


def neighbours() -> Int[Tensor, "2 68"]:
    """The points before and after each on its line; the end of an open line has its one neighbour twice."""
    before, after = np.arange(POINT_COUNT) - 1, np.arange(POINT_COUNT) + 1
    for first, end in _OPEN_LINES:
        before[first], after[end - 1] = first + 1, end - 2
    for first, end in _CLOSED_LINES:
        before[first], after[end - 1] = end - 1, first
    return torch.tensor(np.stack([before, after]))


class MakeItTalk(Baseline):
    """Log-mel and an identity to the displacement from it.

        log-mel, 62.5 Hz ── 80 ── 256 ── 161 ── LSTM 3 x 256 ── at each frame's time + 272 ms ─┐
                                                                                               ├─ 512 ── 256 ── 136
        identity ──────────────────────────────────────────────────────────────────────────────┘

    Follows the source: the layers, the steps' rate, how far a frame hears ahead (to the last of 18 steps), both
    terms of the loss, the smoothing. An inter-ocular distance of 1 is about the source's jaw width of 1.6.

    Departs from the source:
        - 30 fps, our landmarks in 2-D and in the identity's unit frame; an output of 1 is a typical motion of the
          lips, so that the first guesses are no further off than a still face.
        - The log-mel itself is heard instead of AutoVC's content embedding of it.
        - The LSTM runs once through the clip instead of anew through the 18 steps of every frame, a
          fifteenth of the cost: it also hears what was before.
        - The identity is any frame, not the clip's most closed mouth, and the prediction is not centred on
          its lower half afterwards. The speaker-aware branch is left out.
    """

    def __init__(self) -> None:
        super().__init__()
        self.sound = Acoustics(MEL_BINS, MEL_BINS)
        self.speech_in = nn.Sequential(NormalisedLinear(MEL_BINS, 256), nn.Linear(256, SPEECH))
        self.lstm = MixedLSTM(SPEECH, LSTM, 3, batch_first=True, dropout=DROPOUT)
        self.out = nn.Sequential(
            NormalisedLinear(LSTM + 2 * POINT_COUNT, 512), NormalisedLinear(512, 256), nn.Linear(256, 2 * POINT_COUNT)
        )
        self.register_buffer("neighbours", neighbours(), persistent=False)

    def fit_sound(self, samples: Float[Tensor, "examples samples"]) -> None:
        """Mean and spread of the log-mel."""
        self.sound.fit(samples)

    def displacement(self, clips: SpokenClips) -> Float[Tensor, "batch time 68 2"]:
        """See `Baseline`; features and emotion are not looked at."""
        ends = nearest_hops(clips.time, HOP) + WINDOW_STEPS - 1
        mels = self.sound(clips.sound, hop_centres(0, int(ends[-1]) + 1, HOP))
        heard = self.lstm(self.speech_in(mels))[0][:, ends.to(mels.device)]
        moved = self.out(beside(heard, clips.identity.flatten(1)))
        points: Tensor = DISPLACEMENT * moved.unflatten(-1, (POINT_COUNT, 2))
        return points

    def loss(
        self,
        predicted: Float[Tensor, "batch time 68 2"],
        target: Float[Tensor, "batch time 68 2"],
        mask: Bool[Tensor, "batch time"],
    ) -> dict[str, Tensor]:
        """L1, on the lips the heavier the nearer they are, and L1 of where each point is between its neighbours."""
        upper, lower = INNER_LIPS
        gap = (target[:, :, lower, 1] - target[:, :, upper, 1]).abs()
        weights = torch.ones(target.shape[:-1], device=target.device)
        weights[:, :, MOUTH] = 1 / (4 * gap + 0.1)[..., None]
        error = HUNDREDTHS * (predicted.float() - target)
        before, after = self.get_buffer("neighbours")
        bend = error - (error[:, :, before] + error[:, :, after]) / 2
        return {
            "position": masked_mean((error.abs().mean(-1) * weights).mean(-1), mask),
            "laplacian": masked_mean(bend.abs().mean((-1, -2)), mask),
        }

    def smooth(self, points: Points) -> Points:
        """Savitzky-Golay, five frames and third order; shorter clips stay as they are."""
        if len(points) < SMOOTH_FRAMES:
            return points
        from scipy.signal import savgol_filter

        return np.asarray(savgol_filter(points, SMOOTH_FRAMES, SMOOTH_ORDER, axis=0), np.float32)


class NormalisedLinear(nn.Module):
    """A linear layer, batch normalisation over clips and time, and a leaky ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs, bias=False)
        self.norm = nn.BatchNorm1d(outputs)

    def forward(self, x: Float[Tensor, "batch time inputs"]) -> Float[Tensor, "batch time outputs"]:
        """The layer's output."""
        flat = self.norm(self.linear(x).flatten(0, 1))
        return F.leaky_relu(flat, 0.2).reshape(*x.shape[:-1], -1)

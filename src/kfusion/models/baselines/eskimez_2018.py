"""Eskimez, Maddox, Xu and Duan 2018, "Generating Talking Face Landmarks from Speech"."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from kfusion.landmarks import POINT_COUNT
from kfusion.models.acoustics import Acoustics, deltas, frame_centres, log_power, with_neighbours
from kfusion.models.baselines.atvgnet import beside
from kfusion.models.baselines.baseline import Baseline, SpokenClips
from kfusion.models.lstm import MixedLSTM
from kfusion.models.speech.encoder import frames_in
from kfusion.models.speech.mel import HOP

MEL_BINS = 64
PAST_FRAMES = 3
DELAY_FRAMES = 1
"""Frames of the future that a frame hears."""
HIDDEN = 80
DROPOUT = 0.2
_EDGE = 4
"""Frames that two deltas take from either end."""


class Eskimez2018(Baseline):
    """Changes of the log-mel to the displacement from the identity, by four LSTMs.

        deltas and double deltas, 4 frames x 128 ─┐
                                                  ├─ LSTM 3 x 80 ── LSTM 136 ── one frame back ── x spread ── + identity
        identity ─────────────────────────────────┘

    Follows the source: 64 mel filters, deltas and double deltas without the log-mel itself, 3 past frames and a
    delay of one ("D40_C3"), 80 hidden units, dropout before every LSTM, an LSTM as the output, MSE.

    Departs from the source:
        - 30 fps instead of 25, so a frame is 33 ms; its spectrum is the mean of three 25 ms windows 10 ms apart.
        - The identity is any frame, so the network is told it: the source moves its output onto a face by
          differences from the clip's first frame.
        - The output LSTM's -1 to 1 (the source's sigmoid: 0 to 1) stand for the largest displacement in training.
        - No dropout inside the recurrence; tanh where the source has sigmoids.
    """

    def __init__(self) -> None:
        super().__init__()
        self.sound = MelChanges()
        heard = (PAST_FRAMES + 1) * 2 * MEL_BINS
        self.dropout = nn.Dropout(DROPOUT)
        self.lstm = MixedLSTM(heard + 2 * POINT_COUNT, HIDDEN, 3, batch_first=True, dropout=DROPOUT)
        self.out = MixedLSTM(HIDDEN, 2 * POINT_COUNT, batch_first=True)
        self.register_buffer("spread", torch.full((POINT_COUNT, 2), 0.1))

    def fit(self, identity: Float[Tensor, "examples 68 2"], target: Float[Tensor, "examples 68 2"]) -> None:
        """The largest displacement of every coordinate."""
        self.get_buffer("spread").copy_((target - identity).abs().amax(0).clamp(min=1e-3))

    def fit_sound(self, samples: Float[Tensor, "examples samples"]) -> None:
        """Mean and spread of the changes."""
        self.sound.fit(samples)

    def displacement(self, clips: SpokenClips) -> Float[Tensor, "batch time 68 2"]:
        """See `Baseline`; features and emotion are not looked at."""
        heard = self.sound(clips.sound, frame_centres(-PAST_FRAMES, clips.time + DELAY_FRAMES))
        with_past = heard.unfold(1, PAST_FRAMES + 1, 1).flatten(2)
        x = self.lstm(self.dropout(beside(with_past, clips.identity.flatten(1))))[0]
        moved = self.out(self.dropout(x))[0][:, DELAY_FRAMES:]
        points: Tensor = self.get_buffer("spread") * moved.unflatten(-1, (POINT_COUNT, 2))
        return points


class MelChanges(Acoustics):
    """Deltas and double deltas of the log-mel at 30 fps."""

    def __init__(self) -> None:
        super().__init__(MEL_BINS, 2 * MEL_BINS)

    def instants(self, samples: int) -> Int[Tensor, " instants"]:
        """Every frame."""
        return frame_centres(0, frames_in(samples))

    def raw(
        self, samples: Float[Tensor, "batch samples"], centres: Int[Tensor, " instants"]
    ) -> Float[Tensor, "batch instants width"]:
        """The changes before they are standardised; `centres` are those of neighbouring frames."""
        wide = with_neighbours(centres, _EDGE)
        power = torch.stack([self.power(samples, wide + shift) for shift in (-HOP, 0, HOP)]).mean(0)
        once = deltas(log_power(power))
        return torch.cat([once[:, 2:-2], deltas(once)], dim=-1)

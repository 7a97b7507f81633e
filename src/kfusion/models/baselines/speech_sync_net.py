"""SpeechSyncNet (Cao et al. 2023), as far as its description tells: no code of it was found."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from kfusion.landmarks import POINT_COUNT
from kfusion.models.acoustics import nearest_hops
from kfusion.models.baselines.atvgnet import COEFFICIENTS, REACH, beside, mfcc, mfcc_sequence
from kfusion.models.baselines.baseline import HUNDREDTHS, Baseline, SpokenClips, squared_error
from kfusion.models.layers import Mask, masked_mean
from kfusion.models.lstm import MixedLSTM

WINDOW_STEPS = 28
LSTM = 256
"""Half the source's 512."""
DISPLACEMENT = 0.05
"""Inter-ocular distances an output of 1 stands for."""
SQUARE_WEIGHT = 0.1


class SpeechSyncNet(Baseline):
    """MFCC to the displacement from the identity, by two stacks of LSTMs and attention from one to the other.

        MFCC, 28 x 12 ── LSTM 3 ──┬─ [previous state, state] ── LSTM 3 ──┬─────────────────┐
                                  └──────── attention over time ─────────┴─ what is heard ─┼─ 512 ── 256 ── 136
        identity ──────────────────────────────────────────────────────────────────────────┘

    Follows the source, where its text can be read so: the MFCC of each frame as one vector, the two stacks of three
    LSTMs, the bilinear attention with a softmax over the clip, the layers after it, 0.1 MSE plus landmark distance.

    Departs from the source:
        - 30 fps instead of 25, landmarks in the identity's unit frame instead of pixels of the 256 crop.
        - It predicts the displacement from the identity and is told it: the source predicts the landmarks.
        - The LSTMs are half as wide, so that a training step takes a fraction of a second on a CPU.
        - The MFCC are those of `AtNet`, 10 ms apart; a frame's window is 28 steps around it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.sound = mfcc()
        self.speech_lstm = MixedLSTM(WINDOW_STEPS * COEFFICIENTS, LSTM, 3, batch_first=True)
        self.face_lstm = MixedLSTM(2 * LSTM, LSTM, 3, batch_first=True)
        self.key = nn.Linear(LSTM, LSTM, bias=False)
        self.out = nn.Sequential(
            nn.Linear(2 * LSTM + 2 * POINT_COUNT, 512),
            nn.ReLU(),
            nn.Linear(512, 256),
            nn.ReLU(),
            nn.Linear(256, 2 * POINT_COUNT),
        )

    def fit_sound(self, samples: Float[Tensor, "examples samples"]) -> None:
        """Mean and spread of the MFCC."""
        self.sound.fit(samples)

    def displacement(self, clips: SpokenClips) -> Float[Tensor, "batch time 68 2"]:
        """See `Baseline`; features and emotion are not looked at."""
        mfccs = mfcc_sequence(self.sound, clips)
        places = nearest_hops(clips.time)[:, None] + torch.arange(REACH - WINDOW_STEPS // 2, REACH + WINDOW_STEPS // 2)
        speech = self.speech_lstm(mfccs[:, places.to(mfccs.device)].flatten(2))[0]
        previous = F.pad(speech, (0, 0, 1, 0))[:, :-1]
        face = self.face_lstm(torch.cat([previous, speech], dim=-1))[0]
        heard = self.attend(face, speech, clips.mask)
        moved = self.out(beside(torch.cat([face, heard], dim=-1), clips.identity.flatten(1)))
        points: Tensor = DISPLACEMENT * moved.unflatten(-1, (POINT_COUNT, 2))
        return points

    def attend(
        self, face: Float[Tensor, "batch time width"], speech: Float[Tensor, "batch time width"], mask: Mask | None
    ) -> Float[Tensor, "batch time width"]:
        """For every frame the mean of the clip's speech states, weighted by the softmax of `face W speech`."""
        scores = face @ self.key(speech).transpose(1, 2)
        if mask is not None:
            scores = scores.masked_fill(~mask[:, None], -torch.inf)
        heard: Tensor = scores.softmax(-1) @ speech
        return heard

    def loss(
        self,
        predicted: Float[Tensor, "batch time 68 2"],
        target: Float[Tensor, "batch time 68 2"],
        mask: Bool[Tensor, "batch time"],
    ) -> dict[str, Tensor]:
        """A tenth of the MSE and the mean distance of the points."""
        error = HUNDREDTHS * (predicted.float() - target)
        return {
            "position": SQUARE_WEIGHT * squared_error(predicted, target, mask),
            "distance": masked_mean(torch.linalg.vector_norm(error, dim=-1).mean(-1), mask),
        }

"""The paper's network at the sizes of its code, rebuilt from its text with random weights: for its speed alone."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from speed.kan_layers import CoxDeBoorLayer

SAMPLES, STEPS, FRAMES = 16_000, 49, 30
"""Of the one second that the network takes: no other length goes through it."""
WIDTH, POINTS, LIPS = 768, 68, 20
HEADS, EMOTIONS, BOTTLENECK, KAN_WIDTH = 8, 8, 64, 512


class PaperDesign(nn.Module):
    """wav2vec2-base, two domains and KFusion: 1 s of sound and a face to 30 frames.

    What the paper leaves open is chosen so that the sizes agree with what is known of its code: 20.3 M parameters
    after wav2vec2, 0.70 M of them in the KAN, and 2.0 GFLOP a second, 89 % of them in the three Transformers. Both
    domains read the features of wav2vec2, as in its code; the paper lets the Global Domain read the sound itself,
    which would cost more. Time is the channel axis of the convolutions, and the KAN runs for every frame and axis.
    """

    def __init__(self) -> None:
        super().__init__()
        from transformers import Wav2Vec2Config, Wav2Vec2Model

        self.speech = Wav2Vec2Model(Wav2Vec2Config())
        self.emotion = nn.Embedding(EMOTIONS, WIDTH)
        self.global_face, self.global_lips = Transformer(POINTS), Transformer(LIPS)
        self.content_face = Transformer(POINTS)
        self.face_lstm, self.lips_lstm = Recurrent(POINTS), Recurrent(LIPS)
        self.face, self.lips = Bottleneck(3 * FRAMES), Bottleneck(2 * FRAMES)
        self.residual = nn.Conv2d(3 * FRAMES, FRAMES, 1)
        self.kan = nn.Sequential(CoxDeBoorLayer(POINTS, KAN_WIDTH), CoxDeBoorLayer(KAN_WIDTH, POINTS))
        self.eval().requires_grad_(False)

    def forward(self, samples: Tensor, identity: Tensor, emotion: Tensor) -> Tensor:
        """Landmarks (batch, 30, 68, 2).

        Args:
            samples: (batch, 16000).
            identity: (batch, 68, 2).
            emotion: indices (batch,).
        """
        normal = (samples - samples.mean(1, keepdim=True)) / (samples.std(1, keepdim=True) + 1e-7)
        return self.after_speech(self.speech(normal).last_hidden_state, identity, emotion)

    def after_speech(self, features: Tensor, identity: Tensor, emotion: Tensor) -> Tensor:
        """The same from the features (batch, 49, 768)."""
        content = features * self.emotion(emotion)[:, None]
        face, lips = identity.flatten(1), identity[:, -LIPS:].flatten(1)
        gb, gb_m, ct = (
            branch(x, guide)
            for branch, x, guide in (
                (self.global_face, features, face),
                (self.global_lips, features, lips),
                (self.content_face, content, face),
            )
        )
        x_f = torch.cat([self.face_lstm(content), gb, ct], dim=1)
        x_m = torch.cat([self.lips_lstm(content), gb_m], dim=1)
        whole = self.face(x_f) * self.residual(x_f)
        inserted = torch.cat([whole[..., :-LIPS], self.lips(x_m)], dim=-1)
        landmarks: Tensor = self.kan(inserted).transpose(2, 3)
        return landmarks


class Transformer(nn.Module):
    """An encoder layer over the features, then a decoder layer whose queries are the face: (batch, 30, 2, points)."""

    def __init__(self, points: int) -> None:
        super().__init__()
        self.encoder = nn.TransformerEncoderLayer(WIDTH, HEADS, batch_first=True)
        self.narrow = nn.Linear(WIDTH, 2 * points)
        self.decoder = nn.TransformerDecoderLayer(2 * points, HEADS, batch_first=True)
        self.to_frames = nn.Conv1d(STEPS, FRAMES, 1)

    def forward(self, x: Tensor, face: Tensor) -> Tensor:
        memory = self.narrow(self.encoder(x))
        decoded = self.decoder(face[:, None].expand(-1, STEPS, -1), memory)
        return _by_axis(self.to_frames(decoded))


class Recurrent(nn.Module):
    """An LSTM over the features: (batch, 30, 2, points)."""

    def __init__(self, points: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(WIDTH, 2 * points, batch_first=True)
        self.to_frames = nn.Conv1d(STEPS, FRAMES, 1)

    def forward(self, x: Tensor) -> Tensor:
        return _by_axis(self.to_frames(self.lstm(x)[0]))


class Bottleneck(nn.Module):
    """Conv2d(1) - Conv2d(3) - Conv2d(1) over axes and points, time as channels: B of the paper."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.narrow = nn.Conv2d(inputs, BOTTLENECK, 1)
        self.mix = nn.Conv2d(BOTTLENECK, BOTTLENECK, 3, padding=1)
        self.widen = nn.Conv2d(BOTTLENECK, FRAMES, 1)

    def forward(self, x: Tensor) -> Tensor:
        widened: Tensor = self.widen(F.relu(self.mix(F.relu(self.narrow(x)))))
        return widened


def _by_axis(x: Tensor) -> Tensor:
    return x.unflatten(-1, (2, -1))

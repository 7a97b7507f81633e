"""Sinha, Biswas, Yadav and Bhowmick 2022, "Emotion-Controllable Generalized Talking Face Generation", adapted."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from kfusion.emotion import EMOTIONS, INTENSITIES
from kfusion.landmarks import POINT_COUNT
from kfusion.models.baselines.baseline import Baseline, SpokenClips, frame_mask
from kfusion.models.baselines.makeittalk import neighbours
from kfusion.models.baselines.temporal_conv import DISPLACEMENT, FEATURE_DIM, SPEECH_SCALE
from kfusion.models.layers import hide, steps_to_frames
from kfusion.models.lstm import MixedLSTM
from kfusion.models.speech.encoder import steps_in

SPEECH, EMOTION, NODE = 128, 64, 64
"""Widths of what is heard, of the emotion and of a vertex; ours."""
BRIDGES = (
    *((50, 61), (51, 62), (52, 63), (56, 65), (57, 66), (58, 67), (61, 67), (62, 66), (63, 65)),
    *((33, 51), (27, 30), (21, 27), (22, 27), (17, 36), (26, 45), (39, 27), (42, 27), (0, 36), (16, 45)),
    *((8, 57), (4, 48), (12, 54)),
)
"""Edges between the lines of a face: between the lips and across them, and from part to part."""


class Sinha2022(Baseline):
    """Speech, an emotion and the graph of a face to the displacement of its vertices.

        features ── standardise x .1 ── Linear ── LSTM 128, 30 Hz ─┐
        emotion, intensity: one-hot ── Linear ── Linear ── 64 ─────┼─ at every vertex ── GraphConv 64 ── 2 ── x .05
        identity ── GraphConv ── GraphConv ── 68 x 64 ─────────────┘

    An adaptation of the landmark stage: the source goes on to an image generator. From it are the features of a
    speech recogniser, an emotion and its intensity as inputs of their own, graph convolutions over the 68 landmarks
    (H' = s(D^-1/2 A D^-1/2 H W), A with self-loops and learned weights of the edges) and displacements of an
    identity's landmarks.

    Departs from the source:
        - Our speech features (Whisper's) instead of DeepSpeech's, and an LSTM over the clip instead of a window.
        - MSE alone: there is no discriminator of landmarks.
        - The identity is any frame, not a neutral one, in its unit frame, at 30 fps. Our eight emotions; unknown is
          the zero vector.

    What could not be known: no code is public. The edges follow the lines of a face and join its parts as we chose;
    the widths, the number of layers and the learning rate are ours. Each vertex has a learned vector of its own,
    because the graph is of ordered vertices.
    """

    reads_features = True
    reads_emotion = True

    def __init__(self, feature_dim: int = FEATURE_DIM) -> None:
        super().__init__()
        self.register_buffer("feature_mean", torch.zeros(feature_dim))
        self.register_buffer("feature_std", torch.ones(feature_dim))
        self.speech_in = nn.Linear(feature_dim, SPEECH)
        self.lstm = MixedLSTM(SPEECH, SPEECH, batch_first=True)
        self.emotion_in = nn.Sequential(
            nn.Linear(len(EMOTIONS) + len(INTENSITIES), EMOTION), nn.ReLU(), nn.Linear(EMOTION, EMOTION), nn.ReLU()
        )
        self.graph = FaceGraph()
        self.face_in = nn.ModuleList([nn.Linear(2, NODE), nn.Linear(NODE, NODE)])
        self.vertices = nn.Parameter(0.1 * torch.randn(POINT_COUNT, NODE))
        self.heard = nn.Linear(SPEECH, NODE)
        self.told = nn.Linear(EMOTION, NODE, bias=False)
        self.hidden = nn.Linear(NODE, NODE)
        self.out = nn.Linear(NODE, 2)

    def displacement(self, clips: SpokenClips) -> Float[Tensor, "batch time 68 2"]:
        """See `Baseline`; of the sound it takes the length alone."""
        adjacency = self.graph()
        face = clips.identity
        for layer in self.face_in:
            face = F.relu(adjacency @ layer(face))
        speech, emotion = self.heard(self._speech(clips)), self.told(self.emotion_in(one_hot(clips.emotion, face)))
        still = face + self.vertices + emotion[:, None]
        moving = F.relu(still[:, None] + speech[:, :, None] * (1 + self.vertices))
        moving = F.relu(adjacency @ self.hidden(moving))
        points: Tensor = DISPLACEMENT * (adjacency @ self.out(moving))
        return points

    def _speech(self, clips: SpokenClips) -> Float[Tensor, "batch time 128"]:
        steps = None if clips.frames is None else frame_mask((clips.frames * 5 + 2) // 3, steps_in(clips.time))
        normal = SPEECH_SCALE * (clips.features - self.get_buffer("feature_mean")) / self.get_buffer("feature_std")
        heard = steps_to_frames(hide(F.relu(self.speech_in(normal)), steps), clips.time)
        states: Tensor = self.lstm(heard)[0]
        return states


class FaceGraph(nn.Module):
    """The graph of a face: lines of neighbouring points and bridges between them, its edges' weights learned."""

    def __init__(self) -> None:
        super().__init__()
        lines = {(min(a, b), max(a, b)) for line in neighbours().tolist() for a, b in enumerate(line)}
        edges = sorted(lines | set(BRIDGES))
        self.register_buffer("edges", torch.tensor(edges).T, persistent=False)
        self.strength = nn.Parameter(torch.zeros(len(edges)))

    def forward(self) -> Float[Tensor, "68 68"]:
        """The adjacency with self-loops, divided by the root of both ends' degrees."""
        first, second = self.get_buffer("edges")
        weights = torch.eye(POINT_COUNT, device=first.device)
        weights = weights.index_put((first, second), F.softplus(self.strength))
        weights = weights.index_put((second, first), F.softplus(self.strength))
        root = weights.sum(1).rsqrt()
        normal: Tensor = root[:, None] * weights * root
        return normal


def one_hot(emotion: Int[Tensor, "batch 2"], like: Tensor) -> Float[Tensor, "batch 11"]:
    """The category and the intensity side by side; zeros where unknown."""
    columns = [
        F.one_hot(emotion[:, column], 1 + len(values))[:, 1:] for column, values in enumerate((EMOTIONS, INTENSITIES))
    ]
    return torch.cat(columns, dim=-1).to(like.dtype)

"""What the mouth does as a listener names it: classes of phones from the features of the streaming encoder."""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn

from kfusion.models.past import Past
from kfusion.models.speech.streaming import StreamingConfig, StreamingEncoder, StreamingLayer

VISEME_COUNT = 15
REACH = 10
"""Steps of 20 ms that the head looks back from its block."""


class VisemeHead(nn.Module):
    """Features to log-odds of the visemes: one more layer of the encoder's kind, then a linear one."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layer = StreamingLayer(StreamingConfig(width=width, reach=REACH))
        self.norm = nn.LayerNorm(width)
        self.drop = nn.Dropout(0.2)
        self.name_it = nn.Linear(width, VISEME_COUNT)

    def forward(self, features: Float[Tensor, "batch steps width"], past: Past) -> Float[Tensor, "batch steps visemes"]:
        """Log-odds, for each step; of whole blocks."""
        odds: Tensor = self.name_it(self.norm(self.layer(self.drop(features), past)))
        return odds


class VisemeNetwork(nn.Module):
    """Sound to the probabilities of the visemes at 50 Hz, block by block of 100 ms: what the bundle computes."""

    def __init__(self, encoder: StreamingEncoder, head: VisemeHead) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = head
        self.eval().requires_grad_(False)

    def forward(self, samples: Float[Tensor, "1 heard"], states: Sequence[Tensor] | None = None) -> tuple[Tensor, ...]:
        """Probabilities (1, 5, visemes) of the next block, then the states for the block that follows.

        Args:
            samples: from 520 before the block to 840 after it.
            states: what the block before gave; None or zeros at the start.
        """
        past = Past(1, states=states)
        features = self.encoder.advance(samples[:, None], past)
        return self.head(features, past).softmax(-1), *past.kept

"""KFusion itself: what the domains give, put together into the landmarks."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from kfusion.landmarks import MOUTH
from kfusion.models.kan import KAN
from kfusion.models.kfusion_config import FACE, LIPS, KFusionConfig
from kfusion.models.layers import Mask, TimeConv
from kfusion.models.mlp import MLP
from kfusion.models.past import Past


class Bottleneck(nn.Module):
    """Conv(1) - Conv(3) - Conv(1) over time: B of the paper."""

    def __init__(self, inputs: int, width: int, outputs: int) -> None:
        super().__init__()
        self.narrow = TimeConv(inputs, width)
        self.mix = TimeConv(width, width, 3)
        self.widen = TimeConv(width, outputs)

    def forward(
        self, x: Float[Tensor, "batch time inputs"], mask: Mask | None, past: Past | None = None
    ) -> Float[Tensor, "batch time outputs"]:
        """B(x)."""
        x = F.gelu(self.narrow.over_time(x, mask))
        return self.widen.over_time(F.gelu(self.mix.over_time(x, mask, past)), mask)


class Fusion(nn.Module):
    """KFusion: Eq. 10, 11 and 12; with `head="mlp"` an MLP takes the KAN's place in Eq. 12.

    Eq. 10 leaves the 40 values out that Eq. 11 would write over.
    """

    def __init__(self, config: KFusionConfig) -> None:
        super().__init__()
        self.face = Bottleneck(config.face_inputs, config.bottleneck, 2 * MOUTH.start)
        self.residual = TimeConv(config.face_inputs, 2 * MOUTH.start)
        self.lips = Bottleneck(config.lips_inputs, config.bottleneck, LIPS)
        self.head = _head(config)

    def forward(
        self,
        face: Float[Tensor, "batch time face"],
        lips: Float[Tensor, "batch time lips"],
        mask: Mask | None,
        past: Past | None = None,
    ) -> Float[Tensor, "batch time 136"]:
        """Y' as x and y of every point, interleaved."""
        rest = self.face(face, mask, past) * self.residual.over_time(face, mask)  # Eq. 10
        inserted = torch.cat([rest, self.lips(lips, mask, past)], dim=-1)  # Eq. 11
        result: Tensor = self.head(inserted)  # Eq. 12
        return result


class Concatenation(nn.Module):
    """The ablation "w/o KFusion": each vector through one linear layer, then Eq. 11."""

    def __init__(self, config: KFusionConfig) -> None:
        super().__init__()
        self.face = nn.Linear(config.face_inputs, 2 * MOUTH.start)
        self.lips = nn.Linear(config.lips_inputs, LIPS)

    def forward(
        self,
        face: Float[Tensor, "batch time face"],
        lips: Float[Tensor, "batch time lips"],
        mask: Mask | None,
        past: Past | None = None,
    ) -> Float[Tensor, "batch time 136"]:
        """Y' as x and y of every point, interleaved."""
        return torch.cat([self.face(face), self.lips(lips)], dim=-1)


def _head(config: KFusionConfig) -> KAN | MLP:
    if config.head == "kan":
        return KAN(FACE, config.kan_width, FACE, grid=config.kan_grid, gain=config.kan_gain)
    return MLP(FACE, config.mlp_width or config.kan_width, FACE)

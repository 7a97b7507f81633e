"""Transformer layers on padded batches: batch first, masked, and any length."""

import math

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from kfusion.models.past import Past

Mask = Bool[Tensor, "batch length"]
"""True where there is something, False on padding."""
REACH_BLOCKS = 10
"""Blocks of 100 ms that attention over a streamed voice looks back."""


class Attention(nn.Module):
    """Multi-head attention; with `distance=True` each head learns how fast the past and the future fade.

    The fading (two-sided linear biases, after Press et al. 2022) is the positional encoding: it knows
    direction, and it goes on to lengths that training never saw. On a streamed voice, with a `Past`, it sees its
    own block of 100 ms and one second before it.
    """

    def __init__(self, width: int, heads: int, *, distance: bool) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)
        if distance:
            slopes = torch.logspace(math.log10(0.5), math.log10(0.01), heads)
            self.slopes = nn.Parameter(slopes.log()[:, None].repeat(1, 2))
            """(heads, 2): logarithms of what a step into the past, into the future costs."""
        self.distance = distance

    def forward(
        self,
        x: Float[Tensor, "batch queries width"],
        memory: Float[Tensor, "batch keys width"],
        mask: Mask | None,
        past: Past | None = None,
    ) -> Float[Tensor, "batch queries width"]:
        """What each query gathers from the memory that `mask` leaves visible, and from the past."""
        q = self.query(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        kv = self.key_value(memory).unflatten(-1, (2, self.heads, -1)).permute(2, 0, 3, 1, 4)
        bias = None
        if past is not None:
            kv, ahead, seen = past.attend(kv, REACH_BLOCKS)
            bias = self._fading(ahead.to(x.device)).masked_fill(~seen.to(x.device), -torch.inf)
        elif self.distance:
            bias = self._bias(x.shape[1], x.device)
        k, v = kv
        if mask is not None:
            hidden = torch.zeros(mask.shape, dtype=x.dtype, device=x.device).masked_fill(~mask, -torch.inf)
            hidden = hidden[:, None, None]
            bias = hidden if bias is None else bias + hidden
        if bias is not None:
            bias = bias.to(q.dtype)
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=bias)
        gathered: Tensor = self.out(mixed.transpose(1, 2).flatten(2))
        return gathered

    def _bias(self, length: int, device: torch.device) -> Float[Tensor, "heads queries keys"]:
        places = torch.arange(length, device=device)
        return self._fading(places[None, :] - places[:, None])

    def _fading(self, ahead: Int[Tensor, "queries keys"]) -> Float[Tensor, "heads queries keys"]:
        steps = ahead.float()
        past, future = self.slopes.exp()[:, :, None, None].unbind(1)
        return -(past * F.relu(-steps) + future * F.relu(steps))


class FeedForward(nn.Sequential):
    """Two linear layers with a GELU between them."""

    def __init__(self, width: int) -> None:
        super().__init__(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))


class EncoderLayer(nn.Module):
    """Self-attention over time and a feed-forward network, pre-norm."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.attention = Attention(width, heads, distance=True)
        self.feed_forward = FeedForward(width)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, x: Float[Tensor, "batch time width"], mask: Mask | None, past: Past | None = None
    ) -> Float[Tensor, "batch time width"]:
        """The next hidden state."""
        normal = self.norms[0](x)
        x = x + self.dropout(self.attention(normal, normal, mask, past))
        result: Tensor = x + self.dropout(self.feed_forward(self.norms[1](x)))
        return result


class DecoderLayer(nn.Module):
    """An encoder layer that also looks at the identity's points."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.attention = Attention(width, heads, distance=True)
        self.identity_attention = Attention(width, heads, distance=False)
        self.feed_forward = FeedForward(width)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        x: Float[Tensor, "batch time width"],
        identity: Float[Tensor, "batch points width"],
        mask: Mask | None,
        past: Past | None = None,
    ) -> Float[Tensor, "batch time width"]:
        """The next hidden state."""
        normal = self.norms[0](x)
        x = x + self.dropout(self.attention(normal, normal, mask, past))
        x = x + self.dropout(self.identity_attention(self.norms[1](x), identity, None))
        result: Tensor = x + self.dropout(self.feed_forward(self.norms[2](x)))
        return result


class TimeConv(nn.Conv1d):
    """A convolution along time, batch and time first, that sees zeros on padding as beyond an end.

    With a `Past` its kernel ends at the frame itself instead of being centred on it.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int = 1, *, stride: int = 1) -> None:
        super().__init__(inputs, outputs, kernel, stride=stride, padding=(kernel - 1) // 2)

    def over_time(
        self, x: Float[Tensor, "batch time inputs"], mask: Mask | None, past: Past | None = None
    ) -> Float[Tensor, "batch time outputs"]:
        """The convolution of `x`."""
        shown, kernel = hide(x, mask), self.kernel_size[0]
        if past is None or kernel == 1:
            return super().forward(shown.transpose(1, 2)).transpose(1, 2)
        longer = past.extend(shown, kernel - 1).transpose(1, 2)
        return F.conv1d(longer, self.weight, self.bias).transpose(1, 2)


def hide(x: Float[Tensor, "batch time width"], mask: Mask | None) -> Float[Tensor, "batch time width"]:
    """`x` with zeros on padding."""
    return x if mask is None else x * mask[..., None]


def masked_mean(values: Float[Tensor, "batch time"], mask: Bool[Tensor, "batch time"]) -> Tensor:
    """The mean over the frames that are there."""
    return (values * mask).sum() / mask.sum().clamp(min=1)


def steps_to_frames(steps: Float[Tensor, "batch steps width"], frames: int) -> Float[Tensor, "batch frames width"]:
    """50 Hz steps at the 30 Hz instants of the frames, linear in between; both start at the same instant."""
    position = torch.arange(frames, device=steps.device) * 5
    before = position // 3
    share = ((position - 3 * before).to(steps.dtype) / 3)[:, None]
    after = torch.minimum(before + 1, torch.full_like(before, steps.shape[1] - 1))
    return steps[:, before] * (1 - share) + steps[:, after] * share

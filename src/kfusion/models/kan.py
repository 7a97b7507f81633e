"""Kolmogorov-Arnold network layers with cubic B-splines (Liu et al. 2024; Eq. 2 of the paper).

Every edge carries its own function `phi(x) = w_b SiLU(x) + sum_k c_k B_k(x)`, and an output sums
its edges. With uniform knots a cubic B-spline has the closed form `(a^3 - 4 b^3) / 6` where
`d = |x - centre| / spacing`, `a = relu(2 - d)`, `b = relu(1 - d)`, so a layer is one matrix product
of `[SiLU(x) | B_0(x) ... B_{K-1}(x)]`.
"""

from itertools import pairwise
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

ORDER = 3
_CHUNK_VALUES = 1 << 18
"""Values of `[SiLU | B]` made at once: a megabyte of float32, so that they stay in the cache."""


def spline_basis(
    x: Float[Tensor, "*rows inputs"], centres: Float[Tensor, " bases"], spacing: float
) -> Float[Tensor, "*rows inputs bases"]:
    """The uniform cubic B-splines at `x`; each is zero farther than two spacings from its centre."""
    distance = (x[..., None] - centres).abs() / spacing
    outer, inner = F.relu(2 - distance), F.relu(1 - distance)
    return (outer * outer * outer - 4 * inner * inner * inner) / 6


class KANLayer(nn.Module):
    """A layer of univariate functions on every edge; its inputs must lie on the grid [-1, 1].

    Args:
        inputs: width of the input.
        outputs: width of the output.
        grid: intervals between -1 and 1; there are `grid + 3` basis functions an edge.
    """

    def __init__(self, inputs: int, outputs: int, *, grid: int = 5) -> None:
        super().__init__()
        self.spacing = 2.0 / grid
        centres = torch.arange(-1, grid + 2) * self.spacing - 1.0
        self.register_buffer("centres", centres, persistent=False)
        self.bases = grid + ORDER
        self.weight = nn.Parameter(torch.empty(outputs, inputs * (1 + self.bases)))
        """(outputs, inputs | inputs x bases): w_b of every edge, then its spline coefficients."""
        nn.init.normal_(self.weight, std=0.1 * inputs**-0.5)
        nn.init.normal_(self.weight.data[:, :inputs], std=inputs**-0.5)

    def forward(self, x: Float[Tensor, "*rows inputs"]) -> Float[Tensor, "*rows outputs"]:
        """The sum of the edges of each output."""
        return self.in_chunks(x) if self._trains_on_cpu(x) else self.plain(x)

    def plain(self, x: Float[Tensor, "*rows inputs"]) -> Float[Tensor, "*rows outputs"]:
        """All rows at once, in operations that export and compile."""
        basis = spline_basis(x, self.get_buffer("centres"), self.spacing).flatten(-2)
        return F.linear(torch.cat([F.silu(x), basis], dim=-1), self.weight)

    def in_chunks(self, x: Float[Tensor, "*rows inputs"]) -> Float[Tensor, "*rows outputs"]:
        """The same some rows at a time, which trains faster and lighter on a CPU (`benchmarks/speed.py --only kan`)."""
        device = x.device.type
        dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else self.weight.dtype
        with torch.autocast(device, enabled=False):
            rows = x.reshape(-1, x.shape[-1])
            y: Tensor = _ChunkedLayer.apply(  # type: ignore[no-untyped-call]
                rows, self.weight, self.get_buffer("centres"), self.spacing, dtype
            )
        return y.reshape(*x.shape[:-1], len(self.weight))

    def _trains_on_cpu(self, x: Tensor) -> bool:
        wanted = torch.is_grad_enabled() and (x.requires_grad or self.weight.requires_grad)
        return wanted and x.device.type == "cpu" and not torch.compiler.is_compiling()


class KAN(nn.Module):
    """KAN layers of the given widths; every layer's input is brought onto its grid by a learned gain and tanh.

    Departs from the paper: it leaves the inputs unbounded and so off the grid, where every spline is zero.

    Args:
        widths: of the input, of what is between the layers, and of the output.
        grid: intervals between -1 and 1.
        gain: what the inputs are multiplied by at first, each by its own value.
    """

    def __init__(self, *widths: int, grid: int = 5, gain: float = 1.0) -> None:
        super().__init__()
        self.layers = nn.ModuleList(KANLayer(inputs, outputs, grid=grid) for inputs, outputs in pairwise(widths))
        self.gains = nn.ParameterList(torch.full((inputs,), gain) for inputs in widths[:-1])

    def forward(self, x: Float[Tensor, "*rows inputs"]) -> Float[Tensor, "*rows outputs"]:
        """The network's output, unbounded."""
        for layer, gain in zip(self.layers, self.gains, strict=True):
            x = layer(torch.tanh(gain * x))
        return x


class _ChunkedLayer(torch.autograd.Function):
    """A KAN layer on some rows at a time: its basis values stay in the cache and are made again for the gradient.

    The values are made in float32 or better, the products in `dtype`, as autocast asks; the weight's
    gradient is summed in the weight's own type.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, centres: Tensor, spacing: float, dtype: torch.dtype) -> Tensor:
        ctx.save_for_backward(x, weight, centres)
        ctx.spacing, ctx.dtype = spacing, dtype
        narrow = weight.to(dtype)
        y = x.new_empty(len(x), len(weight), dtype=dtype)
        for rows in _chunks(x, weight):
            y[rows] = _Edges(x[rows], centres, spacing).values().to(dtype) @ narrow.T
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_y: Tensor) -> tuple[Tensor | None, Tensor | None, None, None, None]:
        x, weight, centres = ctx.saved_tensors
        grad_x = torch.empty_like(x) if ctx.needs_input_grad[0] else None
        grad_weight = torch.zeros_like(weight) if ctx.needs_input_grad[1] else None
        narrow = weight.to(ctx.dtype)
        with torch.autocast(x.device.type, enabled=False):
            for rows in _chunks(x, weight):
                edges = _Edges(x[rows], centres, ctx.spacing)
                if grad_weight is not None:
                    grad_weight += grad_y[rows].T @ edges.values().to(ctx.dtype)
                if grad_x is not None:
                    grad_x[rows] = edges.input_gradient(grad_y[rows] @ narrow)
        return grad_x, grad_weight, None, None, None


class _Edges:
    """`[SiLU(x) | B(x)]` of a few rows, and its derivative."""

    def __init__(self, x: Tensor, centres: Tensor, spacing: float) -> None:
        self.x = x if x.dtype == torch.float64 else x.float()
        self.spacing = spacing
        self.offset = (self.x[..., None] - centres.to(self.x.dtype)).div_(spacing)
        distance = self.offset.abs()
        self.outer, self.inner = (2 - distance).clamp_(min=0), (1 - distance).clamp_(min=0)

    def values(self) -> Tensor:
        """(rows, inputs | inputs x bases)."""
        rows, inputs, bases = self.offset.shape
        values = self.x.new_empty(rows, inputs * (1 + bases))
        values[:, :inputs] = F.silu(self.x)
        cube, four = self.outer.square().mul_(self.outer), self.inner.square().mul_(self.inner).mul_(4)
        values[:, inputs:] = cube.sub_(four).div_(6).flatten(1)
        return values

    def input_gradient(self, grad_values: Tensor) -> Tensor:
        """The gradient of x, from that of `values`."""
        inputs = self.x.shape[1]
        gate = self.x.sigmoid()
        silu = gate * (1 + self.x * (1 - gate))
        slope = self.inner.square().mul_(2).sub_(self.outer.square().div_(2)).mul_(self.offset.sign())
        splines = slope.mul_(grad_values[:, inputs:].reshape(self.offset.shape)).sum(-1)
        return grad_values[:, :inputs] * silu + splines / self.spacing


def _chunks(x: Tensor, weight: Tensor) -> list[slice]:
    size = max(16, _CHUNK_VALUES // weight.shape[1])
    return [slice(start, start + size) for start in range(0, len(x), size)]

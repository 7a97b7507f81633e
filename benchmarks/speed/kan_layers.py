"""KAN networks of the same widths from different hands, and whether they are B-splines."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from scipy.interpolate import BSpline
from torch import Tensor, nn
from torch.nn import functional as F

from kfusion.models.kan import KAN, ORDER, KANLayer

Widths = tuple[int, ...]
GRID = 5
Make = Callable[[Widths], nn.Module]


class CoxDeBoorLayer(nn.Module):
    """A KAN layer as most packages compute it: all basis functions of order 0, then the recursion, order by order.

    As there, every input has knots of its own, and every edge a scale beside its coefficients.
    """

    def __init__(self, inputs: int, outputs: int, *, grid: int = GRID) -> None:
        super().__init__()
        knots = torch.arange(-ORDER, grid + ORDER + 1) * (2 / grid) - 1
        self.register_buffer("knots", knots.expand(inputs, -1).contiguous())
        self.base = nn.Parameter(torch.randn(outputs, inputs) * inputs**-0.5)
        self.coefficients = nn.Parameter(0.1 * torch.randn(outputs, inputs, grid + ORDER) * inputs**-0.5)
        self.scale = nn.Parameter(torch.ones(outputs, inputs))

    def forward(self, x: Tensor) -> Tensor:
        rows = x.reshape(-1, x.shape[-1])
        splines = F.linear(self.basis(rows).flatten(1), (self.coefficients * self.scale[..., None]).flatten(1))
        return (F.linear(F.silu(rows), self.base) + splines).reshape(*x.shape[:-1], -1)

    def basis(self, x: Tensor) -> Tensor:
        """Every B-spline at every value, (rows, inputs, bases)."""
        x, knots = x[..., None], self.get_buffer("knots")
        basis = ((x >= knots[:, :-1]) & (x < knots[:, 1:])).to(x.dtype)
        for order in range(1, ORDER + 1):
            rising = (x - knots[:, : -order - 1]) / (knots[:, order:-1] - knots[:, : -order - 1])
            falling = (knots[:, order + 1 :] - x) / (knots[:, order + 1 :] - knots[:, 1:-order])
            basis = rising * basis[..., :-1] + falling * basis[..., 1:]
        return basis


class Through(nn.Module):
    """Our KAN with one of the two forms of its layers; the inputs are on the grid, so no tanh is needed."""

    def __init__(self, kan: KAN, form: Callable[[KANLayer, Tensor], Tensor]) -> None:
        super().__init__()
        self.kan, self.form = kan, form

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.kan.layers:
            assert isinstance(layer, KANLayer)
            x = self.form(layer, x)
        return x


def plain(widths: Widths) -> nn.Module:
    return Through(KAN(*widths, grid=GRID), KANLayer.plain)


def chunked(widths: Widths) -> nn.Module:
    return Through(KAN(*widths, grid=GRID), KANLayer.in_chunks)


def compiled(widths: Widths) -> nn.Module:
    network = plain(widths)
    network.compile(dynamic=False)
    return network


def mlp(widths: Widths) -> nn.Module:
    """A hidden layer with as many parameters as our KAN."""
    inputs, *_, outputs = widths
    count = sum(parameter.numel() for parameter in KAN(*widths, grid=GRID).parameters())
    hidden = round((count - outputs) / (inputs + outputs + 1))
    return nn.Sequential(nn.Linear(inputs, hidden), nn.SiLU(), nn.Linear(hidden, outputs))


def cox_de_boor(widths: Widths) -> nn.Module:
    return nn.Sequential(*(CoxDeBoorLayer(inputs, outputs) for inputs, outputs in pairwise(widths)))


def pykan(widths: Widths) -> nn.Module:
    import kan

    network: nn.Module = kan.KAN(width=[*widths], grid=GRID, k=ORDER, auto_save=False, symbolic_enabled=False)
    network.save_act = False
    return network


def flashkan(widths: Widths) -> nn.Module:
    from flashkan import KANLayer as Layer

    return nn.Sequential(*(Layer(inputs, outputs, grid_size=GRID) for inputs, outputs in pairwise(widths)))


def inkan(widths: Widths) -> nn.Module:
    return _inkan(widths, compile_basis=True)


def inkan_eager(widths: Widths) -> nn.Module:
    return _inkan(widths, compile_basis=False)


def _inkan(widths: Widths, *, compile_basis: bool) -> nn.Module:
    from inkan import KANNetwork

    network: nn.Module = KANNetwork([*widths], grid_size=GRID, compile_basis=compile_basis)
    return network


@dataclass(frozen=True, slots=True)
class Exactness:
    """How far an edge is from `w SiLU(x) + sum of c_k B_k(x)` with SciPy's B-splines, relative to its largest value."""

    inside: float
    """On the grid."""
    outside: float
    """Between the grid and 10 from the middle, where the fit is to both."""
    gradient: float
    """Of the derivative by the input, on the grid."""


def exactness(make: Make) -> Exactness:
    """Fits SciPy's basis to the function of one edge, and says what is left."""
    torch.manual_seed(0)
    edge = make((1, 1))
    x = torch.linspace(-0.999, 0.999, 2001)[:, None].requires_grad_()
    y = edge(x)
    (slope,) = torch.autograd.grad(y.sum(), x)
    far = torch.cat([torch.linspace(-10, -1.001, 900), torch.linspace(1.001, 10, 900)])[:, None]
    with torch.no_grad():
        y_far = edge(far)
    on, off = _design(_double(x)), _design(_double(far))
    weights, everywhere = _fit(on, _double(y)), _fit(np.vstack([on, off]), np.append(_double(y), _double(y_far)))
    return Exactness(
        inside=_error(on @ weights, _double(y)),
        outside=_error(off @ everywhere, _double(y_far)),
        gradient=_error(_design(_double(x), slope=True) @ weights, _double(slope)),
    )


def _fit(design: np.ndarray, values: np.ndarray) -> np.ndarray:
    weights: np.ndarray = np.linalg.lstsq(design, values, rcond=None)[0]
    return weights


def _design(x: np.ndarray, *, slope: bool = False) -> np.ndarray:
    """SiLU and every B-spline, or their derivatives, at `x`: (values, 1 + bases)."""
    knots = np.arange(-ORDER, GRID + ORDER + 1) * (2 / GRID) - 1
    gate = 1 / (1 + np.exp(-x))
    columns = [gate * (1 + x * (1 - gate)) if slope else x * gate]
    for start in range(GRID + ORDER):
        spline = BSpline.basis_element(knots[start : start + ORDER + 2], extrapolate=False)
        columns.append(np.nan_to_num((spline.derivative() if slope else spline)(x)))
    return np.stack(columns, -1)


def _double(values: Tensor) -> np.ndarray:
    return values.detach()[:, 0].double().numpy()


def _error(expected: np.ndarray, found: np.ndarray) -> float:
    return float(np.abs(expected - found).max() / np.abs(expected).max())

"""KAN layers on one core: ours, those of other packages, and an MLP of as many parameters."""

import time
from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import nn

from speed import kan_layers
from speed.child import add_to_path
from speed.kan_layers import Make, Widths, exactness
from speed.memory import Peak
from speed.result import Result, Table, milliseconds
from speed.timing import Spread, in_turns, ratios

PAPER, PACKAGED = (68, 512, 68), (136, 128, 136)
CASES: dict[tuple[Widths, int], bool] = {(PAPER, 480): True, (PAPER, 3840): True, (PACKAGED, 1440): False}
"""Widths and rows, and whether the other packages are measured too."""
QUICK_CASES: dict[tuple[Widths, int], bool] = {(PAPER, 60): True}
ROUNDS, QUICK_ROUNDS, WARM_UP = 9, 2, 1
LIMIT_S = 12.0
"""A candidate that took longer than this in one table is measured three times."""
OURS: dict[str, Make] = {
    "chunked": kan_layers.chunked,
    "plain": kan_layers.plain,
    "MLP": kan_layers.mlp,
}
OTHERS: dict[str, Make] = {
    "compiled": kan_layers.compiled,
    "cox-de-boor": kan_layers.cox_de_boor,
    "inkan": kan_layers.inkan,
    "inkan-eager": kan_layers.inkan_eager,
    "flashkan": kan_layers.flashkan,
    "pykan": kan_layers.pykan,
}
NAMES = {
    "chunked": "**kfusion, row-chunked (trains)**",
    "plain": "kfusion, plain (exports)",
    "compiled": "kfusion, plain, torch.compile",
    "MLP": "MLP of as many parameters",
    "cox-de-boor": "Cox-de Boor recursion, as efficient-kan does it",
    "inkan-eager": "inkan, eager",
}
PACKAGES = {"inkan": "inkan", "inkan-eager": "inkan", "flashkan": "flashkan", "pykan": "pykan"}
COMPILED = ("compiled", "inkan", "flashkan")
"""What torch.compile makes allocates out of sight."""
COUNTED = 1e-4
"""A relative error above this is not rounding."""
NOTES = """
- Milliseconds of CPU time, float32, median of up to {rounds} rounds in turns; forward with gradients on, backward with
  the gradient of the input. Ratio: forward + backward, to kfusion row-chunked in the same round, median (lowest to
  highest). Peak: what tensors hold at once during both, the input left out.
- Exactness: one edge against SciPy's BSpline on the same knots, largest error over largest value: on the grid, outside
  it (up to 10 from the middle), and of the derivative. The Cox-de Boor layer is ours, written as a baseline.
"""


def measure(*, quick: bool, peers: str | None) -> Result:
    """The part `kan`; `peers` is a virtual environment with the other packages."""
    add_to_path(peers)
    torch.set_num_threads(1)
    tables, measured = [], {}
    for (widths, rows), with_others in (QUICK_CASES if quick else CASES).items():
        makes = OURS | OTHERS if with_others else OURS
        table, measured[f"{list(widths)} x {rows}"] = _case(widths, rows, makes, QUICK_ROUNDS if quick else ROUNDS)
        tables.append(table)
    tables.append(_exactness_table())
    return Result(
        part="kan",
        cores="one core, one thread",
        tables=tables,
        notes=NOTES.format(rounds=ROUNDS),
        measured=measured,
    )


def _case(widths: Widths, rows: int, makes: Mapping[str, Make], rounds: int) -> tuple[Table, dict[str, Any]]:
    networks, missing = _build(widths, makes)
    x = (2 * torch.rand(rows, widths[0], generator=torch.Generator().manual_seed(0)) - 1).requires_grad_()
    forward: dict[str, list[float]] = {name: [] for name in networks}
    works = {name: partial(_pass, network, x, forward[name]) for name, network in networks.items()}
    found = in_turns(works, rounds, warm_up=WARM_UP, limit_s=LIMIT_S)
    both = {name: [run.cpu_s for run in runs] for name, runs in found.items()}
    forward = {name: times[WARM_UP:] for name, times in forward.items()}
    peaks = {name: _peak_mb(network, x) for name, network in networks.items() if name not in COMPILED}
    lines = []
    for name, network in networks.items():
        parameters = sum(parameter.numel() for parameter in network.parameters())
        ratio = ratios(both[name], both["chunked"])
        times = [f"{1000 * Spread.of(found[name]).median:.1f}" for found in (forward, both)]
        peak = f"{peaks[name]:.0f}" if name in peaks else "-"
        lines.append([NAMES.get(name, name), f"{parameters:,}", *times, ratio.text(2), peak])
    lines += [[NAMES.get(name, name), why, "-", "-", "-", "-"] for name, why in missing.items()]
    columns = ["network", "parameters", "forward", "forward + backward", "ratio", "peak MB"]
    table = Table(title=f"KAN {list(widths)}, {rows} rows", columns=columns, rows=lines)
    raw = {name: {"forward_ms": milliseconds(forward[name]), "both_ms": milliseconds(both[name])} for name in networks}
    return table, raw


def _build(widths: Widths, makes: Mapping[str, Make]) -> tuple[dict[str, nn.Module], dict[str, str]]:
    """The networks that are there, and why the others are not."""
    networks, missing = {}, {}
    for name, make in makes.items():
        try:
            networks[name] = make(widths)
        except ImportError as error:
            missing[name] = f"not installed ({error.name}): pip install {PACKAGES[name]}"
    return networks, missing


def _pass(network: nn.Module, x: torch.Tensor, forward_s: list[float]) -> None:
    """Forward, whose CPU seconds are put down, and backward."""
    network.zero_grad()
    x.grad = None
    start = time.process_time()
    y = network(x)
    forward_s.append(time.process_time() - start)
    y.square().mean().backward()


def _peak_mb(network: nn.Module, x: torch.Tensor) -> float:
    with Peak() as peak:
        _pass(network, x, [])
    return peak.most / 1e6


def _exactness_table() -> Table:
    rows = []
    for name, make in (OURS | OTHERS).items():
        if name == "MLP":
            continue
        try:
            found = exactness(make)
        except ImportError:
            continue
        errors = (found.inside, found.outside, found.gradient)
        cells = [f"{error:.1e}" for error in errors]
        rows.append([NAMES.get(name, name), *cells, "yes" if max(errors) < COUNTED else "no"])
    return Table(
        title="Against SciPy's B-splines, relative error",
        columns=["network", "on the grid", "outside", "derivative", "a B-spline"],
        rows=rows,
    )

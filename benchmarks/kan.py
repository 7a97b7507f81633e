"""KAN layers on one CPU thread: `python benchmarks/kan.py [ROWS]`.

Plain form, row-chunked form and an MLP of as many parameters, forward and forward + backward, measured in turns
so that a busy machine slows all of them alike; and the most memory that a pass holds beyond the input.
"""

import statistics
import sys
import time
import weakref
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from kfusion.models.kan import KAN, KANLayer

SIZES = ((136, 128, 136), (68, 512, 68))
ROUNDS = 15
WARM_UP = 2


def main() -> None:
    torch.set_num_threads(1)
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1440
    print(
        f"{rows} rows, one thread, median of {ROUNDS} interleaved rounds (CPU ms), float32, torch {torch.__version__}"
    )
    print("| network | form | parameters | forward | forward + backward | peak MB |\n|---|---|---|---|---|---|")
    for widths in SIZES:
        networks = competitors(widths)
        x = torch.randn(rows, widths[0], requires_grad=True)
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in networks}
        for _ in range(WARM_UP + ROUNDS):
            for name, network in networks.items():
                times[name].append(timed(network, x))
        for name, network in networks.items():
            forward, both = (1000 * statistics.median(column[WARM_UP:]) for column in zip(*times[name], strict=True))
            count = sum(parameter.numel() for parameter in network.parameters())
            print(f"| {list(widths)} | {name} | {count} | {forward:.1f} | {both:.1f} | {peak_mb(network, x):.0f} |")


class Through(nn.Module):
    """A KAN with one of the two forms of its layers."""

    def __init__(self, kan: KAN, form: Callable[[KANLayer, Tensor], Tensor]) -> None:
        super().__init__()
        self.kan, self.form = kan, form

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.kan.layers:
            x = self.form(layer, torch.tanh(x))
        return x


def competitors(widths: tuple[int, int, int]) -> dict[str, nn.Module]:
    kan = KAN(*widths)
    count = sum(parameter.numel() for parameter in kan.parameters())
    inputs, _, outputs = widths
    hidden = round((count - outputs) / (inputs + outputs + 1))
    mlp = nn.Sequential(nn.Linear(inputs, hidden), nn.SiLU(), nn.Linear(hidden, outputs))
    return {"plain": Through(kan, KANLayer.plain), "chunked": Through(kan, KANLayer.in_chunks), "MLP": mlp}


def timed(network: nn.Module, x: Tensor) -> tuple[float, float]:
    start = time.process_time()
    y = network(x)
    forward = time.process_time() - start
    y.square().mean().backward()
    return forward, time.process_time() - start


def peak_mb(network: nn.Module, x: Tensor) -> float:
    """The most memory in tensors that are alive at once during forward + backward, the input left out."""
    with Peak() as peak:
        network(x).square().mean().backward()
    return peak.most / 1e6


class Peak(TorchDispatchMode):
    """Counts the bytes of every storage that operations make, until it is freed."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.most = 0
        self.seen: set[int] = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        result = func(*args, **(kwargs or {}))
        for tensor in result if isinstance(result, tuple | list) else (result,):
            if isinstance(tensor, Tensor):
                storage = tensor.untyped_storage()
                key, size = storage._cdata, storage.nbytes()
                if key not in self.seen:
                    self.seen.add(key)
                    self.now += size
                    self.most = max(self.most, self.now)
                    weakref.finalize(storage, self._free, key, size)
        return result

    def _free(self, key: int, size: int) -> None:
        self.seen.discard(key)
        self.now -= size


if __name__ == "__main__":
    main()

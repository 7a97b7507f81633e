"""An LSTM that computes in mixed precision on every CPU."""

from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor, nn

States = tuple[Tensor, Tensor]


class MixedLSTM(nn.LSTM):
    """`nn.LSTM`, in float32 under autocast where the CPU has none in bfloat16.

    Autocast hands a float32 input to oneDNN's LSTM in bfloat16, which it has for AVX-512 alone: without that, PyTorch
    fails. Given a bfloat16 input there, it goes step by step through code of its own, which takes 14 times as long as
    oneDNN's LSTM in float32 (three layers of 256, 16 clips of 90 frames, AVX2).
    """

    def forward(  # type: ignore[override]
        self, x: Float[Tensor, "batch time width"], states: States | None = None
    ) -> tuple[Float[Tensor, "batch time hidden"], States]:
        """The hidden states, and the last ones of every layer."""
        if x.is_cuda or not torch.is_autocast_enabled("cpu") or cpu_has_bfloat16_lstm():
            hidden, last = super().forward(x, states)
        else:
            with torch.autocast("cpu", enabled=False):
                wide = None if states is None else (states[0].float(), states[1].float())
                hidden, last = super().forward(x.float(), wide)
        return hidden, last


@cache
def cpu_has_bfloat16_lstm() -> bool:
    """Whether PyTorch has an LSTM in bfloat16 for this CPU: tried, because no function of it says so."""
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16), torch.random.fork_rng(devices=[]):
        try:
            nn.LSTM(1, 1)(torch.zeros(1, 1, 1))
        except RuntimeError:
            return False
    return True

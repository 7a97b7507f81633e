"""The LSTM that computes in mixed precision on every CPU."""

import os
import subprocess
import sys

import pytest
import torch
from torch import nn

from kfusion.models import lstm
from kfusion.models.lstm import MixedLSTM

AVX2 = {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}
"""PyTorch as on a CPU without AVX-512."""


@pytest.fixture
def no_bfloat16(monkeypatch):
    monkeypatch.setattr(lstm, "cpu_has_bfloat16_lstm", lambda: False)


def test_outside_autocast_it_is_the_lstm_of_pytorch():
    ours, x = MixedLSTM(5, 4, 2, batch_first=True), torch.randn(3, 7, 5)
    theirs = nn.LSTM(5, 4, 2, batch_first=True)
    theirs.load_state_dict(ours.state_dict())
    assert torch.equal(ours(x)[0], theirs(x)[0])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_without_bfloat16_it_computes_in_float32_whatever_it_is_given(no_bfloat16, dtype):
    net, x = MixedLSTM(5, 4, batch_first=True), torch.randn(3, 7, 5).to(dtype)
    expected, (hidden, cell) = net(x.float())
    with torch.autocast("cpu", torch.bfloat16):
        first, (half_hidden, half_cell) = net(x[:, :3])
        second, last = net(x[:, 3:], (half_hidden.to(dtype), half_cell.to(dtype)))
    assert first.dtype == second.dtype == torch.float32
    torch.testing.assert_close(
        torch.cat([first, second], 1), expected, atol=0.02 if dtype != torch.float32 else 1e-6, rtol=0
    )
    torch.testing.assert_close(last[0], hidden, atol=0.02, rtol=0)
    torch.testing.assert_close(last[1], cell, atol=0.02, rtol=0)


def test_under_autocast_it_is_near_its_float32_and_every_weight_learns():
    net, x = MixedLSTM(32, 16, 3, batch_first=True), torch.randn(2, 9, 32)
    exact = net(x)[0]
    with torch.autocast("cpu", torch.bfloat16):
        near = net(x)[0]
    near.float().square().mean().backward()
    eps = torch.finfo(torch.bfloat16).eps
    assert (near.float() - exact).abs().max() < eps * 9**0.5 * 3 * exact.abs().max() + eps  # steps, layers, magnitude
    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in net.parameters())


@pytest.mark.slow
def test_it_trains_on_a_cpu_without_avx512():
    program = """
import torch
from kfusion.models.lstm import MixedLSTM
net = MixedLSTM(8, 4, batch_first=True)
with torch.autocast("cpu", torch.bfloat16):
    for x in (torch.randn(2, 5, 8), torch.randn(2, 5, 8).bfloat16()):
        net(x)[0].float().sum().backward()
assert all(weight.grad.isfinite().all() for weight in net.parameters())
"""
    subprocess.run([sys.executable, "-c", program], check=True, env=os.environ | AVX2)

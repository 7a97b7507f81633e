import numpy as np
import pytest
import torch
from scipy.interpolate import BSpline
from torch import Tensor
from torch.nn import functional as F

from kfusion.errors import InputError
from kfusion.models import kan
from kfusion.models.kan import KAN, KANLayer, spline_basis
from kfusion.models.kfusion_config import KFusionConfig

FORMS = {"plain": KANLayer.plain, "chunked": KANLayer.in_chunks}


@pytest.fixture(params=list(FORMS))
def form(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(kan, "_CHUNK_VALUES", 1)  # 16 rows at a time
    return FORMS[request.param]


@pytest.fixture
def _float64():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def layer(inputs: int = 5, outputs: int = 4, grid: int = 5, seed: int = 0) -> KANLayer:
    torch.manual_seed(seed)
    return KANLayer(inputs, outputs, grid=grid)


def knots(grid: int) -> np.ndarray:
    return -1 + (np.arange(grid + 7) - 3) * 2 / grid


@pytest.mark.usefixtures("_float64")
@pytest.mark.parametrize("grid", [1, 3, 5, 8])
def test_the_basis_is_that_of_scipy(grid: int) -> None:
    x = torch.linspace(-1, 1, 1001)
    ours = spline_basis(x, layer(grid=grid).centres, 2 / grid)
    theirs = BSpline.design_matrix(x.numpy(), knots(grid), 3).toarray()
    assert ours.shape == (1001, grid + 3)
    np.testing.assert_allclose(ours.numpy(), theirs, atol=2e-15)


@pytest.mark.parametrize("grid", [3, 5, 8])
def test_the_basis_is_that_of_scipy_in_float32(grid: int) -> None:
    x = torch.linspace(-1, 1, 1001)
    theirs = BSpline.design_matrix(x.double().numpy(), knots(grid), 3).toarray()
    np.testing.assert_allclose(spline_basis(x, layer(grid=grid).centres, 2 / grid).numpy(), theirs, atol=5e-7)


@pytest.mark.usefixtures("_float64")
def test_a_layer_sums_one_curve_an_edge(form) -> None:
    net, x = layer(), torch.rand(40, 5) * 2 - 1
    base, coefficients = net.weight.detach()[:, :5].numpy(), net.weight.detach()[:, 5:].unflatten(1, (5, 8)).numpy()
    expected = np.zeros((40, 4))
    for output in range(4):
        for edge in range(5):
            value = x[:, edge].numpy()
            expected[:, output] += base[output, edge] * value / (1 + np.exp(-value))
            expected[:, output] += BSpline(knots(5), coefficients[output, edge], 3)(value)
    np.testing.assert_allclose(form(net, x).detach().numpy(), expected, atol=1e-14)


def test_the_splines_of_a_layer_sum_to_one_on_the_grid() -> None:
    basis = spline_basis(torch.linspace(-1, 1, 333), layer().centres, 0.4)
    torch.testing.assert_close(basis.sum(-1), torch.ones(333))


@pytest.mark.usefixtures("_float64")
@pytest.mark.parametrize("shape", [(37, 5), (3, 7, 5), (5,), (2, 1, 9, 5)])
def test_the_gradients_are_right(form, shape: tuple[int, ...]) -> None:
    net, x = layer(), (torch.rand(shape) * 2.4 - 1.2).requires_grad_()

    def output(x: Tensor, weight: Tensor) -> Tensor:
        other = layer()
        del other.weight
        other.weight = weight
        return form(other, x)

    assert torch.autograd.gradcheck(output, (x, net.weight.detach().requires_grad_()), fast_mode=True)


@pytest.mark.parametrize("shape", [(0, 5), (1, 5), (16, 5), (17, 5), (4, 33, 5)])
def test_both_forms_agree(shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kan, "_CHUNK_VALUES", 1)
    net, x = layer(), (torch.rand(shape) * 2 - 1).requires_grad_()
    grad = torch.randn(*shape[:-1], 4)
    results = []
    for form in FORMS.values():
        y = form(net, x)
        results.append((y, *torch.autograd.grad(y, (x, net.weight), grad)))
    for plain, chunked in zip(*results, strict=True):
        torch.testing.assert_close(chunked, plain, atol=2e-6, rtol=1e-5)


def test_both_forms_agree_on_inputs_that_are_not_contiguous() -> None:
    net, x = layer(), torch.rand(5, 3, 40).requires_grad_()
    moved = x.permute(2, 1, 0)
    torch.testing.assert_close(net.in_chunks(moved), net.plain(moved))


@pytest.mark.parametrize("frozen", ["weight", "input"])
def test_what_is_frozen_gets_no_gradient(frozen: str) -> None:
    net, x = layer(), torch.rand(20, 5)
    net.weight.requires_grad_(frozen != "weight")
    x.requires_grad_(frozen != "input")
    net(x).sum().backward()
    assert (net.weight.grad is None) == (frozen == "weight")
    assert (x.grad is None) == (frozen == "input")


def test_under_autocast_the_result_is_bfloat16_and_the_gradients_are_near(form) -> None:
    net, x = layer(64, 32), (torch.rand(200, 64) * 2 - 1).requires_grad_()
    grad = torch.randn(200, 32)
    exact = torch.autograd.grad(net.plain(x), (x, net.weight), grad)
    with torch.autocast("cpu", torch.bfloat16):
        y = form(net, x)
    assert y.dtype == torch.bfloat16
    for near, wanted in zip(torch.autograd.grad(y, (x, net.weight), grad.bfloat16()), exact, strict=True):
        assert near.dtype == torch.float32
        assert (near - wanted).norm() < 0.01 * wanted.norm()


def test_an_input_of_bfloat16_gets_a_gradient_of_bfloat16() -> None:
    net, x = layer(), torch.rand(20, 5, dtype=torch.bfloat16, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        net(x).sum().backward()
    assert x.grad is not None
    assert x.grad.dtype == torch.bfloat16
    assert net.weight.grad is not None
    assert net.weight.grad.dtype == torch.float32


def test_eager_training_goes_in_chunks_and_everything_else_does_not() -> None:
    net, x = layer(), torch.rand(20, 5)
    assert "Chunked" in type(net(x).grad_fn.next_functions[0][0]).__name__
    with torch.no_grad():
        assert net(x).grad_fn is None
    exported = torch.export.export(net, (x,))
    assert any("cat" in str(node.target) for node in exported.graph.nodes)
    torch.testing.assert_close(exported.module()(x), net(x))


def test_a_second_derivative_is_refused_rather_than_wrong() -> None:
    x = torch.rand(3, 5, requires_grad=True)
    (first,) = torch.autograd.grad(layer()(x).square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first.sum().backward()


@pytest.mark.parametrize("size", [0.1, 1e3, 1e30])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_every_layer_sees_its_grid_however_large_the_input(size: float, dtype: torch.dtype) -> None:
    net, seen = KAN(6, 9, 4), []
    for part in net.layers:
        part.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
        y = net((size * torch.randn(50, 6)).to(dtype))
    assert len(seen) == 2
    assert all((x.abs() <= 1).all() for x in seen)
    assert y.isfinite().all()


def test_a_network_learns_a_product_of_its_inputs() -> None:
    torch.manual_seed(0)
    net, x = KAN(2, 8, 1), torch.rand(400, 2) * 4 - 2
    target = x[:, :1] * x[:, 1:]
    adam = torch.optim.Adam(net.parameters(), 0.02)
    for _ in range(300):
        adam.zero_grad()
        F.mse_loss(net(x), target).backward()
        adam.step()
    assert F.mse_loss(net(x), target) < 0.01 * target.var()


def test_the_gain_stretches_small_inputs_over_the_grid() -> None:
    one, four = KAN(3, 4, 2), KAN(3, 4, 2, gain=4.0)
    four.layers.load_state_dict(one.layers.state_dict())
    assert [gain.tolist() for gain in four.gains] == [[4.0] * 3, [4.0] * 4]
    x = 0.05 * torch.randn(50, 3)
    hidden = one.layers[0](torch.tanh(4 * x))
    torch.testing.assert_close(four(x), one.layers[1](torch.tanh(4 * hidden)))
    assert all(gain.requires_grad for gain in four.gains), "it is learned"


@pytest.mark.parametrize("gain", [0.0, -1.0])
def test_a_gain_that_is_not_above_zero_is_refused(gain: float) -> None:
    with pytest.raises(InputError, match=f"kan_gain {gain}: use more than 0"):
        KFusionConfig(kan_gain=gain)

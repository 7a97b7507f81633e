"""The networks that the benchmark builds are what its notes say."""

import pytest
import torch
from speed.kan_layers import CoxDeBoorLayer, chunked, cox_de_boor, exactness, mlp, plain
from torch import nn


@pytest.mark.parametrize("make", [plain, chunked, cox_de_boor], ids=lambda make: make.__name__)
def test_the_kan_layers_are_b_splines(make) -> None:
    found = exactness(make)
    assert max(found.inside, found.outside, found.gradient) < 1e-5


def test_an_edge_that_is_no_b_spline_is_found_out() -> None:
    class Gaussians(nn.Module):
        def forward(self, x):
            return torch.exp(-((3 * x) ** 2))

    assert exactness(lambda _: Gaussians()).inside > 1e-3


def test_a_cox_de_boor_layer_keeps_leading_axes() -> None:
    assert CoxDeBoorLayer(3, 5)(torch.zeros(2, 4, 3)).shape == (2, 4, 5)


def test_the_mlp_has_as_many_parameters_as_the_kan() -> None:
    sizes = [sum(parameter.numel() for parameter in make((68, 512, 68)).parameters()) for make in (mlp, plain)]
    assert sizes[0] == pytest.approx(sizes[1], rel=1e-3)


def test_the_papers_design_has_the_sizes_of_its_code() -> None:
    pytest.importorskip("transformers")
    from speed.paper_design import PaperDesign

    with torch.device("meta"):
        design = PaperDesign()
        found = design.after_speech(torch.zeros(2, 49, 768), torch.zeros(2, 68, 2), torch.zeros(2, dtype=torch.long))
    assert found.shape == (2, 30, 68, 2)
    count = {name: sum(value.numel() for value in part.parameters()) for name, part in design.named_children()}
    assert count["speech"] == pytest.approx(94.4e6, rel=1e-3)
    assert count["kan"] == pytest.approx(0.70e6, rel=1e-2)
    assert sum(count.values()) - count["speech"] == pytest.approx(20.3e6, rel=0.03)

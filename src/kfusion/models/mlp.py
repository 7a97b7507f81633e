"""The multilayer perceptron that the paper's ablation puts in the KAN's place."""

from torch import nn


class MLP(nn.Sequential):
    """Linear - SiLU - Linear."""

    def __init__(self, inputs: int, width: int, outputs: int) -> None:
        super().__init__(nn.Linear(inputs, width), nn.SiLU(), nn.Linear(width, outputs))


def parameters_in(inputs: int, width: int, outputs: int) -> int:
    """How many parameters such an `MLP` has."""
    return width * (inputs + outputs + 1) + outputs

"""Everything that decides what a training run computes."""

from dataclasses import dataclass, field
from typing import Any, Literal

from kfusion.config import from_dict
from kfusion.errors import InputError
from kfusion.models.kfusion_config import KFusionConfig
from kfusion.models.networks import NetworkConfig
from kfusion.training.batches import DataConfig
from kfusion.training.losses import LossConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class OptimiserConfig:
    """How the weights are found."""

    name: Literal["adam", "adamw"] = "adamw"
    learning_rate: float = 1e-3
    """At its highest, after the warm-up."""
    min_learning_rate: float = 1e-5
    """Where the cosine annealing ends."""
    anneal: Literal["step", "epoch"] = "step"
    """How often the learning rate is lowered."""
    warmup_steps: int = 200
    """The learning rate rises linearly over so many steps."""
    weight_decay: float = 0.01
    beta1: float = 0.9
    """Share of the past in Adam's mean of the gradient."""
    batch_size: int = 16
    """Clips a step, for each process."""
    epochs: int = 30
    """How often every clip is seen; `max_steps` takes its place."""
    max_steps: int | None = None
    """Train for exactly so many steps, over which the learning rate is annealed; none: `epochs` decides."""
    gradient_clip: float | None = 1.0
    """Largest norm of the gradient of all weights together; none: not limited."""
    precision: Literal["32-true", "bf16-mixed"] = "32-true"
    patience: int | None = None
    """Stop when the validation M-LD has not fallen for so many epochs; none: run all epochs."""
    seed: int = 0
    """Of the first weights, the order of the clips, every augmentation and the dropout."""

    def __post_init__(self) -> None:
        for name in ("batch_size", "epochs", "max_steps", "patience"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f"{name} {value}: use 1 or more")
        for name in ("warmup_steps", "weight_decay", "min_learning_rate", "seed"):
            if getattr(self, name) < 0:
                raise InputError(f"{name} {getattr(self, name)}: use 0 or more")
        if not self.learning_rate > 0 or self.learning_rate < self.min_learning_rate:
            raise InputError(f"learning_rate {self.learning_rate}: use more than 0 and than min_learning_rate")
        if not 0 <= self.beta1 < 1:
            raise InputError(f"beta1 {self.beta1}: use 0 or more, and less than 1")
        if self.gradient_clip is not None and not self.gradient_clip > 0:
            raise InputError(f"gradient_clip {self.gradient_clip}: use more than 0, or none")


@dataclass(frozen=True, kw_only=True, slots=True)
class Machines:
    """Where a run computes."""

    accelerator: Literal["auto", "cpu", "cuda"] = "auto"
    """`auto` (the default): CUDA where there is one."""
    devices: int = 1
    """Training processes on each machine (default: 1)."""
    num_nodes: int = 1
    """Machines (default: 1)."""
    workers: int | None = None
    """Processes that load clips, for each training process; 0: it loads them itself; none (the default): 0 on a CPU
    with data on a disk, otherwise up to 4."""

    compile: bool = False
    """Compile the network with PyTorch's compiler before the first step (default: no)."""

    def __post_init__(self) -> None:
        for name, least in (("devices", 1), ("num_nodes", 1), ("workers", 0)):
            if (value := getattr(self, name)) is not None and value < least:
                raise InputError(f"{name} {getattr(self, name)}: use {least} or more")

    @property
    def processes(self) -> int:
        """All training processes together."""
        return self.devices * self.num_nodes


@dataclass(frozen=True, kw_only=True, slots=True)
class RunConfig:
    """A training run; with the same data, on one CPU thread, it gives the same weights bit for bit."""

    model: NetworkConfig = field(default_factory=KFusionConfig)
    data: DataConfig = field(default_factory=DataConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)


_CAME_LATER: dict[str, dict[str, Any]] = {
    "data": {"unknown_intensity": 0.0, "cached_hours": 1e6, "shuffled_shards": 64},
}
"""Settings that runs of the same checkpoint format once did not name, and what they did."""


def run_from_dict(values: dict[str, Any]) -> RunConfig:
    """The run that `dataclasses.asdict` made `values` of, also by a version that had fewer settings.

    Raises:
        InputError: a setting is missing, unknown, or not of its type.
    """
    known = {
        name: _CAME_LATER.get(name, {}) | part if isinstance(part, dict) else part for name, part in values.items()
    }
    return from_dict(RunConfig, known)

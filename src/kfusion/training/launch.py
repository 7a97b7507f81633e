"""Which of how many training processes this is, as the program says that started it: torchrun, Ray Train or srun."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from lightning.fabric.plugins.environments.torchelastic import TorchElasticEnvironment

from kfusion.errors import InputError
from kfusion.training.run_config import Machines

_INTERACTIVE = ("bash", "interactive")
"""Names of SLURM jobs in which a person sits."""


@dataclass(frozen=True, slots=True)
class Launched:
    """What the environment of a process says of its place among the others."""

    rank: int
    processes: int
    nodes: int
    by: str
    """What started them; empty: nothing did, this process starts the others itself."""

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Launched":
        """What the variables say that torchrun (and Ray Train) or srun set.

        Raises:
            InputError: they are no numbers.
        """
        try:
            if "WORLD_SIZE" in environment and "LOCAL_WORLD_SIZE" in environment:
                world, local = int(environment["WORLD_SIZE"]), int(environment["LOCAL_WORLD_SIZE"])
                return cls(int(environment["RANK"]), world, max(1, world // local), "torchrun")
            if "SLURM_PROCID" in environment and environment.get("SLURM_JOB_NAME") not in _INTERACTIVE:
                ranks = int(environment["SLURM_PROCID"]), int(environment["SLURM_NTASKS"])
                return cls(*ranks, int(environment.get("SLURM_NNODES", "1")), "srun")
            return cls(int(environment.get("NODE_RANK", "0")), 1, 1, "")
        except (KeyError, ValueError) as error:
            raise InputError(f"RANK, WORLD_SIZE or SLURM_*: {error}: start with torchrun, srun or without") from error

    def machines(self, asked: Machines) -> Machines:
        """Where the run computes: as many processes as were started.

        Raises:
            InputError: another number is asked for.
        """
        if not self.by:
            return asked
        devices = self.processes // self.nodes
        for name, here in (("devices", devices), ("num_nodes", self.nodes)):
            if getattr(asked, name) not in (1, here):
                flag = name.replace("_", "-")
                raise InputError(f"--{flag} {getattr(asked, name)}: {self.by} started {here}: leave the flag out")
        return replace(asked, devices=devices, num_nodes=self.nodes)

    def share(self, machines: Machines) -> tuple[int, int]:
        """The number of this process among those that compute features, and how many do."""
        return (self.rank, self.processes) if self.by else (self.rank % machines.num_nodes, machines.num_nodes)

    def plugins(self) -> list[Any]:
        """What tells Lightning so; it knows srun, and torchrun but not Ray Train."""
        return [TorchElasticEnvironment()] if self.by == "torchrun" else []

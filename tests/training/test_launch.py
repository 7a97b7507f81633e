import pytest

from kfusion.errors import InputError
from kfusion.training.launch import Launched
from kfusion.training.run_config import Machines

TORCHRUN = {"RANK": "5", "WORLD_SIZE": "8", "LOCAL_WORLD_SIZE": "4"}
SRUN = {"SLURM_PROCID": "5", "SLURM_NTASKS": "8", "SLURM_NNODES": "2", "SLURM_JOB_NAME": "kfusion"}


@pytest.mark.parametrize("environment", [TORCHRUN, SRUN, SRUN | TORCHRUN])
def test_the_processes_are_those_that_were_started(environment: dict[str, str]) -> None:
    launched = Launched.of(environment)
    machines = launched.machines(Machines())
    assert (machines.devices, machines.num_nodes) == (4, 2)
    assert launched.machines(Machines(devices=4, num_nodes=2)) == machines
    assert launched.share(machines) == (5, 8)


@pytest.mark.parametrize("environment", [{}, {**SRUN, "SLURM_JOB_NAME": "bash"}])
def test_a_run_started_by_hand_computes_where_it_is_told(environment: dict[str, str]) -> None:
    launched = Launched.of(environment)
    assert launched.machines(Machines(devices=3)) == Machines(devices=3)
    assert launched.share(Machines(devices=3)) == (0, 1)
    assert launched.plugins() == []


def test_each_of_several_machines_computes_its_share_of_the_features() -> None:
    assert Launched.of({"NODE_RANK": "2"}).share(Machines(num_nodes=4)) == (2, 4)


def test_other_counts_than_were_started_are_refused() -> None:
    with pytest.raises(InputError, match="--devices 2: torchrun started 4: leave the flag out"):
        Launched.of(TORCHRUN).machines(Machines(devices=2))


@pytest.mark.parametrize("change", [{"RANK": "first"}, {"WORLD_SIZE": ""}])
def test_variables_that_are_no_numbers_are_named(change: dict[str, str]) -> None:
    with pytest.raises(InputError, match="start with torchrun"):
        Launched.of(TORCHRUN | change)

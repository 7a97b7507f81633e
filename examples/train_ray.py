"""Train on a Ray cluster: as many processes as asked for, wherever Ray finds room for them.

pip install 'kfusion[train,store]' 'ray[train]'
python examples/train_ray.py default --data s3://bucket/mead -o /shared/run --processes 8 --gpu

The data sets and the folder of the run must lie where every machine sees them. A run that was stopped, or whose
machine died, goes on with the same command. Run under `ray job submit` or with RAY_ADDRESS set to join a cluster.
"""

import argparse
from pathlib import Path
from typing import Any

from ray.train import FailureConfig, RunConfig, ScalingConfig
from ray.train.torch import TorchTrainer


def work(settings: dict[str, Any]) -> None:
    """What each process does; Ray has told it its place among the others."""
    from kfusion.config import override
    from kfusion.presets import load_preset
    from kfusion.training.loop import train
    from kfusion.training.run_config import Machines

    run = override(load_preset(settings["preset"]), settings["changes"])
    train(run, settings["data"], Path(settings["output"]), machines=Machines(accelerator=settings["accelerator"]))


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("preset")
    parser.add_argument("--data", action="append", required=True, help="as for `kfusion train`")
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--gpu", action="store_true", help="one for each process")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--batch-size", type=int, help="for each process")
    parser.add_argument("--tries", type=int, default=3, help="how often processes that died are started again")
    given = parser.parse_args()
    changes = {"optimiser.epochs": given.epochs, "optimiser.batch_size": given.batch_size}
    settings = {
        "preset": given.preset,
        "data": given.data,
        "output": str(Path(given.output).absolute()),
        "accelerator": "cuda" if given.gpu else "cpu",
        "changes": {name: value for name, value in changes.items() if value is not None},
    }
    trainer = TorchTrainer(
        work,
        train_loop_config=settings,
        scaling_config=ScalingConfig(num_workers=given.processes, use_gpu=given.gpu),
        run_config=RunConfig(failure_config=FailureConfig(max_failures=given.tries)),
    )
    trainer.fit()
    print(f"trained: {settings['output']}/best")


if __name__ == "__main__":
    main()

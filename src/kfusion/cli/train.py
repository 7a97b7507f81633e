"""`kfusion train`: a preset and prepared data sets in; checkpoints out."""

import argparse
from pathlib import Path

from kfusion.cli.console import show
from kfusion.cli.progress import progress_lines
from kfusion.config import add_flag, add_flags, given_flags, override
from kfusion.numbers import hours, whole
from kfusion.presets import PRESETS, load_preset
from kfusion.training.run_config import Machines, RunConfig

MAX_THREADS = 1024
SHORTCUTS = {
    "--epochs": ("optimiser.epochs", int, "how often every clip is seen"),
    "--max-steps": ("optimiser.max_steps", int, "train for exactly so many steps, whatever the epochs"),
    "--batch-size": ("optimiser.batch_size", int, "clips a step, for each process"),
    "--seed": ("optimiser.seed", int, "of every random choice"),
    "--speech-encoder": (
        "model.speech_encoder",
        str,
        "whisper-tiny.en, whisper:FILE[:LAYERS], streaming[:FILE], or wav2vec2:HUB_ID_OR_DIRECTORY[:LAYER]",
    ),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of the verb."""
    parser.add_argument("preset", metavar="PRESET", help=", ".join(PRESETS))
    parser.add_argument(
        "--data",
        metavar="SET",
        action="append",
        required=True,
        help="a data set that `kfusion prepare` made: a folder, or s3://BUCKET/SET (pip install 'kfusion[store]'); "
        "may be given several times, and with a weight: SET*2 is shown twice an epoch, SET*0.5 half of it",
    )
    parser.add_argument("-o", "--output", metavar="RUN", type=Path, required=True, help="folder of the run")
    group = parser.add_argument_group("where and how long")
    add_flags(group, Machines)
    group.add_argument("--threads", type=_threads, help="CPU threads of each process")
    group.add_argument("--max-hours", type=hours, help="stop after that time; the same command goes on")
    settings = parser.add_argument_group("settings of the preset")
    for flag, (name, kind, text) in SHORTCUTS.items():
        add_flag(settings, flag, name, kind, text)
    add_flags(settings, RunConfig)


def run(arguments: argparse.Namespace) -> int:
    """Train, and print the best score and where the checkpoint is."""
    config = override(load_preset(arguments.preset), given_flags(arguments, RunConfig))
    machines = override(Machines(), given_flags(arguments, Machines))
    from kfusion.training.loop import train

    if arguments.threads is not None:
        import torch

        torch.set_num_threads(arguments.threads)
    with progress_lines("kfusion.training"):
        best = train(config, arguments.data, arguments.output, machines=machines, max_hours=arguments.max_hours)
    _print_result(best)
    return 0


def _print_result(best: Path) -> None:
    from kfusion.training.checkpoint import read_info
    from kfusion.training.loop import is_first_process
    from kfusion.training.module import HOLD_MLD, MLD

    if not is_first_process():
        return
    if not best.exists():
        show("no checkpoint yet: run the same command again to go on")
        return
    info = read_info(best)
    scores = (
        f"{info.scores[MLD]:.2f} % of the inter-ocular distance (identity held still: {info.scores[HOLD_MLD]:.2f} %)"
    )
    show(f"best validation M-LD {scores} after epoch {info.epochs}: {best}")


def _threads(word: str) -> int:
    count = whole(word)
    if not 1 <= count <= MAX_THREADS:
        raise argparse.ArgumentTypeError(f"{count}: use 1 to {MAX_THREADS}")
    return count

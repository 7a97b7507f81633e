"""`kfusion export`: a checkpoint to one ONNX bundle that runs without PyTorch."""

import argparse
from pathlib import Path

from kfusion.cli.console import show

PRECISIONS = ("float32", "int8")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the verb."""
    parser.add_argument(
        "checkpoint",
        type=Path,
        help="folder with config.json and model.safetensors, or a float32 bundle that is to become an int8 one",
    )
    parser.add_argument("-o", "--output", type=Path, required=True, help="the .onnx file to write")
    parser.add_argument("--model-id", help="the name results carry (default: the name of the output file)")
    parser.add_argument(
        "--precision",
        choices=PRECISIONS,
        default="float32",
        help="int8: the large matrices in 8-bit integers, smaller and faster (default: float32)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Export, check against PyTorch, and print where the bundle is."""
    model_id = arguments.model_id or arguments.output.stem
    if arguments.checkpoint.is_file():
        _quantise(arguments, model_id)
    else:
        _export(arguments, model_id)
    show(arguments.output)
    return 0


def _quantise(arguments: argparse.Namespace, model_id: str) -> None:
    from kfusion.errors import InputError
    from kfusion.training.bundle_export import quantise_bundle

    if arguments.precision != "int8":
        raise InputError(f"{arguments.checkpoint}: is a bundle already: pass a checkpoint folder, or --precision int8")
    quantise_bundle(arguments.checkpoint, arguments.output, model_id=model_id)


def _export(arguments: argparse.Namespace, model_id: str) -> None:
    from kfusion.models.kfusion import KFusion
    from kfusion.training.bundle_export import export_bundle
    from kfusion.training.checkpoint import load_model, read_info
    from kfusion.training.stream_export import export_stream_bundle

    network, emotions = load_model(arguments.checkpoint), list(read_info(arguments.checkpoint).emotions)
    settings = {"model_id": model_id, "emotions": emotions, "precision": arguments.precision}
    if isinstance(network, KFusion) and network.config.live:
        export_stream_bundle(network, arguments.output, **settings)
    else:
        export_bundle(network, arguments.output, **settings)

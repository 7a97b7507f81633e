"""`kfusion export`: a checkpoint to one ONNX bundle that runs without PyTorch."""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the verb."""
    parser.add_argument("checkpoint", type=Path, help="folder with config.json and model.safetensors")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the .onnx file to write")
    parser.add_argument("--model-id", help="the name results carry (default: the name of the output file)")


def run(arguments: argparse.Namespace) -> int:
    """Export, check against PyTorch, and print where the bundle is."""
    from kfusion.training.checkpoint import load_model, read_info
    from kfusion.training.export import export_bundle

    emotions = list(read_info(arguments.checkpoint).emotions)
    model_id = arguments.model_id or arguments.output.stem
    export_bundle(load_model(arguments.checkpoint), arguments.output, model_id=model_id, emotions=emotions)
    print(arguments.output)
    return 0

"""`kfusion demo`: `kfusion generate` on the packaged sample recording and portrait."""

import argparse

from kfusion import assets
from kfusion.cli import generate


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of the verb."""
    generate.add_output_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Write the results and print their paths."""
    arguments.speech, arguments.face = [assets.SAMPLE_SPEECH], assets.SAMPLE_PORTRAIT
    arguments.track = arguments.person = None
    return generate.run(arguments)

"""`kfusion app`: the app for a browser, on this machine."""

import argparse
import os
from pathlib import Path

from kfusion.cli.console import show
from kfusion.errors import InputError
from kfusion.numbers import number
from kfusion.serve.settings import MAX_PORT, is_loopback

LOGIN = "KFUSION_LOGIN"
"""Environment variable with NAME:PASSWORD."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of the verb."""
    parser.add_argument("--host", default="127.0.0.1", help=f"anything but loopback needs {LOGIN} (default: 127.0.0.1)")
    parser.add_argument("--port", metavar="N", type=int, default=7860, help="0 for any free one (default: 7860)")
    parser.add_argument("--model", metavar="PATH", type=Path, help="another .onnx bundle, or a folder with model.onnx")
    parser.add_argument(
        "--longest-s", metavar="S", type=number, default=300, help="recordings may last so long (default: 300)"
    )
    parser.add_argument("--browser", action="store_true", help="open it in a browser")


def run(arguments: argparse.Namespace) -> int:
    """Serve until told to stop; prints the address when it listens."""
    login = _login(arguments.host)
    if not 0 <= arguments.port <= MAX_PORT:
        raise InputError(f"--port is {arguments.port}: use 0 to {MAX_PORT}")
    if not arguments.longest_s > 0:
        raise InputError(f"--longest-s is {arguments.longest_s:g}: use a number above 0")
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # before Gradio is imported: it asks its maker for its version

    from kfusion.inference.generator import load
    from kfusion.integrations.gradio_app import launch

    with launch(
        load(arguments.model),
        host=arguments.host,
        port=arguments.port,
        login=login,
        longest_s=arguments.longest_s,
        browser=arguments.browser,
    ) as (address, wait):
        show(address)
        wait()
    return 0


def _login(host: str) -> tuple[str, str] | None:
    name, _, password = os.environ.get(LOGIN, "").partition(":")
    if name and password:
        return name, password
    if name or not is_loopback(host):
        why = f"{LOGIN} is not NAME:PASSWORD" if name else f"{host} can be reached from other machines"
        raise InputError(f"{why}: set {LOGIN}=NAME:PASSWORD, or leave --host out")
    return None

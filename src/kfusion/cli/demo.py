"""`kfusion demo`: `kfusion generate` on the packaged sample recording and portrait, or the page to try it in."""

import argparse
import os
import sys
import webbrowser

from kfusion import assets
from kfusion.cli import generate
from kfusion.cli.console import show
from kfusion.errors import InputError
from kfusion.serve.settings import MAX_PORT

_DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of the verb."""
    generate.add_output_arguments(parser, required=False)
    web = parser.add_argument_group("in the browser, without writing files")
    web.add_argument("--web", action="store_true", help="serve the page on this machine, and open it")
    web.add_argument("--port", type=int, help="port to listen on (8768); 0 for any free one")
    web.add_argument("--no-browser", action="store_true", help="only print the address")


def run(arguments: argparse.Namespace) -> int:
    """Write the results and print their paths; or serve the page until told to stop."""
    if arguments.web:
        return _serve_page(arguments)
    if arguments.output is None:
        raise InputError("neither a folder for the results nor --web is given: pass -o OUT, or --web")
    if arguments.port is not None or arguments.no_browser:
        raise InputError("--port and --no-browser are for the page: pass --web too")
    arguments.speech, arguments.face = [assets.SAMPLE_SPEECH], assets.SAMPLE_PORTRAIT
    arguments.track = arguments.person = None
    return generate.run(arguments)


def _serve_page(arguments: argparse.Namespace) -> int:
    from kfusion.web.page_files import PageFiles
    from kfusion.web.page_server import HOST, PORT, page_server

    if arguments.output is not None:
        raise InputError(f"--output is {arguments.output} and --web writes no files: pass one of them")
    port = PORT if arguments.port is None else arguments.port
    if not 0 <= port <= MAX_PORT:
        raise InputError(f"port is {port}: use 0 to {MAX_PORT}")
    with page_server(PageFiles(), port) as server:
        address = f"http://{HOST}:{server.server_port}"
        show(address)
        if not arguments.no_browser and _has_display():
            webbrowser.open(address)
        server.serve_forever()
    return 0


def _has_display() -> bool:
    """Whether a browser would have a window: not one that draws in the terminal."""
    return sys.platform in ("darwin", "win32") or any(map(os.environ.get, _DISPLAYS))

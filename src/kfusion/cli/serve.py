"""`kfusion serve`: recordings over HTTP and streamed speech over a WebSocket."""

import argparse

from kfusion.cli.console import show
from kfusion.config import add_flags, given_flags
from kfusion.serve.settings import ServerSettings, token_from_environment


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of the verb."""
    add_flags(parser, ServerSettings)


def run(arguments: argparse.Namespace) -> int:
    """Serve until told to stop; prints the address when it listens."""
    given = {"token": token_from_environment(), **given_flags(arguments, ServerSettings)}
    settings = ServerSettings(**given)

    from kfusion.inference.generator import load
    from kfusion.serve.app import create_app
    from kfusion.serve.server import listen, make_server
    from kfusion.web.page_routes import page_routes

    app = create_app(settings, load(settings.model, threads=1), page_routes())
    with listen(settings) as listener:
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        show(f"http://{host}:{listener.getsockname()[1]}")
        make_server(app, settings).run(sockets=[listener])
    return 0

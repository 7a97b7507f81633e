"""The service on a Ray cluster (the extra `ray`): the same application as `kfusion serve`, in several replicas."""

import argparse
from collections.abc import Mapping
from typing import Any, NoReturn

from kfusion.config import add_flags, flatten, given_flags
from kfusion.errors import InputError, MissingExtraError
from kfusion.serve.settings import ServerSettings, token_from_environment

try:
    from fastapi import FastAPI
    from ray import serve

    from kfusion.serve.app import create_app
except ModuleNotFoundError as error:
    raise MissingExtraError("kfusion.integrations.ray", "ray") from error


def build(arguments: Mapping[str, Any]) -> serve.Application:
    """The service as an application of Ray Serve: `serve run kfusion.integrations.ray:build replicas=2`.

    Every replica loads the model for itself, keeps its own limits and counters, and answers HTTP and WebSockets
    alike. Ray Serve chooses a replica for every request, and for every stream when it begins.

    Args:
        arguments: the fields of `ServerSettings` by name, as values or as the words of a command line, and
            `replicas`, 1 unless told. Where Ray Serve listens beyond loopback, pass its `host` here too: then a
            token is asked for. KFUSION_TOKEN is read where this runs.

    Raises:
        InputError: a setting is unknown or cannot be used.
    """
    values = dict(arguments)
    replicas = _replicas(values.pop("replicas", 1))
    settings = _settings(values)

    def application() -> FastAPI:
        return create_app(settings)

    deployment = serve.deployment(
        serve.ingress(application)(),
        name="kfusion",
        num_replicas=replicas,
        max_ongoing_requests=settings.max_connections,
    )
    return deployment.bind()


def _settings(values: Mapping[str, Any]) -> ServerSettings:
    known = flatten(ServerSettings())
    words = [_word(name, value, known.get(name)) for name, value in values.items()]
    parser = _SettingsParser(prog="kfusion.integrations.ray:build", add_help=False, allow_abbrev=False)
    add_flags(parser, ServerSettings)
    given = given_flags(parser.parse_args(words), ServerSettings)
    return ServerSettings(**{"token": token_from_environment(), **given})


def _word(name: str, value: Any, default: Any) -> str:
    """A setting as a flag of `kfusion serve`."""
    flag = name.replace("_", "-")
    if not isinstance(default, bool):
        return f"--{flag}={value}"
    return f"--{flag}" if str(value).lower() in ("true", "1", "yes") else f"--no-{flag}"


def _replicas(value: Any) -> int:
    if not str(value).isdecimal() or int(value) < 1:
        raise InputError(f"replicas is {value!r}: use 1 or more")
    return int(value)


class _SettingsParser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise InputError(f"{self.prog}: {message}: use replicas and the settings of `kfusion serve --help`")

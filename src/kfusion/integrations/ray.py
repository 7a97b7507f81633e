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


_STREAMS_A_REPLICA = 8
_MORE_AFTER_S, _FEWER_AFTER_S = 5, 600
"""Streams cannot wait for a replica; one too many costs little."""


def build(arguments: Mapping[str, Any]) -> serve.Application:
    """The service as an application of Ray Serve: `serve run kfusion.integrations.ray:build replicas=2-20`.

    Every replica loads the model for itself, keeps its own limits and counters, and answers HTTP and WebSockets
    alike. Ray Serve chooses a replica for every request, and for every stream when it begins. A replica that is to go
    takes nothing new, and has `drain_s` for what it was begun with.

    Args:
        arguments: the fields of `ServerSettings` by name, as values or as the words of a command line, and
            `replicas`, 1 unless told: a number, or the fewest and the most, as in `2-20`; then Ray Serve starts and
            stops them so that each has about `streams_a_replica` streams and recordings, 8 unless told. Where Ray
            Serve listens beyond loopback, pass its `host` here too: then a token is asked for. KFUSION_TOKEN is read
            where this runs.

    Raises:
        InputError: a setting is unknown or cannot be used.
    """
    values = dict(arguments)
    scale = _scale(str(values.pop("replicas", 1)), str(values.pop("streams_a_replica", _STREAMS_A_REPLICA)))
    settings = _settings(values)

    def application() -> FastAPI:
        return create_app(settings)

    deployment = serve.deployment(
        serve.ingress(application)(),
        name="kfusion",
        max_ongoing_requests=settings.max_connections,
        graceful_shutdown_timeout_s=settings.drain_s,
        **scale,
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


def _scale(replicas: str, streams: str) -> dict[str, Any]:
    """What Ray Serve is told of the number of replicas."""
    fewest, dash, most = replicas.partition("-")
    if not (_is_count(fewest) and (_is_count(most) or not dash)):
        raise InputError(f"replicas is '{replicas}': use 1 or more, or FEWEST-MOST, as in 2-20")
    if not _is_count(streams):
        raise InputError(f"streams_a_replica is '{streams}': use 1 or more")
    if not dash:
        return {"num_replicas": int(fewest)}
    if int(most) < int(fewest):
        raise InputError(f"replicas is '{replicas}': use FEWEST-MOST, as in 2-20")
    return {
        "autoscaling_config": {
            "min_replicas": int(fewest),
            "max_replicas": int(most),
            "target_ongoing_requests": int(streams),
            "upscale_delay_s": _MORE_AFTER_S,
            "downscale_delay_s": _FEWER_AFTER_S,
        }
    }


def _is_count(word: str) -> bool:
    return word.isdecimal() and int(word) >= 1


class _SettingsParser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise InputError(f"{self.prog}: {message}: use replicas and the settings of `kfusion serve --help`")

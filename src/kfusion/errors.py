"""Errors a caller can act on.

    KfusionError                 everything this package raises on purpose
    ├── InputError               an argument, a recording, a picture or a landmark file cannot be used
    ├── OutputError              a result cannot be written where it was asked for
    ├── MissingWeightsError      weights that must be downloaded or passed are not there
    ├── MissingExtraError        a feature needs an optional dependency that is not installed
    ├── CheckpointError          a checkpoint is damaged or was written by another version
    └── UnexpectedError          one of several inputs met a fault of this package: the others go on

Every message says what is wrong, with which value, and what to do about it. The command line
prints it on one line and exits with code 2, or 1 after an `UnexpectedError`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self


class KfusionError(Exception):
    """Everything this package raises on purpose."""


class InputError(KfusionError):
    """An argument, a recording, a picture or a landmark file cannot be used."""


class OutputError(KfusionError):
    """A result cannot be written where it was asked for."""


class MissingWeightsError(KfusionError):
    """Weights that must be downloaded or passed are not there."""


class MissingExtraError(KfusionError):
    """A feature needs an optional dependency that is not installed."""

    def __init__(self, feature: str, extra: str, remedy: str = "") -> None:
        """`extra` is the extra of kfusion that brings it; `remedy` stands in place of the advice to install that."""
        self._arguments = (feature, extra, remedy)
        super().__init__(f"{feature} needs packages that are not installed: {remedy or _install(extra)}")

    def __reduce__(self) -> tuple[type[Self], tuple[str, str, str]]:
        """So that it can come back from a worker process."""
        return type(self), self._arguments


def _install(extra: str) -> str:
    return f"pip install 'kfusion[{extra}]'"


class CheckpointError(KfusionError):
    """A checkpoint is damaged or was written by another version."""


class UnexpectedError(KfusionError):
    """One of several inputs met a fault of this package: the others go on. Its `__cause__` is the fault."""

    def __init__(self, name: object, cause: BaseException) -> None:
        """`name` is that of the input."""
        self._arguments = (str(name), cause)
        super().__init__(f"{name}: unexpected {type(cause).__name__} ({one_line(cause)}): please report it")
        self.__cause__ = cause

    def __reduce__(self) -> tuple[type[Self], tuple[str, BaseException]]:
        """So that it can come back from a worker process."""
        return type(self), self._arguments


def error_of(name: object, error: Exception) -> KfusionError:
    """What one of several inputs met, as an error that names it: whatever it is, the others go on."""
    if isinstance(error, KfusionError):
        return error
    if isinstance(error, OSError):
        return InputError(f"{name}: cannot be read ({error.strerror or one_line(error)}): check the path")
    if isinstance(error, MemoryError):
        return InputError(f"{name}: does not fit into memory: pass a shorter one, or fewer at a time")
    return UnexpectedError(name, error)


@contextmanager
def foreign(problem: str, remedy: str, kind: type[KfusionError] = InputError) -> Iterator[None]:
    """Whatever somebody else's parser raises in the block, as one error: `problem (its reason): remedy`.

    Parsers of files raise what they like, and other things in their next release, so no list of it is kept: each
    is wrapped once, here, and the block holds nothing but the parser.

    Raises:
        KfusionError: of `kind`, where the parser failed; errors of this package pass as they are.
    """
    try:
        yield
    except KfusionError:
        raise
    except Exception as error:
        raise kind(f"{problem} ({one_line(error)}): {remedy}") from error


def one_line(error: BaseException | str) -> str:
    """What an error says, without line breaks; its type where it says nothing."""
    return " ".join(str(error).split()) or type(error).__name__

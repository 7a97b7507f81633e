"""Frozen dataclasses as command line flags, as JSON, and changed field by field.

A field of a nested configuration has a dotted name: `optimiser.epochs`, on the command line
`--optimiser.epochs 40`. The docstring under a field is its help. A field may hold one of several
configurations (a union): its flags are those of the first, its JSON is told apart by its fields.
"""

import argparse
import ast
import inspect
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from itertools import pairwise
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from kfusion.errors import InputError
from kfusion.numbers import READERS

Config = TypeVar("Config")


def add_flags(parser: argparse._ActionsContainer, config: type, prefix: str = "") -> None:
    """Add a flag for every field of a configuration; what is not given stays out of the parsed arguments."""
    hints, helps = get_type_hints(config), field_docstrings(config)
    for field in fields(config):
        name, hint = f"{prefix}{field.name}", hints[field.name]
        if nested := _nested(hint):
            add_flags(parser, nested[0], f"{name}.")
        else:
            add_flag(parser, f"--{name.replace('_', '-')}", name, hint, helps.get(field.name, ""))


def add_flag(parser: argparse._ActionsContainer, flag: str, name: str, hint: Any, text: str) -> None:
    """Add `flag`, which sets the field called `name`, of type `hint`."""
    text = " ".join(text.replace("%", "%%").split())
    shared: dict[str, Any] = {"dest": name, "default": argparse.SUPPRESS, "help": text}
    if hint is bool:
        parser.add_argument(flag, action=argparse.BooleanOptionalAction, **shared)
    elif get_origin(hint) is Literal:
        parser.add_argument(flag, choices=get_args(hint), **shared)
    else:
        parser.add_argument(flag, type=_reader(hint), metavar=_type_name(hint).upper(), **shared)


def field_docstrings(config: type) -> dict[str, str]:
    """The docstring under each field that has one; none where the source is not at hand."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(config)))
    except OSError:
        return {}
    body = next(node for node in tree.body if isinstance(node, ast.ClassDef)).body
    return {
        field.target.id: text.value.value
        for field, text in pairwise(body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }


def given_flags(arguments: argparse.Namespace, config: type) -> dict[str, Any]:
    """The fields of a configuration that were given on the command line, by dotted name."""
    names = _field_names(config)
    return {name: value for name, value in vars(arguments).items() if name in names}


def override(config: Config, changes: Mapping[str, Any]) -> Config:
    """The configuration with the fields called by their dotted names changed.

    Raises:
        InputError: there is no such field, or a value does not go with the others.
    """
    known = flatten(config)
    unknown = [name for name in changes if name not in known]
    if unknown:
        raise InputError(f"unknown setting '{unknown[0]}': use {', '.join(sorted(known))}")
    direct: dict[str, Any] = {name: value for name, value in changes.items() if "." not in name}
    for part in {name.partition(".")[0] for name in changes if "." in name}:
        inner = {name.partition(".")[2]: value for name, value in changes.items() if name.startswith(f"{part}.")}
        direct[part] = override(getattr(config, part), inner)
    return replace(config, **direct)  # type: ignore[type-var]


def flatten(config: Any, prefix: str = "") -> dict[str, Any]:
    """The value of every field by its dotted name."""
    flat: dict[str, Any] = {}
    for field in fields(config):
        value = getattr(config, field.name)
        name = f"{prefix}{field.name}"
        flat |= flatten(value, f"{name}.") if is_dataclass(value) else {name: value}
    return flat


def from_dict(config: type[Config], values: Any, where: str = "") -> Config:
    """The configuration that `dataclasses.asdict` made `values` of; every field must be there.

    Raises:
        InputError: a field is missing, unknown, or not of its type.
    """
    if not isinstance(values, dict):
        raise InputError(f"{where or 'the configuration'} is not a table of settings")
    assert is_dataclass(config)
    hints = get_type_hints(config)
    for name in sorted({*hints, *values}):
        if name not in values:
            raise InputError(f"setting '{_dotted(where, name)}' is missing")
        if name not in hints:
            raise InputError(f"unknown setting '{_dotted(where, name)}'")
    read = {name: _from_json(hint, values[name], _dotted(where, name)) for name, hint in hints.items()}
    return config(**read)


def _from_json(hint: Any, value: Any, where: str) -> Any:
    if nested := _nested(hint):
        return from_dict(_nearest(nested, value), value, where)
    if not _fits(hint, value):
        raise InputError(f"setting '{where}' is {value!r}, expected {_type_name(hint)}")
    return value


def _nested(hint: Any) -> list[type]:
    """The configurations that a field of this type may hold; none where it holds a plain value."""
    options = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    return [option for option in options if is_dataclass(option) and isinstance(option, type)]


def _nearest(options: list[type], values: Any) -> type:
    """The configuration that has most of the fields of a table."""
    names = set(values) if isinstance(values, dict) else set[str]()
    return max(options, key=lambda option: len(names & get_type_hints(option).keys()))


def _fits(hint: Any, value: Any) -> bool:
    if get_origin(hint) in (Union, UnionType):
        return any(_fits(option, value) for option in get_args(hint))
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    if isinstance(value, bool):
        return hint is bool
    return isinstance(value, (int, float) if hint is float else hint)


def _dotted(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _field_names(config: type, prefix: str = "") -> set[str]:
    names: set[str] = set()
    for name, hint in get_type_hints(config).items():
        nested = [_field_names(option, f"{prefix}{name}.") for option in _nested(hint)]
        names |= set[str]().union(*nested) if nested else {f"{prefix}{name}"}
    return names


def _reader(hint: Any) -> Callable[[str], Any]:
    """What turns the word after a flag into a value; `none` where the field may be None."""
    options = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    (kind,) = (option for option in options if option is not NoneType)

    def read(word: str) -> Any:
        return None if NoneType in options and word.lower() == "none" else READERS.get(kind, kind)(word)

    read.__name__ = _type_name(hint)  # argparse names it when a word cannot be read
    return read


def _type_name(hint: Any) -> str:
    if get_origin(hint) in (Union, UnionType):
        return "|".join(_type_name(option) for option in get_args(hint))
    if get_origin(hint) is Literal:
        return "|".join(str(option) for option in get_args(hint))
    return "none" if hint is NoneType else str(hint.__name__)

import argparse
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import pytest

from kfusion.config import add_flags, field_docstrings, flatten, from_dict, given_flags, override
from kfusion.errors import InputError


@dataclass(frozen=True, kw_only=True, slots=True)
class Inner:
    wide_thing: int = 3
    """How wide, in 100 % of
    something."""
    kind: Literal["a", "b"] = "a"


@dataclass(frozen=True, kw_only=True, slots=True)
class Outer:
    inner: Inner = field(default_factory=Inner)
    share: float = 0.5
    """Of the whole."""
    on: bool = False
    limit: float | None = None
    name: str = "x"

    def __post_init__(self) -> None:
        if self.share > 1:
            raise InputError(f"share {self.share} is above 1")


def parsed(*words: str) -> dict[str, Any]:
    parser = argparse.ArgumentParser(exit_on_error=False)
    parser.add_argument("--other")
    add_flags(parser, Outer)
    return given_flags(parser.parse_args(list(words)), Outer)


def test_flags_that_are_not_given_change_nothing() -> None:
    assert parsed("--other", "x") == {}
    assert override(Outer(), {}) == Outer()


@pytest.mark.parametrize(
    ("words", "name", "value"),
    [
        (["--inner.wide-thing", "7"], "inner.wide_thing", 7),
        (["--inner.kind", "b"], "inner.kind", "b"),
        (["--share", "0.25"], "share", 0.25),
        (["--on"], "on", True),
        (["--no-on"], "on", False),
        (["--limit", "2"], "limit", 2.0),
        (["--limit", "none"], "limit", None),
        (["--name", "none"], "name", "none"),
    ],
)
def test_every_field_has_a_flag(words: list[str], name: str, value: Any) -> None:
    assert parsed(*words) == {name: value}
    assert flatten(override(Outer(), parsed(*words)))[name] == value


@pytest.mark.parametrize("words", [["--share", "much"], ["--inner.kind", "c"], ["--limit", "some"]])
def test_a_word_that_is_no_value_is_refused(words: list[str]) -> None:
    with pytest.raises(argparse.ArgumentError):
        parsed(*words)


def test_the_docstring_under_a_field_is_its_help() -> None:
    parser = argparse.ArgumentParser()
    add_flags(parser, Outer)
    text = " ".join(parser.format_help().split())
    assert "How wide, in 100 % of something." in text
    assert field_docstrings(Outer) == {"share": "Of the whole."}


def test_changes_reach_nested_fields_and_are_checked() -> None:
    changed = override(Outer(), {"inner.wide_thing": 5, "share": 1.0})
    assert changed == Outer(inner=Inner(wide_thing=5), share=1.0)
    with pytest.raises(InputError, match="share 2 is above 1"):
        override(Outer(), {"share": 2})
    with pytest.raises(InputError, match=r"unknown setting 'inner\.colour'"):
        override(Outer(), {"inner.colour": 5})


def test_a_configuration_survives_json_tables() -> None:
    config = Outer(inner=Inner(kind="b"), limit=3)
    assert from_dict(Outer, asdict(config)) == config


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"inner": 3}, "inner is not a table of settings"),
        ({"inner": {"wide_thing": True, "kind": "a"}}, r"'inner\.wide_thing' is True, expected int"),
        ({"inner": {"wide_thing": 1, "kind": "c"}}, r"'inner\.kind' is 'c', expected a\|b"),
        ({"share": "0.5"}, "'share' is '0.5', expected float"),
        ({"limit": "none"}, r"'limit' is 'none', expected float\|none"),
        ({"colour": 1}, "unknown setting 'colour'"),
    ],
)
def test_tables_are_read_strictly(change: dict[str, Any], match: str) -> None:
    with pytest.raises(InputError, match=match):
        from_dict(Outer, asdict(Outer()) | change)


def test_every_field_must_be_there() -> None:
    content = asdict(Outer())
    del content["inner"]["kind"]
    with pytest.raises(InputError, match=r"setting 'inner\.kind' is missing"):
        from_dict(Outer, content)


@dataclass(frozen=True, kw_only=True, slots=True)
class Other:
    wide_thing: int = 3
    label: str = "o"


@dataclass(frozen=True, kw_only=True, slots=True)
class Either:
    part: Inner | Other = field(default_factory=Inner)


EITHER = [Either(part=Inner(wide_thing=1)), Either(part=Other(wide_thing=1))]


@pytest.mark.parametrize("config", EITHER)
def test_one_of_several_configurations_survives_json_tables(config: Either) -> None:
    assert from_dict(Either, asdict(config)) == config


@pytest.mark.parametrize(
    ("part", "match"),
    [
        ({"wide_thing": 1}, r"setting 'part\.kind' is missing"),
        ({"wide_thing": 1, "label": "x", "colour": 2}, r"unknown setting 'part\.colour'"),
        ({"wide_thing": 1, "label": 2}, r"'part\.label' is 2, expected str"),
        ({}, r"setting 'part\.kind' is missing"),
        (3, "part is not a table of settings"),
        (None, "part is not a table of settings"),
    ],
)
def test_a_table_that_is_none_of_several_configurations_is_refused(part: Any, match: str) -> None:
    with pytest.raises(InputError, match=match):
        from_dict(Either, {"part": part})


def test_the_flags_of_several_configurations_are_those_of_the_first() -> None:
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_flags(parser, Either)
    given = given_flags(parser.parse_args(["--part.wide-thing", "7", "--part.kind", "b"]), Either)
    assert override(Either(), given) == Either(part=Inner(wide_thing=7, kind="b"))
    assert "--part.label" not in parser.format_help()


def test_a_setting_of_another_configuration_is_refused_with_those_there_are() -> None:
    for config in EITHER:
        assert override(config, {"part.wide_thing": 5}).part.wide_thing == 5
    with pytest.raises(InputError, match=r"unknown setting 'part\.kind': use part\.label, part\.wide_thing"):
        override(EITHER[1], {"part.kind": "b"})
    assert flatten(EITHER[1]) == {"part.wide_thing": 1, "part.label": "o"}

"""docs/serving.md says what the code does."""

import re
from dataclasses import fields
from pathlib import Path

from kfusion.serve.protocol import Start
from kfusion.serve.refusal import STATUS
from kfusion.serve.settings import ServerSettings

TEXT = (Path(__file__).parents[2] / "docs" / "serving.md").read_text()


def test_every_error_code_is_listed_with_its_numbers() -> None:
    rows = [line for line in TEXT.splitlines() if line.startswith("| `") and line.count("|") == 5]
    listed = {code: row for row in rows for code in re.findall(r"`(\w+)`", row.split("|")[1])}
    assert set(listed) == set(STATUS)
    for code, row in listed.items():
        _, _, http, close, _, _ = row.split("|")
        assert str(STATUS[code].http) in http or code == "wrong_version"
        assert str(STATUS[code].close) in close or not close.strip() or code == "forbidden_origin"


def test_every_field_of_the_start_is_shown() -> None:
    (start,) = re.findall(r'{"type": "start".*?}', TEXT, flags=re.DOTALL)
    assert re.findall(r'"(\w+)":', start) == list(Start.model_fields)


def test_every_limit_is_listed_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `--([a-z-]+)` \| ([0-9]+) \|", TEXT, flags=re.MULTILINE))
    limits = {field.name: field.default for field in fields(ServerSettings) if field.type in (int, float)}
    del limits["port"]
    assert {name.replace("-", "_"): int(value) for name, value in rows.items()} == limits

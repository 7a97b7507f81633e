"""What a part measured: one JSON a part, and how it stands on the page."""

import datetime
import importlib
import json
import os
import platform
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from kfusion.evaluation.tables import markdown

FOLDER = Path(__file__).parent / "results"
PACKAGES = ("kfusion", "numpy", "onnxruntime", "torch", "transformers")


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of finished cells."""

    title: str
    columns: list[str]
    rows: list[list[str]]

    def markdown(self) -> str:
        """The table with its title above it."""
        return "\n".join([f"**{self.title}**", "", *markdown(self.columns, self.rows)])


@dataclass(frozen=True, kw_only=True)
class Result:
    """One part of the page."""

    part: str
    cores: str
    """What it was allowed to use."""
    tables: list[Table]
    notes: str
    """A Markdown list."""
    measured: dict[str, Any] = field(default_factory=dict)
    """The figures behind the tables."""
    machine: dict[str, str] = field(default_factory=lambda: describe_machine())

    def save(self, folder: Path = FOLDER) -> None:
        """Write `PART.json`."""
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(asdict(self), indent=1)
        numbers_on_one_line = re.sub(r"\[[^][{}\"]*\]", lambda found: " ".join(found[0].split()), text)
        (folder / f"{self.part}.json").write_text(numbers_on_one_line + "\n")

    @classmethod
    def load(cls, path: Path) -> "Result":
        """What `save` wrote."""
        return cls.from_json(json.loads(path.read_text()))

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "Result":
        """The result whose `asdict` this is."""
        return cls(**content | {"tables": [Table(**table) for table in content["tables"]]})


def measure_part(module: str, options: dict[str, Any]) -> dict[str, Any]:
    """What a part's `measure` gives, for `child.call`."""
    result: Result = importlib.import_module(module).measure(**options)
    return asdict(result)


def describe_machine() -> dict[str, str]:
    """The machine, what runs on it, and when."""
    load = os.getloadavg()[0]
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "cpu": f"{_cpu_name()}, {os.cpu_count()} cores, {memory_gb:.0f} GB",
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "versions": ", ".join(f"{name} {version}" for name in PACKAGES if (version := _version(name))),
        "load": f"load {load:.1f}, nice {os.nice(0)}",
    }


def milliseconds(values_s: Sequence[float]) -> list[float]:
    """Seconds in milliseconds, to a microsecond."""
    return [round(1000 * value, 3) for value in values_s]


def _cpu_name() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    fields = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    model = " ".join(f"{key} {fields[key]}" for key in ("cpu family", "model") if key in fields)
    return f"{fields.get('model name', 'unknown processor')} ({model})"


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None

"""`kfusion doctor`: what is installed, whether it works here, and the command that mends what does not."""

import argparse
import json
import platform
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Literal

from kfusion import __version__
from kfusion.errors import KfusionError, one_line

State = Literal["ok", "absent", "wrong"]
_MARKS: dict[State, str] = {"ok": "ok", "absent": "-", "wrong": "WRONG"}
REINSTALL = "pip install --force-reinstall kfusion"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that was looked at."""

    topic: str
    what: str
    """What was found, on one line."""
    state: State = "ok"
    """`absent` is what may be missing, `wrong` is what must be mended."""
    remedy: str = ""
    """The command or the step that mends it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of the verb."""
    parser.add_argument("--json", action="store_true", help="print the findings as one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Print every finding; 0 if nothing is wrong, 1 otherwise."""
    findings = list(examine())
    healthy = all(finding.state != "wrong" for finding in findings)
    if arguments.json:
        print(json.dumps({"healthy": healthy, "findings": [asdict(one) for one in findings]}, indent=1))
        return int(not healthy)
    for finding in findings:
        remedy = f": {finding.remedy}" if finding.remedy and finding.state != "ok" else ""
        print(f"{_MARKS[finding.state]:<6} {finding.topic:<14} {finding.what}{remedy}")
    return int(not healthy)


def examine() -> Iterator[Finding]:
    """Look at everything, one after another; what fails is a finding, and the rest is still looked at."""
    from kfusion.cli import examinations

    yield Finding(topic="kfusion", what=f"{__version__}, Python {platform.python_version()}, {platform.platform()}")
    for topic, look in examinations.ALL.items():
        try:
            yield from look()
        except KfusionError as error:  # it says what mends it
            yield Finding(topic=topic, what=one_line(error), state="wrong")
        except Exception as error:  # noqa: BLE001  whatever is broken here, the doctor is there to tell it
            reason = f"{type(error).__name__}: {one_line(error)}"
            yield Finding(topic=topic, what=reason, state="wrong", remedy=REINSTALL)

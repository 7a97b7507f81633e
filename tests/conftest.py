"""What all tests share."""

import signal
from collections.abc import Generator
from typing import Any

import pytest


def pytest_configure() -> None:
    """Heeds interrupts, which a shell makes the programs behind it ignore: tests send them, and so inherit them."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, Any, Any]:
    """Escapes bytes that are no text in what a test logged: pytest-xdist cannot send them."""
    report = yield
    report.sections = [(name, text.encode(errors="backslashreplace").decode()) for name, text in report.sections]
    return report

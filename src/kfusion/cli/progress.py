"""How far a long verb is, as plain lines on stderr."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tqdm import tqdm

from kfusion.cli.console import visible


@contextmanager
def progress_lines(*names: str) -> Iterator[None]:
    """Shows what the loggers called `names` tell, above the progress bar where there is one."""
    loggers, handler = [logging.getLogger(name) for name in names], _ProgressLines()
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
            logger.removeHandler(handler)


class _ProgressLines(logging.Handler):
    """Information as plain lines; warnings are shown by the command line itself."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno == logging.INFO:
            tqdm.write(visible(record.getMessage()), file=sys.stderr)

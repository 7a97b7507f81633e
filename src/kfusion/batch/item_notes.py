"""What the package says about one item, kept for its result."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

MOST_NOTES = 8


@contextmanager
def heard_notes() -> Iterator[list[str]]:
    """What is said in the block, each once; for one thread."""
    notes: list[str] = []
    log, handler = logging.getLogger("kfusion"), _NoteKeeper(notes)
    log.addHandler(handler)
    try:
        yield notes
    finally:
        log.removeHandler(handler)


class _NoteKeeper(logging.Handler):
    def __init__(self, notes: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._notes = notes

    def emit(self, record: logging.LogRecord) -> None:
        note = record.getMessage()
        if len(self._notes) < MOST_NOTES and note not in self._notes:
            self._notes.append(note)

"""What a run remembers, so that the next one goes on where it was killed.

Rows are dealt out in pieces of a thousand or so. Of a finished piece one small file is left, of one at work a line for
every row that has ended: so what is remembered of a million rows are a thousand files, and the folders of machines that
worked on shares of one manifest can simply be copied together.

.batch/run.json             what is computed: a run that asks for something else is refused
.batch/pieces/000012.json   a finished piece: how many rows it has, how much speech, and which rows failed, why
.batch/open/000012.jsonl    a piece at work
.batch/rows/000012/17.arrow results that wait for the end of their piece, where they go into one file
"""

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Self

from kfusion.errors import InputError
from kfusion.files import atomic_path, writing

LEDGER_FORMAT = 1
_FOLDERS = ("locks", "pieces", "open", "rows")


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """A row without a result."""

    row: int
    name: str
    speech: str
    reason: str
    again: bool = False
    """Whether it may go better another time, whatever is asked for: its store did not answer."""


@dataclass(kw_only=True, slots=True)
class PieceRecord:
    """How far a piece is."""

    done: set[int] = field(default_factory=set)
    """Rows with a result."""
    speech_s: float = 0.0
    """Of their recordings."""
    failures: list[Failure] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """With rows as ranges, from first to last."""
        return {
            "done": _ranges(sorted(self.done)),
            "speech_s": round(self.speech_s, 3),
            "failures": [asdict(failure) for failure in sorted(self.failures, key=lambda failure: failure.row)],
        }

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Self:
        """What `as_json` gave."""
        return cls(
            done=set(chain.from_iterable(range(first, last + 1) for first, last in said["done"])),
            speech_s=said["speech_s"],
            failures=[Failure(**failure) for failure in said["failures"]],
        )


class Ledger:
    """The folder with what is remembered.

    Args:
        out: the folder of results; its ledger is made if need be.

    Raises:
        OutputError: it cannot be written.
    """

    def __init__(self, out: Path) -> None:
        self.folder = out / ".batch"
        with writing(self.folder):
            for name in _FOLDERS:
                (self.folder / name).mkdir(parents=True, exist_ok=True)

    def leave(self, lock: Path) -> None:
        """Take an empty ledger away, after a run that could not begin: its lock, and the rest where nobody has one."""
        if (self.folder / "run.json").exists():
            return
        with suppress(OSError):  # what holds something stays
            lock.rmdir()
            for name in _FOLDERS:
                (self.folder / name).rmdir()
            self.folder.rmdir()
            self.folder.parent.rmdir()

    def begun(self) -> dict[str, Any] | None:
        """What the first run was asked for.

        Raises:
            InputError: the file is damaged.
        """
        return _read(self.folder / "run.json") if (self.folder / "run.json").exists() else None

    def is_empty(self) -> bool:
        """Whether no row has ended yet."""
        return not any(any((self.folder / kind).iterdir()) for kind in ("pieces", "open"))

    def begin(self, asked: Mapping[str, Any]) -> None:
        """Remember it."""
        _write(self.folder / "run.json", {"format": LEDGER_FORMAT, **asked})

    def finished(self) -> set[int]:
        """The numbers of the pieces that are finished."""
        return {int(path.stem) for path in (self.folder / "pieces").glob("*.json")}

    def piece(self, number: int) -> PieceRecord:
        """A finished piece.

        Raises:
            InputError: its file is damaged.
        """
        return PieceRecord.of(_read(self._piece(number)))

    def open_piece(self, number: int) -> PieceRecord:
        """A piece at work, as far as it is; a last line that a killed run did not end counts for nothing."""
        record, failures = PieceRecord(), dict[int, Failure]()
        for line in _whole_lines(self._open(number)):
            if "done" in line:  # what was finished before it was opened again
                record = PieceRecord.of(line)
                failures = {failure.row: failure for failure in record.failures}
            elif "reason" in line:
                failures[line["row"]] = Failure(**line)
            else:
                failures.pop(line["row"], None)  # of an earlier attempt
                record.done.add(line["row"])
                record.speech_s += line["speech_s"]
        record.failures = list(failures.values())
        return record

    def note_done(self, number: int, row: int, speech_s: float) -> None:
        """A row has its result."""
        self._note(number, {"row": row, "speech_s": speech_s})

    def note_failed(self, number: int, failure: Failure) -> None:
        """A row has none."""
        self._note(number, asdict(failure))

    def reopen(self, number: int, kept: PieceRecord) -> None:
        """Go back to work on a finished piece, of which `kept` needs no more work."""
        self.clear(number)
        self._note(number, kept.as_json())
        with writing(self.folder):
            self._piece(number).unlink()

    def finish(self, number: int, record: PieceRecord) -> None:
        """All rows of a piece have ended, and its results are in their place."""
        _write(self._piece(number), record.as_json())
        self.clear(number)

    def clear(self, number: int) -> None:
        """Forget how a piece came about that is finished."""
        with writing(self.folder):
            self._open(number).unlink(missing_ok=True)
            shutil.rmtree(self.rows_folder(number), ignore_errors=True)

    def rows_folder(self, number: int) -> Path:
        """Where results wait for the end of their piece."""
        return self.folder / "rows" / f"{number:06}"

    def _note(self, number: int, line: Mapping[str, Any]) -> None:
        with writing(self.folder), self._open(number).open("a+b") as file:
            torn = file.tell() and (file.seek(-1, 2), file.read(1))[1] != b"\n"
            file.write(b"\n" * bool(torn) + json.dumps(line).encode() + b"\n")

    def _piece(self, number: int) -> Path:
        return self.folder / "pieces" / f"{number:06}.json"

    def _open(self, number: int) -> Path:
        return self.folder / "open" / f"{number:06}.jsonl"


def _whole_lines(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_bytes().splitlines() if path.exists() else []:
        try:
            yield json.loads(line)
        except ValueError:  # torn when the run was killed
            continue


def _ranges(rows: list[int]) -> list[list[int]]:
    found: list[list[int]] = []
    for row in rows:
        if found and row == found[-1][1] + 1:
            found[-1][1] = row
        else:
            found.append([row, row])
    return found


def _write(path: Path, content: Mapping[str, Any]) -> None:
    with atomic_path(path) as part:
        part.write_text(json.dumps(content))


def _read(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: damaged ({error}): remove it, and its piece is computed again") from error
    return found

"""A whole run: every row of a manifest that this machine is to animate and that is not done yet."""

import csv
import re
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import asdict, dataclass
from errno import EEXIST, EILSEQ, EINVAL, EISDIR, ENAMETOOLONG, ENOTDIR, ENOTEMPTY
from itertools import groupby
from pathlib import Path, PurePath
from typing import Any, NamedTuple

from kfusion.batch.addresses import is_address, path_in_store, store_of, without_secrets
from kfusion.batch.animator import ROW_FILE, SHARDS, BatchOptions, Outcome
from kfusion.batch.crew import AnyLane, closing_all, share_out
from kfusion.batch.lane import BatchLane, ItemLimits, item_folder
from kfusion.batch.ledger import LEDGER_FORMAT, Failure, Ledger, PieceRecord
from kfusion.batch.manifest import manifest_rows
from kfusion.batch.manifest_item import Fields, Item, read_item
from kfusion.batch.pace import BatchPace
from kfusion.batch.survey import survey
from kfusion.errors import InputError, KfusionError, OutputError
from kfusion.files import atomic_path, file_digest, locked, work_folder, writing
from kfusion.inference.workers import cores
from kfusion.share import Share

MOST_LOST = 10
"""Recordings in a row that a store gives no answer for: then it is gone."""
PIECES, PIECE_ROWS = 256, (16, 1000)
"""How many pieces a manifest is cut into as long as they are no shorter and no longer than so many rows."""
_FAULTS_OF_NAMES = {EEXIST, EILSEQ, EINVAL, EISDIR, ENAMETOOLONG, ENOTDIR}
"""What a disk says to a name that it cannot hold: other names are no worse for it."""
LanesOf = Callable[[Path], AbstractContextManager[list[AnyLane]]]
"""Makes the lanes of a run, which work in a folder."""
Tell = Callable[[BatchPace], None]
"""Called after every row."""


_WHOLE = Share()


class _Shape(NamedTuple):
    """How a manifest is cut into pieces."""

    rows: int
    piece_rows: int

    def piece_of(self, row: int) -> int:
        return (row - 1) // self.piece_rows

    def pieces_of(self, share: Share) -> Sequence[int]:
        return share.of(range(-(-self.rows // self.piece_rows)))

    def rows_of(self, share: Share) -> int:
        return sum(min(self.piece_rows, self.rows - piece * self.piece_rows) for piece in self.pieces_of(share))


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchPlan:
    """What is to be done."""

    manifest: Path
    out: Path
    options: BatchOptions
    model_digest: str
    """Of the weights."""
    share: Share = _WHOLE
    piece_rows: int | None = None
    """Rows in a piece, and so in a Parquet file at the most; None for what suits the manifest's length."""
    retry_failed: bool = False
    """Whether rows that failed are tried again."""

    def asked(self, digest: str) -> dict[str, Any]:
        """What the results depend on, wherever the files lie."""
        options = {name: value for name, value in asdict(self.options).items() if name not in ("base", "model")}
        options["formats"] = list(self.options.formats)
        options["face"] = self.options.face and PurePath(path_in_store(self.options.face)).name
        return {"manifest": digest, "model": self.model_digest, **options}


@dataclass(kw_only=True, slots=True)
class BatchSummary:
    """What there is of this machine's share when a run ends."""

    rows: int
    done: int = 0
    failed: int = 0
    speech_s: float = 0.0
    failures: Path | None = None
    """The listing of those that failed."""


def local_lanes(jobs: int | None, options: BatchOptions, limits: ItemLimits) -> LanesOf:
    """Processes on this machine, one a core unless `jobs` says otherwise."""

    @contextmanager
    def lanes_in(work: Path) -> Iterator[list[AnyLane]]:
        lanes: list[AnyLane] = [BatchLane(options, limits, work) for _ in range(jobs or cores())]
        try:
            yield lanes
        finally:
            closing_all(lanes)

    return lanes_in


def run_batch(plan: BatchPlan, lanes_of: LanesOf, tell: Tell) -> BatchSummary:
    """Animate every row of a share that is not done yet.

    Results appear whole or not at all, and in Parquet a piece at once. However the run ends, the next one goes on.

    Args:
        plan: what is to be done.
        lanes_of: who does it.
        tell: called after every row.

    Raises:
        InputError: the manifest cannot be used, the folder holds results of something else, another run is at work
            there, or a store is gone.
        OutputError: the folder of results cannot be written.
        KfusionError: no worker process can begin.
    """
    ledger = Ledger(plan.out)
    with _only_run(ledger, plan.share), work_folder(ledger.folder) as work:
        shape = _agreed(plan, ledger, work)
        summary = BatchSummary(rows=shape.rows_of(plan.share))
        try:
            with lanes_of(work) as lanes:
                _Run(plan, shape, ledger, work, BatchPace(summary.rows, len(lanes)), tell).go(lanes)
        finally:
            _list_failures(plan, shape, ledger, summary)
        return summary


class _Run:
    """What is known while a run goes on."""

    def __init__(self, plan: BatchPlan, shape: _Shape, ledger: Ledger, work: Path, pace: BatchPace, tell: Tell) -> None:
        self._plan, self._shape, self._ledger, self._work = plan, shape, ledger, work
        self._pace, self._tell = pace, tell
        self._waiting: dict[int, set[int]] = {}
        """Piece at work -> its rows that have not ended."""
        self._lost: dict[str, list[tuple[Item, Outcome]]] = {}
        """Store -> what it gave no answer for, since it last gave one."""
        self._finished = ledger.finished()
        for record in _records(plan, shape, ledger):
            pace.before += len(record.done) + sum(not self._is_to_retry(failure) for failure in record.failures)

    def go(self, lanes: list[AnyLane]) -> None:
        with closing(self._items()) as items:
            for item, outcome in share_out(items, lanes):
                self._end(item, outcome)
        for store in list(self._lost):
            self._settle(store)

    def _items(self) -> Generator[Item, None, None]:
        """Rows that are to be animated; pieces where there is none are finished on the way."""
        rows = enumerate(manifest_rows(self._plan.manifest), 1)
        for piece, numbered in groupby(rows, lambda row: self._shape.piece_of(row[0])):
            if not self._plan.share.has(piece) or not self._is_open(piece):
                continue
            ended = self._ended(piece)
            waiting = [(row, fields) for row, fields in numbered if row not in ended]
            self._waiting[piece] = {row for row, _ in waiting}
            yield from self._readable(piece, waiting)
            self._finish_if_ended(piece)

    def _is_open(self, piece: int) -> bool:
        """Whether a piece has rows that are to be animated; a finished one with such rows is opened again."""
        if piece not in self._finished:
            return True
        record = self._ledger.piece(piece)
        failures = [failure for failure in record.failures if not self._is_to_retry(failure)]
        if len(failures) == len(record.failures):
            self._ledger.clear(piece)
            return False
        self._ledger.reopen(piece, PieceRecord(done=record.done, speech_s=record.speech_s, failures=failures))
        return True

    def _ended(self, piece: int) -> set[int]:
        record = self._ledger.open_piece(piece)
        return record.done | {failure.row for failure in record.failures if not self._is_to_retry(failure)}

    def _is_to_retry(self, failure: Failure) -> bool:
        return failure.again or self._plan.retry_failed

    def _readable(self, piece: int, rows: Iterable[tuple[int, Fields | InputError]]) -> Iterator[Item]:
        for row, fields in rows:
            if isinstance(fields, InputError):
                self._fail(piece, Failure(row=row, name="", speech="", reason=f"row {row} {fields}"))
                continue
            try:
                item = read_item(row, fields)
            except InputError as error:
                self._fail(piece, _unreadable(row, fields, error))
                continue
            yield item

    def _end(self, item: Item, outcome: Outcome) -> None:
        if outcome.lost_store is not None:
            self._count_lost(outcome.lost_store, item, outcome)
            return
        for written in (item.speech, item.face or ""):
            if is_address(written):
                self._settle(store_of(written))
        if outcome.reason is None:
            outcome = self._published(item, outcome)
        self._settle_one(item, outcome)

    def _count_lost(self, store: str, item: Item, outcome: Outcome) -> None:
        """Raises `InputError` where a store has been silent for so long that it is gone."""
        lost = self._lost.setdefault(store, [])
        lost.append((item, outcome))
        if len(lost) == MOST_LOST:
            raise InputError(
                f"{store} gave no answer for {len(lost)} recordings in a row, the last: {outcome.reason}. What is "
                "finished is kept: run the command again when the store is back"
            )

    def _settle(self, store: str) -> None:
        """The store was there after all: what it did not give are failures of their own."""
        for item, outcome in self._lost.pop(store, []):
            self._settle_one(item, outcome)

    def _settle_one(self, item: Item, outcome: Outcome) -> None:
        piece = self._shape.piece_of(item.row)
        if outcome.reason is None:
            self._ledger.note_done(piece, item.row, outcome.speech_s)
            self._count(piece, item.row, outcome.speech_s)
        else:
            names = {"name": item.name, "speech": item.shown_speech}
            self._fail(piece, Failure(row=item.row, reason=outcome.reason, again=outcome.again, **names))
        self._finish_if_ended(piece)

    def _fail(self, piece: int, failure: Failure) -> None:
        self._ledger.note_failed(piece, failure)
        self._count(piece, failure.row, None)

    def _count(self, piece: int, row: int, speech_s: float | None) -> None:
        self._waiting[piece].discard(row)
        self._pace.count(speech_s)
        self._tell(self._pace)

    def _finish_if_ended(self, piece: int) -> None:
        """Where the last row of a piece has ended, its results go to their place."""
        if self._waiting.get(piece) != set():
            return
        if self._plan.options.formats == (SHARDS,):
            from kfusion.batch.landmark_shards import write_shards

            write_shards(self._plan.out, piece, self._ledger.rows_folder(piece))
        self._ledger.finish(piece, self._ledger.open_piece(piece))
        del self._waiting[piece]

    def _published(self, item: Item, outcome: Outcome) -> Outcome:
        """The outcome, once its files are in their place; or that they cannot be there."""
        if outcome.full is not None:
            raise _full(outcome.full, self._work, self._plan.out)
        with writing(self._plan.out, self._plan.out / item.name):
            try:
                self._move(item, outcome)
            except OSError as error:
                if error.errno not in _FAULTS_OF_NAMES:
                    raise
                reason = f"{item.name}: no result can have this name ({error.strerror}): fill the column name"
                return Outcome(row=item.row, reason=reason)
        return outcome

    def _move(self, item: Item, outcome: Outcome) -> None:
        """The files of a result to their place; the folder that is left empty is the lane's to remove."""
        place = item_folder(self._work, item.row)
        if outcome.contents:
            place.mkdir(exist_ok=True)
            for name, content in zip(outcome.files, outcome.contents, strict=True):
                (place / name).write_bytes(content)
        if outcome.files == (ROW_FILE,):
            rows = self._ledger.rows_folder(self._shape.piece_of(item.row))
            _moved(place / ROW_FILE, rows / f"{item.row}.arrow")
            return
        target = self._plan.out / item.name
        try:
            _moved(place, target)  # at once, where there is nothing yet
        except OSError as error:
            if error.errno not in (ENOTEMPTY, EEXIST):
                raise
            for name in reversed(outcome.files):  # landmarks.npz comes last
                (place / name).replace(target / name)


def _moved(path: Path, target: Path) -> None:
    """To a folder that is made where it is missing."""
    try:
        path.rename(target)
    except FileNotFoundError:
        target.parent.mkdir(parents=True, exist_ok=True)
        path.rename(target)


def _agreed(plan: BatchPlan, ledger: Ledger, work: Path) -> _Shape:
    """The shape of the manifest, once it is known that the folder holds results of nothing else.

    Raises:
        InputError: it does, or the manifest cannot be used.
    """
    begun = ledger.begun()
    if begun is None or ledger.is_empty():
        found = survey(plan.manifest, work)
        shortest, longest = PIECE_ROWS
        piece_rows = plan.piece_rows or min(max(-(-found.rows // PIECES), shortest), longest)
        ledger.begin(plan.asked(found.digest) | {"rows": found.rows, "rows_a_file": piece_rows})
        return _Shape(found.rows, piece_rows)
    next(iter(manifest_rows(plan.manifest)), None)  # that it is there, and can be read
    wanted = plan.asked(file_digest(plan.manifest)) | {"format": LEDGER_FORMAT}
    if plan.piece_rows is not None:
        wanted["rows_a_file"] = plan.piece_rows
    for name, value in wanted.items():
        if begun.get(name) != value:
            before = _difference(name, begun.get(name), value)
            raise InputError(f"{plan.out}: was begun with {before}: choose another place")
    return _Shape(begun["rows"], begun["rows_a_file"])


def _difference(name: str, before: Any, now: Any) -> str:
    if name in ("manifest", "model"):
        return f"another {name}, or the {name} was changed since"
    return f"{name} {before}, now it is {now}"


@contextmanager
def _only_run(ledger: Ledger, share: Share) -> Iterator[None]:
    """No other run works on the same pieces meanwhile: none of this share, and none that is shared out otherwise.

    Raises:
        InputError: one does.
    """
    folder = ledger.folder
    own = folder / "locks" / f"{share.number}-of-{share.count}"
    busy = f"{folder.parent}: another run is at work here: wait for its end, or choose another place"
    with writing(folder):
        own.mkdir(exist_ok=True)
    with locked(own, busy=busy):
        for other in (folder / "locks").iterdir():
            if not other.name.endswith(f"-of-{share.count}"):
                with locked(other, busy=busy):
                    pass
        try:
            yield
        except KfusionError:
            ledger.leave(own)
            raise


def _records(plan: BatchPlan, shape: _Shape, ledger: Ledger) -> Iterator[PieceRecord]:
    """How far every piece of the share is."""
    finished = ledger.finished()
    for piece in shape.pieces_of(plan.share):
        yield ledger.piece(piece) if piece in finished else ledger.open_piece(piece)


def _full(said: str, work: Path, out: Path) -> OutputError:
    """What a process met that could not write, about the folder that was asked for."""
    return OutputError(re.sub(rf"{re.escape(str(work))}\S*?(?=: )", str(out), said))


def _unreadable(row: int, fields: Fields, error: InputError) -> Failure:
    name, speech = (without_secrets(str(fields.get(column) or ""))[:200] for column in ("name", "speech"))
    return Failure(row=row, name=name, speech=speech, reason=f"row {row}: {error}")


def _list_failures(plan: BatchPlan, shape: _Shape, ledger: Ledger, summary: BatchSummary) -> None:
    """Write `failures.csv`, and count what there is."""
    summary.failures = plan.out / f"failures{plan.share.label}.csv"
    with (
        atomic_path(summary.failures, work_in=ledger.folder) as part,
        part.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file,
    ):
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["row", "name", "speech", "reason"])
        for record in _records(plan, shape, ledger):
            summary.done += len(record.done)
            summary.failed += len(record.failures)
            summary.speech_s += record.speech_s
            for failure in sorted(record.failures, key=lambda failure: failure.row):
                table.writerow([failure.row, failure.name, failure.speech, failure.reason])

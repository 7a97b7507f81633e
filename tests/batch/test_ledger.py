from pathlib import Path

import pytest

from kfusion.batch.ledger import Failure, Ledger, PieceRecord
from kfusion.errors import InputError

LOST = Failure(row=2, name="b", speech="b.wav", reason="too short")


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path)


def test_what_was_noted_is_there_after_a_kill_without_the_line_that_was_torn(ledger: Ledger) -> None:
    ledger.note_done(0, 1, 1.5)
    ledger.note_failed(0, LOST)
    with (ledger.folder / "open" / "000000.jsonl").open("a") as file:
        file.write('{"row": 3, "spee')
    ledger.note_done(0, 4, 0.5)
    record = ledger.open_piece(0)
    assert (record.done, record.speech_s, record.failures) == ({1, 4}, 2.0, [LOST])


def test_a_finished_piece_is_one_small_file(ledger: Ledger) -> None:
    for row in range(1, 1001):
        ledger.note_done(7, row, 1.0)
    ledger.finish(7, ledger.open_piece(7))
    assert ledger.finished() == {7}
    assert ledger.piece(7).done == set(range(1, 1001))
    files = [path for path in ledger.folder.rglob("*") if path.is_file()]
    assert [path.name for path in files] == ["000007.json"]
    assert files[0].stat().st_size < 100


def test_a_piece_that_is_opened_again_keeps_what_it_has(ledger: Ledger) -> None:
    ledger.finish(0, PieceRecord(done={1, 3}, speech_s=2.0, failures=[LOST]))
    ledger.reopen(0, PieceRecord(done={1, 3}, speech_s=2.0))
    assert ledger.finished() == set()
    ledger.note_done(0, 2, 1.0)
    record = ledger.open_piece(0)
    assert (record.done, record.speech_s, record.failures) == ({1, 2, 3}, 3.0, [])


def test_a_damaged_record_is_named(ledger: Ledger) -> None:
    (ledger.folder / "pieces" / "000000.json").write_text("{")
    with pytest.raises(InputError, match=r"000000\.json: damaged .*: remove it"):
        ledger.piece(0)

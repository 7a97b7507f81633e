from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from kfusion.batch.manifest import manifest_rows
from kfusion.errors import InputError


def rows(path: Path) -> list[object]:
    return [str(row) if isinstance(row, InputError) else dict(row) for row in manifest_rows(path)]


def test_csv_json_lines_and_parquet_give_the_same_rows(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text('\ufeffspeech,name\n"a, b.wav",ä\nc.wav,\n', encoding="utf-8")
    (tmp_path / "m.jsonl").write_text('{"speech": "a, b.wav", "name": "ä"}\n\n{"speech": "c.wav", "name": ""}\n')
    table = pa.table({"speech": pa.array(["a, b.wav", "c.wav"]).dictionary_encode(), "name": ["ä", ""]})
    parquet.write_table(table, tmp_path / "m.parquet")
    wanted = [{"speech": "a, b.wav", "name": "ä"}, {"speech": "c.wav", "name": ""}]
    assert rows(tmp_path / "m.csv") == rows(tmp_path / "m.jsonl") == rows(tmp_path / "m.parquet") == wanted


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("m.csv", "speach\na.wav\n", r"no column speech \(speach\)"),
        ("m.csv", "speech;face\na.wav;b.jpg\n", "no column speech"),
        ("m.csv", "speech,emotoin\na.wav,sad\n", r"unknown column 'emotoin' \(is it emotion\?\)"),
        ("m.csv", "speech,face,face\n", "column face is there twice"),
        ("m.csv", "", "is empty"),
        ("m.csv", '"' + "a" * 200_000, "damaged manifest"),
        ("m.jsonl", '{"speech": "a.wav"}\n{"speech": "a.wav", "emotoin": "sad"}\n', "'emotoin' in line 2"),
        ("m.jsonl", "[" * (1 << 20), "line 1 is longer"),
        ("m.parquet", "no parquet at all", "damaged manifest"),
        ("m.txt", "speech\n", "unknown kind of manifest '.txt': use .csv"),
    ],
)
def test_what_is_no_manifest_is_refused_as_a_whole(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=message):
        list(manifest_rows(tmp_path / name))


def test_a_column_of_another_type_is_refused_and_named(tmp_path: Path) -> None:
    for column, values, message in (
        ("speech", [1], "speech holds int64, not text"),
        ("fps", ["30"], "fps holds string, not numbers"),
    ):
        parquet.write_table(pa.table({"speech": ["a.wav"], column: values}), tmp_path / "m.parquet")
        with pytest.raises(InputError, match=message):
            list(manifest_rows(tmp_path / "m.parquet"))


def test_a_bad_row_is_told_in_its_place_and_the_next_one_is_read(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("speech,name\na.wav,b,c\nd.wav,e\n")
    (tmp_path / "m.jsonl").write_text('{"speech": \n[1]\n{"speech": "d.wav"}\n')
    assert rows(tmp_path / "m.csv") == [
        "has 3 values for 2 columns: put commas in quotes",
        {"speech": "d.wav", "name": "e"},
    ]
    broken, other, good = rows(tmp_path / "m.jsonl")
    assert "line 1 is no JSON" in str(broken)
    assert "line 2 is no object" in str(other)
    assert good == {"speech": "d.wav"}


def test_a_name_that_is_no_utf_8_reaches_its_file(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_bytes(b"speech\nna\xefve.wav\n")
    assert rows(tmp_path / "m.csv") == [{"speech": "na\udcefve.wav"}]

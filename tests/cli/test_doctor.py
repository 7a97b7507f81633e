"""`kfusion doctor` says what is wrong and what mends it, and is silent about nothing."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from kfusion import assets
from kfusion.cli import examinations
from kfusion.cli.doctor import Finding
from kfusion.cli.main import main

HERE = Path(assets.__file__).parent


@pytest.fixture(autouse=True)
def _no_telemetry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORT_DISABLE_TELEMETRY", "1")


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch):
    """Leaves the named examinations, and those that are given."""

    def leave(*names: str, **others: object) -> None:
        kept = {name: look for name, look in examinations.ALL.items() if name in names}
        monkeypatch.setattr(examinations, "ALL", kept | others)

    return leave


def findings(capsys: pytest.CaptureFixture[str]) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(capsys.readouterr().out)["findings"]
    return found


def wrong(capsys: pytest.CaptureFixture[str]) -> list[dict[str, str]]:
    return [one for one in findings(capsys) if one["state"] == "wrong"]


def test_on_a_machine_where_the_tests_run_nothing_is_wrong(capsys) -> None:
    assert main(["doctor", "--json"]) == 0
    found = findings(capsys)
    assert {one["topic"] for one in found} >= {
        "kfusion", "package", "extra", "weights", "networks", "cpu", "kernels", "landmarker", "ffmpeg", "codecs",
        "temporary", "telemetry",
    }  # fmt: skip
    assert not [one for one in found if one["state"] == "wrong"]


def test_every_finding_is_one_line_for_people(capsys, only) -> None:
    only("weights", "cpu")
    assert main(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) >= 10
    assert all(line.startswith("ok ") for line in lines)


def test_the_checksums_are_those_of_all_packaged_files() -> None:
    listed = dict(line.split()[::-1] for line in examinations.CHECKSUMS.read_text().splitlines())
    files = [path for path in HERE.iterdir() if path.is_file() and path.suffix != ".py" and path.name != "SHA256SUMS"]
    assert listed == {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_damaged_and_missing_weights_are_named(capsys, only, monkeypatch, tmp_path) -> None:
    for path in HERE.iterdir():
        if path.is_file():
            shutil.copy(path, tmp_path)
    (tmp_path / "live.onnx").unlink()
    with (tmp_path / "default.onnx").open("r+b") as file:
        file.seek(1_000_000)
        file.write(b"rotten")
    monkeypatch.setattr(examinations, "CHECKSUMS", tmp_path / "SHA256SUMS")
    only("weights")
    assert main(["doctor", "--json"]) == 1
    assert [one["what"].split(",")[0].split()[0] for one in wrong(capsys)] == [
        str(tmp_path / name) for name in ("default.onnx", "live.onnx")
    ]


@pytest.mark.parametrize(
    ("line", "remedy"),
    [
        ("nobody-has-this>=1", "pip install 'nobody-has-this>=1'"),
        ("numpy<1", "pip install 'numpy<1'"),
        ("numpy<1; extra == 'serve'", "pip install 'kfusion[serve]'"),
    ],
)
def test_a_package_that_is_missing_or_out_of_bounds_is_wrong(capsys, only, monkeypatch, line, remedy) -> None:
    monkeypatch.setattr(examinations.metadata, "requires", lambda _: [line])
    only("packages")
    assert main(["doctor", "--json"]) == 1
    (one,) = wrong(capsys)
    assert one["remedy"] == remedy


def test_an_extra_that_is_not_there_is_no_fault(capsys, only, monkeypatch) -> None:
    monkeypatch.setattr(examinations.metadata, "requires", lambda _: ["nobody-has-this>=1; extra == 'ray'"])
    only("packages")
    assert main(["doctor", "--json"]) == 0
    (one,) = [one for one in findings(capsys) if one["state"] == "absent"]
    assert one["remedy"] == "pip install 'kfusion[ray]'"


def test_what_fails_is_told_and_the_rest_is_still_looked_at(capsys, only) -> None:
    def broken():
        yield Finding(topic="first", what="fine")
        raise OSError("libGLESv2.so.2: cannot\nopen")

    only(broken=broken, later=lambda: iter([Finding(topic="later", what="fine")]))
    assert main(["doctor", "--json"]) == 1
    found = findings(capsys)
    assert [one["topic"] for one in found] == ["kfusion", "first", "broken", "later"]
    assert found[2]["what"] == "OSError: libGLESv2.so.2: cannot open"


def test_telemetry_that_is_on_is_wrong(capsys, only, monkeypatch) -> None:
    monkeypatch.setattr(examinations.os, "environ", {})
    only("temporary")
    assert main(["doctor", "--json"]) == 1
    assert wrong(capsys)[0]["remedy"] == "export ORT_DISABLE_TELEMETRY=1"


def test_a_full_temporary_folder_is_wrong(capsys, only, monkeypatch) -> None:
    monkeypatch.setattr(examinations, "ROOM_MB", 1e12)
    only("temporary")
    assert main(["doctor", "--json"]) == 1
    assert "TMPDIR" in wrong(capsys)[0]["remedy"]

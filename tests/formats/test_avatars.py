"""The page about avatars: what it shows is run, and the names in it are those of the code."""

import re
import shutil
from pathlib import Path

import pytest

from kfusion import assets
from kfusion.formats.glb_container import Glb
from kfusion.formats.motion_files import MOTION_FORMATS
from kfusion.formats.wires import WIRES

PAGE = (Path(__file__).parents[2] / "docs" / "avatars.md").read_text()


def test_the_python_lines_write_a_speaking_head(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    shutil.copy(assets.SAMPLE_SPEECH, tmp_path / "speech.wav")
    shutil.copy(assets.SAMPLE_PORTRAIT, tmp_path / "portrait.jpg")
    monkeypatch.chdir(tmp_path)
    motion, visemes = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    exec(motion, {})
    assert capsys.readouterr().out == "(281, 52) True\n"
    exec(visemes, {})
    *cues, weights = capsys.readouterr().out.splitlines()
    assert weights == "(281, 15)"
    assert "0.00" in cues[0]
    assert any(" PP A " in cue for cue in cues)
    assert Glb.read(tmp_path / "talk.glb").document["animations"][0]["name"] == "kfusion"


def test_the_tables_have_a_row_for_every_format_and_every_wire() -> None:
    rows = dict(re.findall(r"^\| `([\w-]+)` \| `(\S+)` \|", PAGE, flags=re.MULTILINE))
    assert rows == {name: form.ending for name, form in MOTION_FORMATS.items()}
    ports = dict(re.findall(r"^\| `(\w+)://HOST:PORT` \| (\d+) \|", PAGE, flags=re.MULTILINE))
    assert ports == {name: str(wire.port) for name, wire in WIRES.items()}

"""What the README's first screen shows is run as it stands there."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

from kfusion import assets
from kfusion.cli.main import main
from kfusion.landmarks import LandmarkSequence

README = (Path(__file__).parents[1] / "README.md").read_text()


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A folder with a recording and a portrait of the names that the README uses."""
    shutil.copy(assets.SAMPLE_SPEECH, tmp_path / "speech.wav")
    shutil.copy(assets.SAMPLE_PORTRAIT, tmp_path / "portrait.jpg")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_python_lines_run_and_give_landmarks(desk, capsys):
    generate, stream = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    exec(generate, {})
    assert LandmarkSequence.load(desk / "landmarks.npz").points.shape == (281, 68, 2)
    names = {}
    exec(stream, names)
    shown = sum(int(line.split()[0]) for line in capsys.readouterr().out.splitlines())
    assert shown + len(names["last"]) == 281


def test_the_generate_line_writes_the_files_it_names(desk, capsys):
    (line,) = re.findall(r"^kfusion (generate .*)$", README, flags=re.MULTILINE)
    command, files = line.split("#")
    assert main(shlex.split(command)) == 0
    assert capsys.readouterr().out.split() == [name.strip() for name in files.split(",")]
    assert (desk / "out" / "preview.mp4").stat().st_size > 10_000


@pytest.mark.parametrize("verb", ["prepare", "train", "evaluate", "export", "benchmark", "stream", "serve"])
def test_every_other_command_of_the_readme_parses(verb, capsys):
    lines = re.findall(rf"^(?:.*\| )?kfusion ({verb}\b.*?)\s*(?:[#>].*)?$", README, flags=re.MULTILINE)
    assert lines
    for line in lines:
        with pytest.raises(SystemExit) as stopped:
            main([*shlex.split(line), "--help"])
        assert stopped.value.code == 0


def test_every_file_the_readme_points_at_is_there():
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (Path(__file__).parents[1] / target).exists(), target

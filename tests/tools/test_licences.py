"""What the package carries of others is named, with texts that travel with it."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import licences
from kfusion import assets

ROOT = Path(__file__).parents[2]

SHIPPED = sorted(
    path.name for path in Path(assets.__file__).parent.iterdir() if path.suffix not in {".py", ""} and path.is_file()
)


def test_the_written_files_are_what_the_script_writes():
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "licences.py", "--check"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("name", SHIPPED)
def test_every_file_of_others_is_named_once(name):
    assert [name in one.files for one in licences.MATERIAL].count(True) == 1


def test_every_file_that_is_named_is_there():
    assert sorted(name for one in licences.MATERIAL for name in one.files) == SHIPPED


def test_every_licence_has_its_whole_text():
    first_and_last = {
        "Apache-2.0.txt": ("Apache License", "END OF TERMS AND CONDITIONS"),
        "CC-BY-3.0.txt": ("Attribution 3.0 Unported", "Creative Commons may be contacted at"),
        "CC-BY-4.0.txt": ("Creative Commons Attribution 4.0 International", "Section 8 – Interpretation."),
        "FaceShapes-MIT.txt": (
            "Copyright (c) 2022-2032 The FACEGOOD Authors",
            "USE OR OTHER DEALINGS IN THE\nSOFTWARE.",
        ),
        "Whisper-MIT.txt": ("Copyright (c) 2022 OpenAI", "OUT OF OR IN CONNECTION WITH THE SOFTWARE"),
    }
    assert {name for one in licences.MATERIAL for name in one.licences} == set(first_and_last)
    for name, passages in first_and_last.items():
        text = (ROOT / "licences" / name).read_text(encoding="utf-8")
        assert all(passage in text for passage in passages)


def test_they_travel_with_the_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["project"]["license-files"] == ["LICENSE", "NOTICE", "licences/*"]
    assert {"/NOTICE", "/licences"} <= set(project["tool"]["hatch"]["build"]["targets"]["sdist"]["include"])

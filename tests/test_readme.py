"""What the README and the pages in docs/ show is run as it stands there."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

from kfusion import assets
from kfusion.cli.main import VERBS, main
from kfusion.landmarks import LandmarkSequence

ROOT = Path(__file__).parents[1]
TEXTS = {str(path.relative_to(ROOT)): path.read_text() for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"))}
BY_HAND = {name: text for name, text in TEXTS.items() if not name.startswith(("docs/measured/", "CHANGELOG"))}
COMMANDS = [
    pytest.param(found[1], id=f"{name}: {found[1]}")
    for name, text in BY_HAND.items()
    for block in re.findall(r"```bash\n(.*?)```", text, flags=re.DOTALL)
    for found in re.finditer(r"^(?:.*\| |\w+=\S+ )?kfusion (.*?)\s*(?:[#<>].*)?$", block, flags=re.MULTILINE)
]
LINK = re.compile(r"\]\(([^)\s:]*)\)")


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A folder with a recording and a portrait of the names that the pages use."""
    shutil.copy(assets.SAMPLE_SPEECH, tmp_path / "speech.wav")
    shutil.copy(assets.SAMPLE_PORTRAIT, tmp_path / "portrait.jpg")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_python(name):
    """What the one block of Python in a page defines."""
    (code,) = re.findall(r"```python\n(.*?)```", TEXTS[name], flags=re.DOTALL)
    names = {}
    exec(code, names)
    return names


def test_the_python_lines_of_the_readme_give_landmarks(desk):
    run_python("README.md")
    assert LandmarkSequence.load(desk / "landmarks.npz").points.shape == (281, 68, 2)


def test_the_python_lines_about_recordings_give_landmarks_and_a_film(desk, capsys):
    run_python("docs/generate.md")
    assert capsys.readouterr().out == "(234, 68, 2) 25.0\n"
    assert (desk / "preview.mp4").stat().st_size > 10_000


def test_the_python_lines_about_streamed_voices_give_every_frame(desk, capsys):
    names = run_python("docs/streaming.md")
    shown = sum(int(line.split()[0]) for line in capsys.readouterr().out.splitlines())
    assert shown + len(names["last"]) == 281


def test_the_generate_line_writes_the_files_it_names(desk, capsys):
    (line,) = re.findall(r"^kfusion (generate .*)$", TEXTS["README.md"], flags=re.MULTILINE)
    command, files = line.split("#")
    assert main(shlex.split(command)) == 0
    assert capsys.readouterr().out.split() == [name.strip() for name in files.split(",")]
    assert (desk / "out" / "talking.mp4").stat().st_size > 10_000


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_of_the_pages_parses(line, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([*shlex.split(line), "--help"])
    assert stopped.value.code == 0


def test_the_pages_show_every_verb_and_the_readme_names_it():
    shown = {command.values[0].split()[0] for command in COMMANDS}
    assert shown | {"doctor"} == set(VERBS)
    assert not [verb for verb in VERBS if verb not in TEXTS["README.md"]]


@pytest.mark.parametrize("name", TEXTS)
def test_every_file_that_a_page_points_at_is_there(name):
    for link in LINK.findall(TEXTS[name]):
        target, _, heading = link.partition("#")
        file = (ROOT / name).parent / target if target else ROOT / name
        assert file.exists(), link
        if heading:
            headings = re.findall(r"^#+ (.*)$", file.read_text(), flags=re.MULTILINE)
            assert heading in [re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in headings], link


@pytest.mark.parametrize("name", BY_HAND)
def test_every_path_and_every_make_target_that_a_page_names_is_there(name):
    paths = re.findall(r"\b(?:benchmarks|docs|examples|fuzz|src|tests|tools)/[\w./-]*[\w/](?![\w*])", BY_HAND[name])
    assert not [path for path in paths if not (ROOT / path).exists()]
    targets = re.findall(r"(?:^|`)make ([a-z -]+?) *(?:$|`|#)", BY_HAND[name], flags=re.MULTILINE)
    makefile = (ROOT / "Makefile").read_text()
    assert not [one for words in targets for one in words.split() if f"\n{one}:" not in makefile]


def test_the_readme_leads_to_every_page():
    linked = {link.partition("#")[0] for link in LINK.findall(TEXTS["README.md"])}
    assert {str(path.relative_to(ROOT)) for path in ROOT.glob("docs/*.md")} <= linked


def test_the_results_lead_to_every_generated_page():
    linked = set(LINK.findall(TEXTS["docs/results.md"]))
    assert {f"measured/{path.name}" for path in ROOT.glob("docs/measured/*.md")} <= linked


def test_the_model_card_has_the_scores_of_the_results():
    scores = [
        line for line in TEXTS["docs/model-card.md"].splitlines() if re.search(r"\| -?[\d*-][^|]* ms \||hold the", line)
    ]
    assert len(scores) == 18
    assert not [line for line in scores if line not in TEXTS["docs/results.md"].splitlines()]

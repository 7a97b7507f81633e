"""What the README and the pages in docs/ show is run as it stands there, or it is said here why not."""

import json
import re
import shlex
import shutil
import subprocess
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from factories.pages import BY_HAND, READ, ROOT, TEXTS, blocks, furnish, missing_program, run_line, spans

from kfusion import assets
from kfusion.cli.main import VERBS, main
from kfusion.landmarks import LandmarkSequence

COMMANDS = [
    pytest.param(found[1], id=f"{name}: {found[1]}")
    for name, text in BY_HAND.items()
    for block in re.findall(r"```bash\n(.*?)```", text, flags=re.DOTALL)
    for found in re.finditer(r"^(?:.*\| |\w+=\S+ |uvx )?kfusion (.*?)\s*(?:[#<>].*)?$", block, flags=re.MULTILINE)
]
LINK = re.compile(r"\]\(([^)\s:]*)\)")
FLAG = re.compile(r"(?<![\w-])--[a-z][\w.-]*\w")

NOT_RUN = {
    "sets an environment up, from the network": (r"make |(?:python -m )?(?:pip|venv) |pip install |uvx ", 16),
    "hours, on a corpus or on what was trained on it": (
        r"kfusion (?:prepare|merge|train|evaluate|export|benchmark) |python (?:tools|benchmarks)/|.*runs/mine",
        25,
    ),
    "a cluster": (
        r"torchrun |sbatch |python examples/train_ray|kfusion batch .*(?:--engine ray|SLURM)| +-m kfusion",
        7,
    ),
    "a microphone": (r"kfusion stream --microphone", 3),
    "a service that runs until it is stopped": (r"(?:\w+=\S+ )?kfusion (?:serve|app|demo --web)|serve run |curl ", 11),
}
"""Reason -> the lines of the shell that it keeps from being run, and how many at most; their flags are looked at."""
PYTHON_ELSEWHERE = {
    "README.md": "test_readme.py",
    "docs/generate.md": "test_readme.py",
    "docs/streaming.md": "test_readme.py",
    "docs/avatars.md": "formats/test_avatars.py",
    "docs/integrations.md": "integrations/test_integrations_page.py",
}
"""Pages whose Python has a test of its own, which knows what it must give."""
PYTHON_NOT_RUN = {"an app that runs until it is stopped": ("gradio_client", 1)}
"""Reason -> a word of the blocks of Python that it keeps from being run, and how many at most; they are compiled."""


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A folder with a recording and a portrait of the names that the pages use."""
    shutil.copy(assets.SAMPLE_SPEECH, tmp_path / "speech.wav")
    shutil.copy(assets.SAMPLE_PORTRAIT, tmp_path / "portrait.jpg")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def furniture(tmp_path_factory):
    folder = tmp_path_factory.mktemp("furniture")
    furnish(folder)
    return folder


@pytest.fixture
def full_desk(furniture, tmp_path, monkeypatch):
    """A folder with everything that a line of the pages reads, in short."""
    shutil.copytree(furniture, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def why_not(line):
    return next((reason for reason, (pattern, _) in NOT_RUN.items() if re.match(pattern, line)), None)


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


@pytest.mark.parametrize("page", sorted({block.page for block in blocks("bash")}))
def test_the_shell_lines_of_a_page_run_one_after_the_other(page, full_desk, capfd):
    lines = [line for block in blocks("bash") if block.page == page for line in block.lines if why_not(line) is None]
    absent = {missing_program(line) for line in lines} - {None}
    for line in lines:
        if missing_program(line) is None:
            run_line(line, full_desk)
    if absent:
        pytest.skip(f"not run for want of {', '.join(sorted(absent))}")


def test_the_lines_that_are_not_run_are_counted_by_their_reasons():
    found = Counter(why_not(line) for block in blocks("bash") for line in block.lines)
    del found[None]
    assert not {reason: count for reason, count in found.items() if count > NOT_RUN[reason][1]}


def keeps_back(block):
    return next((reason for reason, (word, _) in PYTHON_NOT_RUN.items() if word in block.text), None)


def test_the_python_that_is_not_run_is_counted_and_compiles():
    found = [block for block in blocks("python") if keeps_back(block)]
    for block in found:
        compile(block.text, block.page, "exec")
    counts = Counter(keeps_back(block) for block in found)
    assert not {reason: count for reason, count in counts.items() if count > PYTHON_NOT_RUN[reason][1]}


@pytest.mark.parametrize(
    "block", [one for one in blocks("python") if one.page not in PYTHON_ELSEWHERE and not keeps_back(one)], ids=str
)
def test_the_python_of_a_page_runs(block, full_desk):
    names = {"microphone": np.zeros((10, 1600), np.float32)}
    with ExitStack() as stack:
        code = block.text
        if "http://127.0.0.1:8000" in code:
            pytest.importorskip("fastapi", reason="the extra serve is not installed")
            from factories.serve import TinyGenerator, running_server

            address = stack.enter_context(running_server(TinyGenerator(full_desk / "tiny.onnx")))
            code = code.replace("http://127.0.0.1:8000", address)
        exec(code, names)
    assert len(names) > 2


def test_the_python_that_is_run_elsewhere_is():
    for page, test in PYTHON_ELSEWHERE.items():
        assert Path(page).name in (ROOT / "tests" / test).read_text()
    assert {block.page for block in blocks("python")} >= set(PYTHON_ELSEWHERE)


@pytest.mark.parametrize("block", blocks("json"), ids=lambda block: f"{block.page}: {block.text[:40]}")
def test_the_json_of_a_page_is_json(block):
    try:
        json.loads(block.text)
    except json.JSONDecodeError:
        assert all(json.loads(line) for line in block.text.splitlines())


def test_no_block_is_of_a_language_that_nobody_checks():
    languages = Counter(fence for text in READ.values() for fence in re.findall(r"^```(\w+)", text, flags=re.MULTILINE))
    assert set(languages) == {"bash", "python", "json", "js"}


@pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")
@pytest.mark.parametrize("block", blocks("js"), ids=str)
def test_the_javascript_of_a_page_is_javascript(block, tmp_path):
    """It needs an avatar in a browser, so its syntax alone is looked at."""
    (tmp_path / "block.mjs").write_text(block.text)
    subprocess.run(["node", "--check", tmp_path / "block.mjs"], check=True)


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_of_the_pages_parses(line, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([*shlex.split(line), "--help"])
    assert stopped.value.code == 0


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_has_every_flag_that_stands_beside_it_in_a_line(verb, capsys):
    beside = {(page, flag) for page, span in spans("kfusion") if span.split()[1] == verb for flag in FLAG.findall(span)}
    with pytest.raises(SystemExit):
        main([verb, *(["default"] if verb == "train" else []), "--help"])
    known = set(FLAG.findall(capsys.readouterr().out))
    assert not [(page, flag) for page, flag in beside if flag not in known]


def test_every_verb_that_a_line_names_is_there():
    named = {span.split()[1] for _, span in spans("kfusion")}
    assert {name for name in named if re.fullmatch("[a-z]+", name)} <= set(VERBS)


def test_every_script_has_the_flags_that_the_pages_give_it():
    shell = [(block.page, line) for block in blocks("bash") for line in block.lines if line.startswith("python ")]
    for page, line in (*shell, *spans("python")):
        script = line.split()[1]
        if script.startswith("-"):
            continue
        text = "".join(path.read_text() for path in (ROOT / script).parent.rglob("*.py"))
        assert not [(page, line, flag) for flag in FLAG.findall(line) if not _declared(flag, text)]


def _declared(flag, text):
    """Whether a script declares a flag, by its name or as the field of a dataclass."""
    return f'"{flag}"' in text or flag.removeprefix("--").replace("-", "_") in text


def test_the_pages_show_every_verb_and_the_readme_names_it():
    shown = {command.values[0].split()[0] for command in COMMANDS}
    assert shown == set(VERBS)
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
    paths = re.findall(
        r"(?<![\w/])(?:web/)?(?:benchmarks|docs|examples|fuzz|src|tests|tools)/[\w./-]*[\w/](?![\w*])", BY_HAND[name]
    )
    assert not [path for path in paths if not (ROOT / path).exists()]
    targets = re.findall(r"(?:^|`)make ([a-z -]+?) *(?:$|`|#)", BY_HAND[name], flags=re.MULTILINE)
    makefile = (ROOT / "Makefile").read_text()
    assert not [one for words in targets for one in words.split() if f"\n{one}:" not in makefile]


def test_the_readme_is_short_and_its_first_screen_has_what_a_visitor_looks_for():
    lines = TEXTS["README.md"].splitlines()
    screen = "\n".join(lines[:45])
    assert len(lines) < 120
    assert all(part in screen for part in ("docs/demo.gif", "kfusion demo --web", "uvx kfusion generate", "```python"))


def test_the_results_lead_to_every_generated_page():
    linked = set(LINK.findall(TEXTS["docs/results.md"]))
    assert {f"measured/{path.name}" for path in ROOT.glob("docs/measured/*.md")} <= linked


def test_the_model_card_has_the_scores_of_the_results():
    scores = [
        line for line in TEXTS["docs/model-card.md"].splitlines() if re.search(r"\| -?[\d*-][^|]* ms \||hold the", line)
    ]
    assert len(scores) == 18
    assert not [line for line in scores if line not in TEXTS["docs/results.md"].splitlines()]

"""The site: every page is in it, what it says of the code is so, and it is built without a warning."""

import importlib
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import kfusion
from kfusion.formats.motion_files import MOTION_FORMATS
from kfusion.formats.wires import WIRES

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
sys.path.append(str(ROOT / "tools" / "site"))

import build_site  # noqa: E402
from drawings import AHEAD_MS, BLOCK_MS, DRAWINGS, SIZES  # noqa: E402

NAVIGATION = build_site.NAVIGATED.findall((ROOT / "mkdocs.yml").read_text())
TROUBLE = (DOCS / "troubleshooting.md").read_text()


def api_names():
    return [name for page in DOCS.rglob("*.md") for name in re.findall(r"^::: (\S+)$", page.read_text(), re.MULTILINE)]


def test_the_navigation_has_every_page_once_and_no_other():
    pages = {str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")}
    pages |= {f"repository/{name}" for name in build_site.PROJECT_PAGES}
    assert len(NAVIGATION) == len(set(NAVIGATION))
    assert pages == set(NAVIGATION)


@pytest.mark.parametrize("name", api_names())
def test_what_the_python_pages_show_is_there_and_has_a_docstring(name):
    module, _, attribute = name.rpartition(".")
    try:
        thing = getattr(importlib.import_module(module), attribute)
    except AttributeError:
        thing = importlib.import_module(name)
    assert thing.__doc__


def test_the_python_pages_show_the_front_door():
    shown = set(api_names()) | {f"kfusion.landmarks.{name}" for name in dir(kfusion.landmarks)}
    assert {f"{kfusion._HOME[name]}.{name}" for name in kfusion.__all__ if name in kfusion._HOME} <= shown


def test_the_drawings_are_those_that_the_code_draws(tmp_path):
    for name, draw in DRAWINGS.items():
        draw().save(tmp_path / f"{name}.svg")
        assert (tmp_path / f"{name}.svg").read_text() == (DOCS / "drawings" / f"{name}.svg").read_text()


def test_the_network_is_drawn_as_the_preset_is():
    presets = pytest.importorskip("kfusion.presets", reason="the extra train is not installed")
    model = presets.default().model
    assert {name: getattr(model, name) for name in SIZES} == SIZES
    assert (model.signal, model.lstm_reads, model.residual_identity) == ("mel", "encoder", True)
    assert kfusion.load().stream().look_ahead_s == (BLOCK_MS + AHEAD_MS) / 1000


def test_every_format_and_wire_has_a_picture_of_what_it_holds():
    page = (DOCS / "avatar-tools.md").read_text()
    shown = {Path(name).stem.removeprefix("avatar-") for name in re.findall(r"\(drawings/(avatar-[^)]+)\)", page)}
    assert shown == {*MOTION_FORMATS, *WIRES} - {"parquet", "rhubarb-tsv"}
    assert {path.stem for path in (DOCS / "drawings").iterdir()} == {*DRAWINGS, *(f"avatar-{name}" for name in shown)}


@pytest.mark.parametrize("message", re.findall(r"\*\*`([^`]+)`", TROUBLE))
def test_a_symptom_that_is_quoted_is_what_the_program_says(message):
    sources = [path.read_text() for path in (ROOT / "src" / "kfusion").rglob("*.py")]
    joined = [re.sub(r'"\s*\n\s*f?"', "", text) for text in sources]
    assert any(" ".join(message.split()) in text for text in joined)


def test_a_page_that_links_to_nothing_stops_the_build(tmp_path, monkeypatch):
    docs = tmp_path / "docs"
    docs.mkdir()
    (tmp_path / "mkdocs.yml").write_text("nav:\n  - Later: later.md\n")
    (docs / "index.md").write_text("[comes](later.md), [gone](gone.md)\n")
    monkeypatch.setattr(build_site, "ROOT", tmp_path)
    monkeypatch.setattr(build_site, "DOCS", docs)
    monkeypatch.setattr(build_site, "PROJECT_PAGES", ())
    with pytest.raises(SystemExit, match=r"docs/index.md: links to gone.md"):
        build_site.Pages(tmp_path / "pages").write()


def test_a_folder_that_a_page_links_to_is_a_list_of_its_files(tmp_path, monkeypatch):
    (tmp_path / "docs").mkdir()
    (tmp_path / "parts").mkdir()
    (tmp_path / "mkdocs.yml").write_text("nav:\n")
    (tmp_path / "docs" / "index.md").write_text("[all](../parts)\n")
    (tmp_path / "parts" / "one.py").write_text("1\n")
    monkeypatch.setattr(build_site, "ROOT", tmp_path)
    monkeypatch.setattr(build_site, "DOCS", tmp_path / "docs")
    monkeypatch.setattr(build_site, "PROJECT_PAGES", ())
    build_site.Pages(tmp_path / "pages").write()
    assert (tmp_path / "pages" / "index.md").read_text() == "[all](repository/parts/folder.md)\n"
    assert (
        tmp_path / "pages" / "repository" / "parts" / "folder.md"
    ).read_text() == "# parts\n\n- [one.py](one.py.md)\n"
    assert (tmp_path / "pages" / "repository" / "parts" / "one.py.md").is_file()


def test_what_a_page_links_to_outside_docs_comes_along(tmp_path):
    build_site.Pages(tmp_path).write()
    example = tmp_path / "repository" / "examples" / "pipecat_video.py.md"
    assert example.read_text().startswith("# examples/pipecat_video.py\n\n```python\n")
    assert "](repository/examples/pipecat_video.py.md)" in (tmp_path / "integrations.md").read_text()
    assert '<div class="drawing"><svg' in (tmp_path / "how-it-works.md").read_text()


@pytest.mark.skipif(find_spec("zensical") is None, reason="the extra site is not installed")
def test_the_site_is_built_without_a_warning_and_asks_nobody_else_for_anything(tmp_path):
    page = tmp_path / "page"
    page.mkdir()
    (page / "index.html").write_text("speak")
    command = [sys.executable, ROOT / "tools" / "site" / "build_site.py", "-o", tmp_path / "out", "--try", page]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    assert "Warning" not in built.stdout + built.stderr
    site = tmp_path / "out" / "site"
    assert (site / "try" / "index.html").read_text() == "speak"
    assert 'id="kfusion.inference.generator.Generator"' in (site / "api" / "index.html").read_text()
    start = (site / "index.html").read_text()
    fetched = re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="(https?://[^"]+)"', start)
    assert not [address for address in fetched if "127.0.0.1" not in address]
    assert "Try it" in start
    assert not dead_links(site)


def dead_links(site):
    """What pages of the site point at, on the site itself, that is not there."""
    dead = set()
    for page in site.rglob("*.html"):
        if page.name != "404.html" and "try" not in page.parts:
            for address in re.findall(r'(?:href|src)="([^"]+)"', page.read_text()):
                link = urlsplit(address).path
                if urlsplit(address).scheme or not link:
                    continue
                target = (site / link.lstrip("/")) if link.startswith("/") else page.parent / link
                if not target.exists():
                    dead.add((str(page.relative_to(site)), link))
    return dead

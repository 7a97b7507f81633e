"""The site of `make site`: the pages of docs/ and what they link to, built by Zensical, whose warnings are errors.

What a page links to outside docs/ comes along under `repository/`, so that no link needs an address: Markdown and
pictures as they are, other files as a page that shows them. A page of the navigation that is not there is left out,
with a note, and links to it are words.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from canvas import colours

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
BROWSER_PAGE = ROOT / "web" / "static-page"
"""The page that runs in the browser, as `npm run static` leaves it in web/."""
STYLE = Path(__file__).with_name("style.css")
PROJECT_PAGES = ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
LINK = re.compile(r"\]\(([^)\s:#]+)(#[^)\s]*)?\)")
DRAWING = re.compile(r"^!\[[^\]]*\]\(([^)\s]+\.svg)\)$", flags=re.MULTILINE)
NAVIGATED = re.compile(r"^\s+- (?:[^:\n]+: )?([\w/.-]+\.md)$", flags=re.MULTILINE)
FENCE = re.compile(r"^```.*?^```$", flags=re.MULTILINE | re.DOTALL)
FOLDER_PAGE = "folder.md"
AS_IT_IS = {".md", ".png", ".jpg", ".gif", ".mp4", ".svg", ".webm"}
LANGUAGES = {".py": "python", ".sh": "bash", ".json": "json", ".toml": "toml"}


class Pages:
    """The pages as Zensical reads them, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._waiting = [path for path in DOCS.rglob("*") if path.is_file()] + [ROOT / name for name in PROJECT_PAGES]
        self._seen = set(self._waiting)

    def write(self) -> None:
        """Every page, and every file that one of them links to."""
        while self._waiting:
            path = self._waiting.pop()
            place = self.folder / self.place(path)
            place.parent.mkdir(parents=True, exist_ok=True)
            if path.is_dir():
                place.write_text(self._linked(_listed(path), path / FOLDER_PAGE))
            elif path.suffix == ".md":
                place.write_text(self._text(path))
            elif place.suffix == ".md":
                place.write_text(_shown(path))
            else:
                shutil.copy(path, place)

    def place(self, path: Path) -> Path:
        """Where a file of the repository stands among the pages."""
        if path.is_dir():
            return self.place(path / FOLDER_PAGE)
        if path.is_relative_to(DOCS):
            return path.relative_to(DOCS)
        kept = path if path.suffix in AS_IT_IS else path.with_name(f"{path.name}.md")
        return "repository" / kept.relative_to(ROOT)

    def _text(self, path: Path) -> str:
        """A page with its links where they lead now, and its drawings in it, so that they follow light and dark."""
        text = self._linked(path.read_text(), path)
        return DRAWING.sub(lambda drawing: f'<div class="drawing">{_svg(path.parent / drawing[1])}</div>', text)

    def _linked(self, text: str, page: Path) -> str:
        code = [found.span() for found in FENCE.finditer(text)]
        return LINK.sub(lambda link: self._link(link, page, code), text)

    def _link(self, link: re.Match[str], page: Path, code: list[tuple[int, int]]) -> str:
        target = (page.parent / link[1]).resolve()
        if any(start < link.start() < end for start, end in code):
            return link[0]
        if not target.exists() and target.is_relative_to(DOCS) and str(target.relative_to(DOCS)) in _navigation():
            return "]"
        if not target.exists():
            raise SystemExit(f"{page.relative_to(ROOT)}: links to {link[1]}, which is not there")
        if target not in self._seen:
            self._seen.add(target)
            self._waiting.append(target)
        place = os.path.relpath(self.place(target), self.place(page).parent)
        return f"]({place}{link[2] or ''})"


def _navigation() -> set[str]:
    """The pages that have a place, whether they are there or not."""
    return set(NAVIGATED.findall((ROOT / "mkdocs.yml").read_text()))


def _svg(path: Path) -> str:
    """A drawing without what only a file of its own needs, on one line: Markdown would end it at an empty one."""
    return " ".join(re.sub(r"<\?xml.*?\?>", "", path.read_text()).split())


def _listed(folder: Path) -> str:
    """A page that names the files of a folder."""
    names = sorted(path.name for path in folder.iterdir() if path.is_file())
    return f"# {folder.relative_to(ROOT)}\n\n" + "".join(f"- [{name}]({name})\n" for name in names)


def _shown(path: Path) -> str:
    """A page that shows a file."""
    name = path.relative_to(ROOT)
    return f"# {name}\n\n```{LANGUAGES.get(path.suffix, 'text')}\n{path.read_text()}```\n"


def configuration(pages: Path, *, with_browser_page: bool) -> str:
    """`mkdocs.yml` for the folder above the pages: without those that are not there, with the page to try."""
    lines = []
    for line in (ROOT / "mkdocs.yml").read_text().splitlines():
        page = NAVIGATED.fullmatch(line)
        if page and not (pages / page[1]).is_file():
            print(f"site: note: {page[1]} is not there and not in the navigation", file=sys.stderr)
            continue
        lines.append(line)
    if with_browser_page:
        lines.insert(lines.index("nav:") + 2, f"  - Try it: {os.environ.get('SITE_URL', '/')}try/")
    text = "\n".join(lines) + "\n"
    for key, value in {"docs_dir": "pages", "site_dir": "site", "          paths": f"[{ROOT / 'src'}]"}.items():
        text = re.sub(rf"^{key}: .*", f"{key}: {value}", text, flags=re.MULTILINE)
    return text


def write_style(folder: Path) -> None:
    """The style of the pages, and the colours of drawings that stand in them."""
    schemes = [
        f'[data-md-color-scheme="{scheme}"] .drawing svg.kfusion {{ {colours(dark, paper="transparent")} }}\n'
        for scheme, dark in (("default", False), ("slate", True))
    ]
    (folder / STYLE.name).write_text(STYLE.read_text() + "".join(schemes))


def build(output: Path, browser_page: Path) -> int:
    """Build the site into `output`/site; the exit code is Zensical's."""
    shutil.rmtree(output, ignore_errors=True)
    pages = output / "pages"
    Pages(pages).write()
    write_style(pages)
    (output / "mkdocs.yml").write_text(configuration(pages, with_browser_page=browser_page.is_dir()))
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--config-file", str(output / "mkdocs.yml")]
    code = subprocess.run(command, cwd=output, check=False).returncode
    if not code and browser_page.is_dir():
        shutil.copytree(browser_page, output / "site" / "try")
    return code


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "out" / "site", help="folder that is made anew")
    parser.add_argument("--try", dest="browser_page", type=Path, default=BROWSER_PAGE, help="what stands under try/")
    arguments = parser.parse_args()
    return build(arguments.output.resolve(), arguments.browser_page.resolve())


if __name__ == "__main__":
    sys.exit(main())

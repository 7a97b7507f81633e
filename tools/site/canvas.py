"""A drawing in SVG whose colours follow light and dark: boxes, arrows, curves and words."""

from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

Point = tuple[float, float]

FONT = "ui-sans-serif, system-ui, 'Segoe UI', Roboto, sans-serif"
LIGHT = {
    "ink": "#1f2430", "faint": "#6b7280", "line": "#9aa3b2", "paper": "#ffffff", "sheet": "#ffffff", "grey": "#eef0f3",
    "blue": "#dbe8fb", "blue-line": "#3b6fc4", "yellow": "#fbeecb", "yellow-line": "#b7862a",
    "green": "#d9efdd", "green-line": "#3d8a55", "red-line": "#c2413b", "violet-line": "#7a4fb5",
}  # fmt: skip
DARK = {
    "ink": "#e6e9f0", "faint": "#9aa3b5", "line": "#6c7689", "paper": "#14171f", "sheet": "#14171f", "grey": "#2a2f3a",
    "blue": "#1d3152", "blue-line": "#7ba6ec", "yellow": "#40351a", "yellow-line": "#dcb35d",
    "green": "#1c3a26", "green-line": "#77c48f", "red-line": "#f0867f", "violet-line": "#b79be8",
}  # fmt: skip


class Canvas:
    """Draws from the bottom up; the names of colours are those of `LIGHT` and `DARK`."""

    def __init__(self, width: int, height: int, title: str) -> None:
        self.size, self.title = (width, height), title
        self._parts: list[str] = []

    def box(self, corner: Point, size: Point, words: str = "", *, fill: str = "grey", edge: str = "line") -> None:
        """A rounded box with words in its middle, a line each."""
        (x, y), (width, height) = corner, size
        self._parts.append(
            f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="7" '
            f'fill="var(--{fill})" stroke="var(--{edge})" stroke-width="1.2"/>'
        )
        lines = words.split("\n") if words else []
        for number, line in enumerate(lines):
            drop = (number - (len(lines) - 1) / 2) * 14
            self.text((x + width / 2, y + height / 2 + drop + 4), line, size=12 if not number else 10.5)

    def text(self, at: Point, words: str, *, size: float = 12, colour: str = "ink", anchor: str = "middle") -> None:
        """One line of words; those in `**` are bold."""
        bold = ' font-weight="600"' if words.startswith("**") else ""
        self._parts.append(
            f'<text x="{at[0]:g}" y="{at[1]:g}" font-size="{size:g}" text-anchor="{anchor}"{bold} '
            f'fill="var(--{colour})">{escape(words.strip("*"))}</text>'
        )

    def line(self, points: Sequence[Point], *, colour: str = "line", width: float = 1.4, arrow: bool = False) -> None:
        """A line through points, with an arrow at its end where it is asked for."""
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self._parts.append(
            f'<polyline points="{path}" fill="none" stroke="var(--{colour})" stroke-width="{width:g}" '
            'stroke-linejoin="round" stroke-linecap="round"/>'
        )
        if arrow:
            self._head(points[-2], points[-1], colour)

    def area(self, points: Sequence[Point], *, fill: str) -> None:
        """A filled outline."""
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self._parts.append(f'<polygon points="{path}" fill="var(--{fill})"/>')

    def _head(self, before: Point, tip: Point, colour: str) -> None:
        along = complex(tip[0] - before[0], tip[1] - before[1])
        along /= abs(along)
        end = complex(*tip)
        corners = [end, end - 8 * along + 4j * along, end - 8 * along - 4j * along]
        self.area([(corner.real, corner.imag) for corner in corners], fill=colour)

    def save(self, path: Path) -> None:
        """One file, which follows the system's light and dark where it stands alone."""
        width, height = self.size
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" class="kfusion" role="img" '
            f'font-family="{FONT}"><title>{escape(self.title)}</title>\n<style>svg.kfusion {{ {colours()} }}\n'
            f"@media (prefers-color-scheme: dark) {{ svg.kfusion {{ {colours(True)} }} }}</style>\n"
            f'<rect width="{width}" height="{height}" fill="var(--sheet)"/>\n' + "\n".join(self._parts) + "\n</svg>\n"
        )


def colours(dark: bool = False, *, paper: str | None = None) -> str:
    """Those of `LIGHT` or `DARK` as CSS; `paper` is what lies under the drawing, where it is another."""
    named = (DARK if dark else LIGHT) | ({"sheet": paper} if paper else {})
    return " ".join(f"--{name}: {value};" for name, value in named.items())

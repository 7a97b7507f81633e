"""The figures of the report, drawn from the results alone."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from kfusion.benchmark.board import Board, Entry
from kfusion.benchmark.protocols import TestSet
from kfusion.benchmark.result import Example
from kfusion.benchmark.rows import OURS
from kfusion.evaluation.sanity import HOLD
from kfusion.files import atomic_path
from kfusion.landmarks import CONTOURS, MOUTH

TARGET_COLOUR, PREDICTED_COLOUR, ERROR_COLOUR, INK = "#d62728", "#1f5fbf", "#f2a900", "#22262e"
ERROR_SHARE = 0.06
"""Points further off than this share of the inter-ocular distance are ringed."""
LEFT_OUT = ("ablation",)
"""Groups that the faces are not drawn of: they would double the figure's height."""


def draw_curves(path: Path, board: Board) -> bool:
    """Validation M-LD and mouth-opening correlation over the steps, the first seed of every system; False if none."""
    entries = [entry for entry in board.entries if entry.ranked and _curve(entry)]
    if not entries:
        return False
    figure = Figure(figsize=(12, 5.2), layout="constrained", facecolor="white")
    figure.suptitle(f"{board.protocol.title}: validation during training", color=INK)
    panels: Any = figure.subplots(1, 2)
    titles = ("M-LD, % of the inter-ocular distance", "mouth-opening correlation")
    for axes, key, title in zip(panels, ("M-LD", "correlation"), titles, strict=True):
        for number, entry in enumerate(entries):
            _draw_curve(axes, entry, key, number)
        axes.set_xlabel("optimiser steps", color=INK)
        axes.set_title(title, fontsize=10, color=INK)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right center", frameon=False, fontsize=8)
    _save(figure, path)
    return True


def _curve(entry: Entry) -> dict[str, list[float]]:
    training = entry.runs[0].training
    return training.curve if training else {}


def _draw_curve(axes: Any, entry: Entry, key: str, number: int) -> None:
    curve, mine = _curve(entry), entry.row.name == OURS
    style = {"ablation": "--", "simple": "-."}.get(entry.row.group, "-")
    colour = INK if mine else colormaps["tab20"](number % 20)
    width = 2.4 if mine else 1.2
    axes.plot(curve["step"], curve[key], label=entry.row.title, color=colour, ls=style, lw=width, marker=".", ms=3)


def draw_faces(path: Path, board: Board, test: TestSet) -> bool:
    """Systems in rows, moments of one clip in columns, the target in red, errors ringed; False if there is none."""
    shown = _shown(board, test)
    if not shown:
        return False
    columns = len(shown[0][1].times_s)
    figure = Figure(figsize=(1.7 * columns + 2.2, 1.75 * len(shown) + 0.9), layout="constrained", facecolor="white")
    figure.suptitle(f"{test.title}\nclip {shown[0][1].clip_id}, head motion taken out", fontsize=10, color=INK)
    grid: Any = figure.subplots(len(shown), columns, squeeze=False)
    for panels, (title, example) in zip(grid, shown, strict=True):
        for column, axes in enumerate(panels):
            _draw_face(axes, example, column)
        panels[0].text(-0.08, 0.5, title, transform=panels[0].transAxes, ha="right", va="center", fontsize=8, color=INK)
    for axes, time_s in zip(grid[0], shown[0][1].times_s, strict=True):
        axes.set_title(f"{time_s:.2f} s", fontsize=9, color=INK)
    figure.legend(handles=_legend(), loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    _save(figure, path)
    return True


def _shown(board: Board, test: TestSet) -> list[tuple[str, Example]]:
    """Title and example of the rows of the figure, ours last as in the paper."""
    drawn = [entry for entry in board.systems(test.name) if entry.row.group not in LEFT_OUT]
    wanted = [*drawn, *(entry for entry in board.on(test.name) if entry.row.name == HOLD)]
    wanted.sort(key=lambda entry: (entry.row.name == OURS, entry.ranked))
    found = [(entry.row.title, entry.results(test.name)[0].example) for entry in wanted]
    examples = [(title, example) for title, example in found if example is not None]
    return [one for one in examples if one[1].clip_id == examples[0][1].clip_id]


def _draw_face(axes: Any, example: Example, column: int) -> None:
    target, predicted = (_points(faces[column]) for faces in (example.target, example.predicted))
    for face, colour in ((target, TARGET_COLOUR), (predicted, PREDICTED_COLOUR)):
        for contour, closed in CONTOURS:
            line = face[[*contour, contour[0]] if closed else list(contour)]
            axes.plot(line[:, 0], line[:, 1], color=colour, lw=1.3 if contour[0] >= MOUTH.start else 0.8)
    off = np.linalg.norm(predicted - target, axis=-1) > ERROR_SHARE * example.inter_ocular_px
    ring = {"s": 22, "facecolors": "none", "edgecolors": ERROR_COLOUR, "lw": 0.9}
    axes.scatter(predicted[off, 0], predicted[off, 1], zorder=3, **ring)
    low, high = _bounds(example)
    axes.set(xlim=(low[0], high[0]), ylim=(high[1], low[1]), aspect="equal")
    axes.axis("off")


def _points(face: list[float]) -> NDArray[np.float64]:
    return np.array(face).reshape(-1, 2)


def _bounds(example: Example) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    points = np.array([*example.target, *example.predicted]).reshape(-1, 2)
    return points.min(0) - 4.0, points.max(0) + 4.0


def _legend() -> list[Any]:
    ring: dict[str, Any] = {"marker": "o", "ls": "", "markerfacecolor": "none", "markeredgecolor": ERROR_COLOUR}
    return [
        Line2D([], [], color=TARGET_COLOUR, lw=2, label="target"),
        Line2D([], [], color=PREDICTED_COLOUR, lw=2, label="predicted"),
        Line2D([], [], **ring, label=f"off by more than {100 * ERROR_SHARE:.0f} % of the inter-ocular distance"),
    ]


def _save(figure: Figure, path: Path) -> None:
    with atomic_path(path) as part:
        figure.savefig(part, dpi=100, format="png")

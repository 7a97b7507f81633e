"""Every figure of scores: faces beside their targets, mouth openings over time, learning curves."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from kfusion.data.store import ClipStore
from kfusion.evaluation.alignment import EXPRESSION, AlignedPair
from kfusion.evaluation.cases import Case, Selection
from kfusion.evaluation.metrics.catalogue import FPS
from kfusion.evaluation.predictors import Predictor
from kfusion.evaluation.sanity_rows import MODEL
from kfusion.evaluation.score_sheet import ClipScores, FaceExample
from kfusion.files import atomic_path
from kfusion.landmarks import CONTOURS, MOUTH, Points, mouth_opening

TARGET_COLOUR, PREDICTED_COLOUR, HOLD_COLOUR, ERROR_COLOUR = "#d62728", "#1f5fbf", "#8a8f98", "#f2a900"
INK, SILENCE_COLOUR = "#22262e", "#eef0f3"
ERROR_SHARE = 0.06
"""Points further off than this share of the inter-ocular distance are ringed in a grid of faces."""
MARGIN_PX = 4.0
FONT_SIZE, TITLE_SIZE = 9, 11


@dataclass(frozen=True, kw_only=True, slots=True)
class Curve:
    """One line of a figure: `x` and, by the panel's key, its values."""

    title: str
    x: list[float]
    values: dict[str, list[float]]
    style: dict[str, Any] = field(default_factory=dict)


def draw_face_grid(path: Path, title: str, shown: Sequence[tuple[str, FaceExample]]) -> None:
    """Rows by their title, moments of one clip in columns, the target in red, errors ringed.

    Raises:
        OutputError: the place cannot be written.
    """
    times_s = shown[0][1].times_s
    size = (1.7 * len(times_s) + 2.2, 1.75 * len(shown) + 0.9)
    figure = Figure(figsize=size, layout="constrained", facecolor="white")
    figure.suptitle(f"{title}\nclip {shown[0][1].clip_id}, head motion taken out", fontsize=10, color=INK)
    grid: Any = figure.subplots(len(shown), len(times_s), squeeze=False)
    for panels, (name, example) in zip(grid, shown, strict=True):
        target, predicted = (
            np.array(faces).reshape(len(faces), -1, 2) for faces in (example.target, example.predicted)
        )
        for column, axes in enumerate(panels):
            _draw_with_errors(axes, target[column], predicted[column], ERROR_SHARE * example.inter_ocular_px)
            _show_only(axes, target, predicted)
        panels[0].text(-0.08, 0.5, name, transform=panels[0].transAxes, ha="right", va="center", fontsize=8, color=INK)
    for axes, time_s in zip(grid[0], times_s, strict=True):
        axes.set_title(f"{time_s:.2f} s", fontsize=9, color=INK)
    ring: dict[str, Any] = {"marker": "o", "ls": "", "markerfacecolor": "none", "markeredgecolor": ERROR_COLOUR}
    ringed = Line2D([], [], **ring, label=f"off by more than {100 * ERROR_SHARE:.0f} % of the inter-ocular distance")
    _legend_below(figure, [*_faces_legend(), ringed], fontsize=9)
    _save(figure, path, dpi=100)


def _draw_with_errors(axes: Any, target: Points, predicted: Points, tolerance_px: float) -> None:
    for face, colour in ((target, TARGET_COLOUR), (predicted, PREDICTED_COLOUR)):
        _draw_contours(axes, face, widths=(1.3, 0.8), color=colour)
    off = np.linalg.norm(predicted - target, axis=-1) > tolerance_px
    ring = {"s": 22, "facecolors": "none", "edgecolors": ERROR_COLOUR, "lw": 0.9}
    axes.scatter(predicted[off, 0], predicted[off, 1], zorder=3, **ring)


def draw_curves(path: Path, title: str, panels: dict[str, str], curves: Sequence[Curve], x_label: str) -> None:
    """Curves in panels side by side; `panels` are their titles by the key of the values.

    Raises:
        OutputError: the place cannot be written.
    """
    figure = Figure(figsize=(12, 5.2), layout="constrained", facecolor="white")
    figure.suptitle(title, color=INK)
    places: Any = figure.subplots(1, len(panels))
    for axes, (key, name) in zip(places, panels.items(), strict=True):
        for curve in curves:
            axes.plot(curve.x, curve.values[key], label=curve.title, marker=".", ms=3, **curve.style)
        axes.set_xlabel(x_label, color=INK)
        axes.set_title(name, fontsize=10, color=INK)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
    handles, labels = places[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right center", frameon=False, fontsize=8)
    _save(figure, path, dpi=100)


def draw_clips(
    path: Path, predictor: Predictor, stores: Sequence[ClipStore], selection: Selection, scored: list[ClipScores]
) -> None:
    """The clips with the smallest, the median and the largest M-LD of the model over time, like Fig. 4 of the paper.

    Raises:
        OutputError: the place cannot be written.
    """
    titles = _chosen(scored)
    clips = [clip for clip in selection.clips(stores) if (clip.corpus, clip.clip_id) in titles]
    cases = {(case.clip.corpus, case.clip.clip_id): case for case in selection.cases(stores, clips)}
    figure = Figure(figsize=(13, 0.7 + 4.6 * len(titles)), layout="constrained", facecolor="white")
    figure.suptitle(f"{predictor.model_id}: landmarks over time, head motion taken out of both", fontsize=13, color=INK)
    rows = figure.subfigures(len(titles), 1, squeeze=False)[:, 0]
    for (key, title), row in zip(titles.items(), rows, strict=True):
        _draw_clip(row, title, cases[key], cases[key].aligned(cases[key].predict(predictor), EXPRESSION))
    handles = [
        *_faces_legend(),
        Line2D([], [], color=HOLD_COLOUR, lw=1.5, ls=":", label="hold the identity"),
        Line2D([], [], color=SILENCE_COLOUR, lw=8, label="silence"),
    ]
    _legend_below(figure, handles, fontsize=10)
    _save(figure, path, dpi=130)


def _chosen(scored: list[ClipScores]) -> dict[tuple[str, str], str]:
    """Corpus and id of the clips to draw, with their titles."""
    errors = {(clip.corpus, clip.clip_id): clip.scores[MODEL][EXPRESSION]["M-LD"] for clip in scored}
    ordered = sorted(errors, key=errors.__getitem__)
    places = {"smallest": 0, "median": len(ordered) // 2, "largest": len(ordered) - 1}
    found: dict[tuple[str, str], str] = {}
    for word, index in places.items():
        corpus, clip_id = key = ordered[index]
        title = f"{corpus} {clip_id}: {word} M-LD of {len(ordered)} clips, {errors[key]:.2f} px"
        found.setdefault(key, title)
    return found


def _draw_clip(row: Any, title: str, case: Case, pair: AlignedPair) -> None:
    """Faces of one clip above its mouth openings."""
    shown = case.shown_frames
    row.suptitle(title, fontsize=TITLE_SIZE, color=INK, x=0.01, ha="left")
    grid = row.add_gridspec(2, len(shown), height_ratios=[2.1, 1])
    for column, frame in enumerate(shown):
        axes = row.add_subplot(grid[0, column])
        for points, colour, order in ((pair.target, TARGET_COLOUR, 2), (pair.predicted, PREDICTED_COLOUR, 3)):
            look = {"color": colour, "alpha": 0.9, "zorder": order, "solid_capstyle": "round"}
            _draw_contours(axes, points[frame], widths=(1.6, 0.9), **look)
            axes.scatter(points[frame, :, 0], points[frame, :, 1], s=3, color=colour, lw=0, zorder=order)
        _show_only(axes, pair.target, pair.predicted)
        axes.set_title(f"{frame / FPS:.2f} s", fontsize=FONT_SIZE, color=INK)
    _draw_openings(row.add_subplot(grid[1, :]), pair, shown, float(mouth_opening(case.identity.unit)))


def _draw_openings(axes: Any, pair: AlignedPair, shown: list[int], held: float) -> None:
    """Mouth openings over time, and that of the identity, `held`, in inter-ocular distances."""
    predicted, target = (100 * opening for opening in pair.openings)
    time_s = np.arange(len(target)) / FPS
    top = 1.1 * max(target.max(), predicted.max(), 5.0)
    axes.fill_between(time_s, 0, top, where=pair.silent, step="mid", color=SILENCE_COLOUR, lw=0)
    for frame in shown:
        axes.axvline(frame / FPS, color="#c9cdd4", lw=0.8, zorder=1)
    axes.axhline(100 * held, color=HOLD_COLOUR, lw=1.2, ls=":")
    axes.plot(time_s, target, color=TARGET_COLOUR, lw=1.8)
    axes.plot(time_s, predicted, color=PREDICTED_COLOUR, lw=1.8)
    axes.set(xlim=(0, max(time_s[-1], 1 / FPS)), ylim=(0, top))
    axes.set_xlabel("time, s", fontsize=FONT_SIZE, color=INK)
    axes.set_ylabel("mouth opening,\n% of inter-ocular", fontsize=FONT_SIZE, color=INK)
    axes.tick_params(labelsize=8, colors=INK)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_contours(axes: Any, face: NDArray[Any], widths: tuple[float, float], **look: Any) -> None:
    """The lines of a face (68, 2); `widths` are those of the mouth and of the rest."""
    for contour, closed in CONTOURS:
        line = face[[*contour, contour[0]] if closed else list(contour)]
        axes.plot(line[:, 0], line[:, 1], lw=widths[contour[0] < MOUTH.start], **look)


def _show_only(axes: Any, *sequences: NDArray[Any]) -> None:
    """No axes, and the same part of the picture for all frames of `sequences`, (frames, 68, 2) each."""
    points = np.concatenate(sequences).reshape(-1, 2)
    low, high = points.min(0) - MARGIN_PX, points.max(0) + MARGIN_PX
    axes.set(xlim=(low[0], high[0]), ylim=(high[1], low[1]), aspect="equal")
    axes.axis("off")


def _faces_legend() -> list[Any]:
    colours = {"target": TARGET_COLOUR, "predicted": PREDICTED_COLOUR}
    return [Line2D([], [], color=colour, lw=2, label=name) for name, colour in colours.items()]


def _legend_below(figure: Figure, handles: list[Any], fontsize: int) -> None:
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False, fontsize=fontsize)


def _save(figure: Figure, path: Path, *, dpi: int) -> None:
    with atomic_path(path) as part:
        figure.savefig(part, dpi=dpi, format="png")

"""Target against predicted landmarks over time, like Fig. 4 of the paper."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from kfusion.data.store import ClipStore
from kfusion.evaluation.alignment import align
from kfusion.evaluation.cases import Case, Selection
from kfusion.evaluation.metrics import FPS, Mask, mean_inter_ocular
from kfusion.evaluation.predictors import Predictor
from kfusion.evaluation.result import ClipResult
from kfusion.evaluation.sanity import MODEL
from kfusion.files import atomic_path
from kfusion.landmarks import CONTOURS, MOUTH, Points, mouth_opening

TARGET_COLOUR, PREDICTED_COLOUR, HOLD_COLOUR = "#d62728", "#1f5fbf", "#8a8f98"
INK, SILENCE_COLOUR = "#22262e", "#eef0f3"
FACES = 6
"""Frames shown of each clip."""
SHOWN = "frame"
"""Alignment of the figure: expression only."""
_STYLE = {"font_size": 9, "title_size": 11}


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Panel:
    """One clip of the figure."""

    title: str
    target: Points
    """(T, 68, 2), px, aligned."""
    predicted: Points
    hold_opening: float
    """Of the identity, in inter-ocular distances."""
    inter_ocular_px: float
    silent: Mask

    def opening(self, points: Points) -> NDArray[np.float64]:
        """Mouth opening over time, percent of the inter-ocular distance."""
        return 100 * mouth_opening(points).astype(np.float64) / self.inter_ocular_px

    @property
    def shown(self) -> list[int]:
        """The frames whose faces are drawn: evenly spread over the part with sound."""
        heard = np.flatnonzero(~self.silent)
        first, last = (heard[0], heard[-1]) if len(heard) >= FACES else (0, len(self.target) - 1)
        return [int(frame) for frame in np.linspace(first, last, FACES).round()]


def draw(
    path: Path, predictor: Predictor, stores: Sequence[ClipStore], selection: Selection, results: list[ClipResult]
) -> None:
    """Write a PNG of the clips with the smallest, the median and the largest M-LD of the model.

    Raises:
        OutputError: the place cannot be written.
    """
    titles = _chosen(results)
    clips = [clip for clip in selection.clips(stores) if (clip.corpus, clip.clip_id) in titles]
    panels = {
        (case.clip.corpus, case.clip.clip_id): _panel(titles[case.clip.corpus, case.clip.clip_id], case, predictor)
        for case in selection.cases(stores, clips)
    }
    figure = _figure([panels[key] for key in titles], predictor.model_id)
    with atomic_path(path) as part:
        figure.savefig(part, dpi=130, format="png")


def _chosen(results: list[ClipResult]) -> dict[tuple[str, str], str]:
    """Corpus and id of the clips to draw, with their titles."""
    ordered = sorted(results, key=lambda clip: clip.scores[MODEL][SHOWN]["M-LD"])
    places = {"smallest": 0, "median": len(ordered) // 2, "largest": len(ordered) - 1}
    found: dict[tuple[str, str], str] = {}
    for word, index in places.items():
        clip = ordered[index]
        error = clip.scores[MODEL][SHOWN]["M-LD"]
        title = f"{clip.corpus} {clip.clip_id}: {word} M-LD of {len(ordered)} clips, {error:.2f} px"
        found.setdefault((clip.corpus, clip.clip_id), title)
    return found


def _panel(title: str, case: Case, predictor: Predictor) -> Panel:
    predicted, target = align(SHOWN, case.predict(predictor), case.target)
    identity = case.identity.unit
    return Panel(
        title=title,
        target=target,
        predicted=predicted,
        hold_opening=float(mouth_opening(identity)),
        inter_ocular_px=mean_inter_ocular(case.target),
        silent=case.silent,
    )


def _figure(panels: list[Panel], model_id: str) -> Figure:
    figure = Figure(figsize=(13, 0.7 + 4.6 * len(panels)), layout="constrained", facecolor="white")
    figure.suptitle(f"{model_id}: landmarks over time, head motion taken out of both", fontsize=13, color=INK)
    rows = figure.subfigures(len(panels), 1, squeeze=False)[:, 0]
    for panel, row in zip(panels, rows, strict=True):
        row.suptitle(panel.title, fontsize=_STYLE["title_size"], color=INK, x=0.01, ha="left")
        grid = row.add_gridspec(2, FACES, height_ratios=[2.1, 1])
        for column, frame in enumerate(panel.shown):
            _draw_face(row.add_subplot(grid[0, column]), panel, frame)
        _draw_openings(row.add_subplot(grid[1, :]), panel)
    figure.legend(handles=_legend(), loc="outside lower center", ncols=4, frameon=False, fontsize=10)
    return figure


def _legend() -> list[Any]:
    return [
        Line2D([], [], color=TARGET_COLOUR, lw=2, label="target"),
        Line2D([], [], color=PREDICTED_COLOUR, lw=2, label="predicted"),
        Line2D([], [], color=HOLD_COLOUR, lw=1.5, ls=":", label="hold the identity"),
        Line2D([], [], color=SILENCE_COLOUR, lw=8, label="silence"),
    ]


def _draw_face(axes: Any, panel: Panel, frame: int) -> None:
    for points, colour, order in ((panel.target, TARGET_COLOUR, 2), (panel.predicted, PREDICTED_COLOUR, 3)):
        face = points[frame]
        for contour, closed in CONTOURS:
            line = face[[*contour, contour[0]] if closed else list(contour)]
            width = 1.6 if contour[0] >= MOUTH.start else 0.9
            axes.plot(line[:, 0], line[:, 1], color=colour, lw=width, alpha=0.9, zorder=order, solid_capstyle="round")
        axes.scatter(face[:, 0], face[:, 1], s=3, color=colour, lw=0, zorder=order)
    low, high = _bounds(panel)
    axes.set(xlim=(low[0], high[0]), ylim=(high[1], low[1]), aspect="equal")
    axes.set_title(f"{frame / FPS:.2f} s", fontsize=_STYLE["font_size"], color=INK)
    axes.axis("off")


def _bounds(panel: Panel) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    points = np.concatenate([panel.target, panel.predicted]).reshape(-1, 2)
    return points.min(0) - 4.0, points.max(0) + 4.0


def _draw_openings(axes: Any, panel: Panel) -> None:
    time_s = np.arange(len(panel.target)) / FPS
    top = 1.1 * max(panel.opening(panel.target).max(), panel.opening(panel.predicted).max(), 5.0)
    axes.fill_between(time_s, 0, top, where=panel.silent, step="mid", color=SILENCE_COLOUR, lw=0)
    for frame in panel.shown:
        axes.axvline(frame / FPS, color="#c9cdd4", lw=0.8, zorder=1)
    axes.axhline(100 * panel.hold_opening, color=HOLD_COLOUR, lw=1.2, ls=":")
    axes.plot(time_s, panel.opening(panel.target), color=TARGET_COLOUR, lw=1.8)
    axes.plot(time_s, panel.opening(panel.predicted), color=PREDICTED_COLOUR, lw=1.8)
    axes.set(xlim=(0, max(time_s[-1], 1 / FPS)), ylim=(0, top))
    axes.set_xlabel("time, s", fontsize=_STYLE["font_size"], color=INK)
    axes.set_ylabel("mouth opening,\n% of inter-ocular", fontsize=_STYLE["font_size"], color=INK)
    axes.tick_params(labelsize=8, colors=INK)
    axes.spines[["top", "right"]].set_visible(False)

"""The page of a benchmark, `docs/measured/report.md`, and its figures: from the JSONs of the runs alone."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import colormaps

from kfusion import __version__
from kfusion.benchmark.board import Board, SystemRuns, difference, difference_percent, load_board
from kfusion.benchmark.clock_table import clock_table
from kfusion.benchmark.findings import bought, standing
from kfusion.benchmark.plan import BATCH, CLIP_S
from kfusion.benchmark.protocols import PROTOCOLS, TestSet
from kfusion.benchmark.published import KEPT_IN_TABLES, LABEL, TABLES
from kfusion.benchmark.rate_table import rate_table
from kfusion.benchmark.systems import OURS
from kfusion.errors import InputError
from kfusion.evaluation.alignment import ALIGNMENTS, EXPRESSION
from kfusion.evaluation.bootstrap import Summary, method
from kfusion.evaluation.evaluation_page import with_unit
from kfusion.evaluation.figures import INK, Curve, draw_curves, draw_face_grid
from kfusion.evaluation.metrics.catalogue import FRECHET, METRIC_VERSION, METRICS
from kfusion.evaluation.sanity_rows import HOLD
from kfusion.evaluation.score_sheet import FaceExample
from kfusion.evaluation.tables import (
    PAPER,
    Column,
    TableLine,
    markdown,
    marked,
    ranks,
    score_table,
    with_digits,
    with_interval,
)
from kfusion.files import atomic_path

FIGURES, CONCLUSIONS = "report", "conclusions.md"
EXTENDED = (
    Column(title="corr.", metric="opening_correlation", digits=3, best="highest"),
    Column(title="lag ms", metric="lag_ms", digits=0, best="nearest to 0"),
    Column(title="closure F1", metric="closure_f1", digits=3, best="highest"),
    Column(title="silence px", metric="silence_speed"),
    Column(title="jerk px", metric="jerk"),
    Column(title="> 8 Hz", metric="power_above_8hz", best="nearest to 1"),
    Column(title="motion", metric="motion_ratio", best="nearest to 1"),
    Column(title="LVE", metric="LVE", best="lowest"),
    Column(title="FDD", metric="FDD", best="nearest to 0"),
    Column(title="DTW-LD", metric="DTW-LD", best="lowest"),
    Column(title="Frechet", metric=FRECHET, best="lowest"),
    Column(title="M-LD %", metric="M-LD-iod", best="lowest"),
    *(
        Column(title=f"{metric} {alignment}", metric=metric, alignment=alignment, digits=PAPER[metric])
        for alignment, metrics in {"raw": ("M-LD", "F-LD"), "clip": ("M-LD", "M-LVD", "F-LD", "F-LVD")}.items()
        for metric in metrics
    ),
)
"""What stands beyond the paper's scores, and the paper's in the other alignments."""
STILL = (
    "- Correlation and closure F1 are left out where the target's mouth does not move or never closes, for every row "
    "alike; a mouth that stands still while the target's moves counts as correlation 0."
)
PANELS = {"M-LD": "M-LD, % of the inter-ocular distance", "correlation": "mouth-opening correlation"}


def write_report(results: Path, output: Path) -> None:
    """Write the page, and its figures into `report/` beside it.

    Raises:
        InputError: there are no results, or some were made on different data or by different metric versions.
        OutputError: the place cannot be written.
    """
    found = {name: load_board(results, protocol) for name, protocol in PROTOCOLS.items()}
    boards = [board for board in found.values() if board is not None]
    if not boards:
        raise InputError(f"{results}: no results here: run `kfusion benchmark PROTOCOL` or pass another --results")
    lines = [*_title(results), *_conclusions(output.parent / CONCLUSIONS)]
    for board in boards:
        lines += _section(board, output.parent / FIGURES)
    lines += _never_run([name for name, board in found.items() if board is None])
    lines += ["", "## Published figures", "", *_published(), "", *_how_to_read(), ""]
    with atomic_path(output) as part:
        part.write_text("\n".join(lines), encoding="utf-8")


def _title(results: Path) -> list[str]:
    about = (
        f"Made by `kfusion benchmark` {__version__} from the JSONs in `{results}`, one a run; nothing is typed by hand "
        f"but what stands in `{CONCLUSIONS}`. Every system is trained on the same clips with the same budget and its "
        "own loss and optimiser, and scored with the weights it ends with: no epoch is chosen. It hears the sound, and "
        "starts from one closed-mouth frame of another clip of the speaker."
    )
    return ["# The benchmark", "", about]


def _never_run(names: list[str]) -> list[str]:
    """The protocols of which there is nothing yet."""
    if not names:
        return []
    lines = [f"- `kfusion benchmark {name}`: {PROTOCOLS[name].title}." for name in names]
    return ["", "## Protocols that were not run yet", "", *lines]


def _conclusions(path: Path) -> list[str]:
    """The page that is written by hand, word for word, if it is there."""
    return ["", path.read_text(encoding="utf-8").strip()] if path.is_file() else []


def _section(board: Board, figures: Path) -> list[str]:
    name = board.protocol.name
    lines = ["", f"## {board.protocol.title} (`{name}`)", "", *_budget(board), *_absent(board)]
    if not board.systems:
        return lines
    for test in board.tests:
        lines += _test(board, test, figures)
    if not board.trained:
        return lines
    lines += ["", "### Where ours stands", "", *standing(board)]
    lines += ["", "### What the parts buy", "", "Ours against the row without the part, over the same clips.", ""]
    lines += bought(board)
    about = "CPU seconds of one thread for a second of sound (10 s at once, fastest of five): under 1 is real time."
    lines += ["", "### Size, speed and cost", "", about, "", *_cost(board)]
    rates = rate_table(board)
    if rates:
        lines += ["", "### Learning rates", "", *rates]
    curves = _curves(board)
    if curves:
        title = f"{board.protocol.title}: validation during training"
        draw_curves(figures / f"{name}-curves.png", title, PANELS, curves, "optimiser steps")
        lines += ["", "### Learning curves", "", f"![learning curves]({FIGURES}/{name}-curves.png)"]
    return lines


def _test(board: Board, test: TestSet, figures: Path) -> list[str]:
    found = board.on(test.name)[0].scores(test.name)[0]
    rules = ", ".join(f"{count} {rule}" for rule, count in found.identities.items())
    about = (
        f"{len(found.clips)} clips of {len(set(found.speakers))} speaker(s); identity: {rules}; data "
        f"`{found.data_id}`; alignment `{EXPRESSION}`; intervals: {method(found.speakers)}."
    )
    lines = ["", f"### {test.title} (`{test.name}`)", "", about, "", *_paper(board, test.name)]
    rows = [_line(one, test.name) for one in board.on(test.name)]
    lines += ["", "Beyond the paper's metrics:", "", *score_table(rows, EXTENDED)]
    paired = _paired(board, test.name)
    if paired:
        text = "How much lower ours is, over the same clips (negative: higher); bold where the interval leaves 0 out:"
        lines += ["", text, "", *paired]
    lines += ["", *clock_table(board, test.name)]
    shown = _examples(board, test.name)
    if shown:
        picture = f"{board.protocol.name}-{test.name}-faces.png"
        draw_face_grid(figures / picture, test.title, shown)
        lines += ["", f"![one clip, systems in rows]({FIGURES}/{picture})"]
    return lines


def _paper(board: Board, test: str) -> list[str]:
    """The paper's layout: systems, ranked, then the sanity rows, then what was printed."""
    rows = sorted(board.on(test), key=lambda one: not one.ranked)
    places = [ranks([one.mean(test, metric) if one.ranked else math.nan for one in rows], "lowest") for metric in PAPER]
    body = []
    for one, *own in zip(rows, *places, strict=True):
        cells = [marked(_over_seeds(one, test, metric), place) for metric, place in zip(PAPER, own, strict=True)]
        size = "" if one.parameters is None else f"{one.parameters / 1e6:.2f} M"
        seeds = str(len(one.runs)) if one.ranked else ""
        body.append([one.system.title, size, seeds, *cells, _speakers_interval(one, test)])
    empty = [""] * (len(PAPER) + 3)
    body.insert(len(board.ranked(test)), ["*not ranked:*", *empty])
    body.append([f"*{LABEL}:*", *empty])
    body += [[name, table, "", *_printed(TABLES[table][name]), ""] for name, table in KEPT_IN_TABLES]
    return markdown(["Method", "params", "seeds", *(f"{metric} ↓" for metric in PAPER), "M-LD, 95 %"], body)


def _over_seeds(one: SystemRuns, test: str, metric: str) -> str:
    """Mean and standard deviation over seeds."""
    values, digits = one.means(test, metric), PAPER[metric]
    if len(values) < 2:
        return with_digits(one.mean(test, metric), digits)
    return f"{with_digits(float(values.mean()), digits)} ± {with_digits(float(values.std(ddof=1)), digits)}"


def _speakers_interval(one: SystemRuns, test: str) -> str:
    found = one.interval(test, "M-LD")
    return f"[{with_digits(found.low)}, {with_digits(found.high)}]"


def _line(one: SystemRuns, test: str) -> TableLine:
    return TableLine(
        title=one.system.title,
        score=lambda alignment, metric: one.mean(test, metric, alignment),
        ranked=one.ranked,
    )


def _paired(board: Board, test: str) -> list[str]:
    """How far ours is under every other row, over the same clips; none without our row."""
    ours = board.find(OURS)
    if ours is None or not ours.scores(test) or len(board.on(test)) < 2:
        return []
    body = []
    for other in board.on(test):
        if other is not ours:
            cells = [_difference(difference_percent(ours, other, test, metric), 1) for metric in PAPER]
            heard = _difference(difference(ours, other, test, "opening_correlation"), 3)
            body.append([other.system.title, *cells, heard])
    return markdown(["against", *(f"{metric}, % lower" for metric in PAPER), "corr., higher by"], body)


def _difference(found: Summary, digits: int) -> str:
    if math.isnan(found.mean):
        return "-"
    return marked(with_interval(found, digits), int(found.is_certain))


def _cost(board: Board) -> list[str]:
    """Size, speed and training of every system."""
    body = []
    for one in board.systems:
        if one.parameters is None:
            continue
        trainings = [run.training for run in one.runs if run.training]
        speeds = [run.speed for run in one.runs if run.speed]
        cells = [
            f"{one.parameters:,}",
            f"{4e-6 * one.parameters:.1f}",
            with_digits(min((speed.network for speed in speeds), default=math.nan), 4),
            with_digits(min((speed.with_features for speed in speeds), default=math.nan), 4),
            str(trainings[0].steps),
            with_digits(float(np.mean([training.seconds for training in trainings])), 0),
            with_digits(float(np.mean([training.cpu_seconds for training in trainings])), 0),
        ]
        body.append([one.system.title, *cells])
    head = ["", "parameters", "float32 MB", "network, x real time", "with features", "steps", "s", "CPU s"]
    return markdown(head, body)


def _curves(board: Board) -> list[Curve]:
    """Of the first seed of every system; ours thick, ablations dashed, the plain row dotted and dashed."""
    found: list[Curve] = []
    for one in board.systems:
        training = one.runs[0].training
        if not one.ranked or training is None or not training.curve:
            continue
        mine = one.system.name == OURS
        style: dict[str, Any] = {
            "color": INK if mine else colormaps["tab20"](len(found) % 20),
            "ls": {"ablation": "--", "simple": "-."}.get(one.system.group, "-"),
            "lw": 2.4 if mine else 1.2,
        }
        found.append(Curve(title=one.system.title, x=training.curve["step"], values=training.curve, style=style))
    return found


def _examples(board: Board, test: str) -> list[tuple[str, FaceExample]]:
    """Title and example of the rows of the figure: no ablations, which would double its height, and ours last."""
    wanted = [one for one in board.ranked(test) if one.system.group != "ablation"]
    wanted += [one for one in board.on(test) if one.system.name == HOLD]
    wanted.sort(key=lambda one: (one.system.name == OURS, one.ranked))
    found = [(one.system.title, one.scores(test)[0].example) for one in wanted]
    examples = [(title, example) for title, example in found if example is not None]
    return [one for one in examples if one[1].clip_id == examples[0][1].clip_id]


def _budget(board: Board) -> list[str]:
    trainings = [run.training for run in board.trained if run.training]
    if not trainings:
        return ["No system was trained yet."]
    steps, shown = sorted({one.steps for one in trainings}), sorted({one.clip_seconds for one in trainings})
    seconds = sorted(one.seconds for one in trainings)
    minutes = " or ".join(f"{one / 60:.0f}" for one in shown)
    text = (
        f"Budget: {' or '.join(map(str, steps))} optimiser steps of {BATCH} pieces of {CLIP_S:g} s, {minutes} minutes "
        f"of speech shown; {seconds[0]:.0f} to {seconds[-1]:.0f} s a run, {sum(seconds) / 3600:.1f} hours in all, on "
        f"{' or '.join(sorted({f'{one.threads} thread(s) of {one.machine}' for one in trainings}))}."
    )
    warning = ["", "**The rows did not have the same budget; they are not comparable.**"]
    versions = sorted({run.kfusion_version for run in board.trained})
    about = f"Metrics version {max(run.metric_version for run in board.trained)}, kfusion {', '.join(versions)}."
    return [text, about, *_older(board), *(warning if len(steps) > 1 or len(shown) > 1 else [])]


def _older(board: Board) -> list[str]:
    """The rows that were scored before scores changed; nothing if there are none."""
    older = [one for one in board.systems if any(run.metric_version < METRIC_VERSION for run in one.runs)]
    if not older:
        return []
    names = ", ".join(one.system.title for one in older) if len(older) < len(board.systems) else "all rows"
    text = (
        "Scored with an older version of the metrics, so with a dash for correlation, lag, closure F1 and compensated "
        f"clocks, until they are run again: {names}."
    )
    return ["", text]


def _absent(board: Board) -> list[str]:
    lines = []
    if board.failed:
        lines += ["", "Failed runs, which have no numbers:", ""]
        lines += [f"- `{row}`, seed {seed}: {reason}" for row, seed, reason in board.failed]
    if board.missing:
        lines += ["", "Not run yet:", ""]
        lines += [f"- `{row}`, seed {', '.join(map(str, seeds))}" for row, seeds in board.missing]
    return lines


def _published() -> list[str]:
    about = (
        "As printed in the KFusion paper, on other data with other detectors, crops and units, some of them teacher "
        "forced: not comparable with the tables above, nor, across rows, with one another."
    )
    lines = [about]
    for title, rows in TABLES.items():
        body = ([name, LABEL, *_printed(scores)] for name, scores in rows.items())
        table = markdown(["Method", "", *(f"{metric} ↓" for metric in PAPER)], body)
        lines += ["", f"**{title}**, {LABEL}", "", *table]
    return lines


def _printed(scores: Sequence[float]) -> list[str]:
    return [with_digits(score) for score in scores]


def _how_to_read() -> list[str]:
    return [
        "## How to read it",
        "",
        "- Best in bold, second underlined, among systems; `±` is the spread over seeds.",
        "- Means of the speakers' means; pixels of the 256 x 256 crop, 30 frames a second.",
        *(f"- Alignment `{name}`: {meaning}." for name, meaning in ALIGNMENTS.items()),
        STILL,
        *(f"- `{name}`: {metric.meaning}{with_unit(name)}" for name, metric in METRICS.items()),
    ]

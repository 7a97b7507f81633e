"""`benchmarks/REPORT.md` and its figures, from the JSONs of the runs alone."""

from pathlib import Path

from kfusion import __version__
from kfusion.benchmark.board import SHOWN, Board, load_board
from kfusion.benchmark.figures import draw_curves, draw_faces
from kfusion.benchmark.findings import bought, standing
from kfusion.benchmark.plan import BATCH, CLIP_S
from kfusion.benchmark.protocols import PROTOCOLS, TestSet
from kfusion.benchmark.tables import cost_table, extended_table, paired_table, paper_table, published_tables
from kfusion.errors import InputError
from kfusion.evaluation.alignment import ALIGNMENTS
from kfusion.evaluation.bootstrap import method
from kfusion.evaluation.metrics import METRICS
from kfusion.files import atomic_path

FIGURES, CONCLUSIONS = "report", "CONCLUSIONS.md"


def write_report(results: Path, output: Path) -> None:
    """Write the report, and its figures into `report/` beside it.

    Raises:
        InputError: there are no results, or some were made on different data or by different metric versions.
        OutputError: the place cannot be written.
    """
    boards = [board for protocol in PROTOCOLS.values() if (board := load_board(results, protocol))]
    if not boards:
        raise InputError(f"{results}: no results here: run `kfusion benchmark PROTOCOL` or pass another --results")
    lines = [*_title(results), *_conclusions(output.parent / CONCLUSIONS)]
    for board in boards:
        lines += _section(board, output.parent / FIGURES)
    lines += ["", "## Published figures", "", *_about_published(), *published_tables(), "", *_legend(), ""]
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


def _conclusions(path: Path) -> list[str]:
    """The page that is written by hand, word for word, if it is there."""
    return ["", path.read_text(encoding="utf-8").strip()] if path.is_file() else []


def _section(board: Board, figures: Path) -> list[str]:
    name = board.protocol.name
    lines = ["", f"## {board.protocol.title} (`{name}`)", "", *_budget(board), *_absent(board)]
    if not board.entries:
        return lines
    for test in board.tests:
        lines += _test(board, test, figures)
    lines += ["", "### Where ours stands", "", *standing(board)]
    lines += ["", "### What the parts buy", "", "Ours against the row without the part, over the same clips.", ""]
    lines += bought(board)
    lines += ["", "### Size, speed and cost", "", *_about_speed(), "", *cost_table(board)]
    if draw_curves(figures / f"{name}-curves.png", board):
        lines += ["", "### Learning curves", "", f"![learning curves]({FIGURES}/{name}-curves.png)"]
    return lines


def _test(board: Board, test: TestSet, figures: Path) -> list[str]:
    found = board.on(test.name)[0].results(test.name)[0]
    rules = ", ".join(f"{count} {rule}" for rule, count in found.identities.items())
    about = (
        f"{len(found.clips)} clips of {len(set(found.speakers))} speaker(s); identity: {rules}; data "
        f"`{found.data_id}`; alignment `{SHOWN}`; intervals: {method(found.speakers)}."
    )
    lines = ["", f"### {test.title} (`{test.name}`)", "", about, "", *paper_table(board, test)]
    lines += ["", "Beyond the paper's metrics:", "", *extended_table(board, test)]
    paired = paired_table(board, test)
    if paired:
        text = "How much lower ours is, over the same clips (negative: higher); bold where the interval leaves 0 out:"
        lines += ["", text, "", *paired]
    picture = f"{board.protocol.name}-{test.name}-faces.png"
    if draw_faces(figures / picture, board, test):
        lines += ["", f"![one clip, systems in rows]({FIGURES}/{picture})"]
    return lines


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
    about = f"Metrics version {board.trained[0].metric_version}, kfusion {', '.join(versions)}."
    return [text, about, *(warning if len(steps) > 1 or len(shown) > 1 else [])]


def _absent(board: Board) -> list[str]:
    lines = []
    if board.failed:
        lines += ["", "Failed runs, which have no numbers:", ""]
        lines += [f"- `{row}`, seed {seed}: {reason}" for row, seed, reason in board.failed]
    if board.missing:
        lines += ["", "Not run yet:", ""]
        lines += [f"- `{row}`, seed {', '.join(map(str, seeds))}" for row, seeds in board.missing]
    return lines


def _about_speed() -> list[str]:
    return ["CPU seconds of one thread for a second of sound (10 s at once, fastest of five): under 1 is real time."]


def _about_published() -> list[str]:
    text = (
        "As printed in the KFusion paper, on other data with other detectors, crops and units, some of them teacher "
        "forced: not comparable with the tables above, nor, across rows, with one another."
    )
    return [text]


def _legend() -> list[str]:
    lines = ["## How to read it", "", "- Best in bold, second underlined, among systems; `±` is the spread over seeds."]
    lines += ["- Means of the speakers' means; pixels of the 256 x 256 crop, 30 frames a second."]
    lines += [f"- Alignment `{name}`: {meaning}." for name, meaning in ALIGNMENTS.items()]
    lines += [
        f"- `{name}`: {metric.meaning}{f', {metric.unit}' if metric.unit else ''}." for name, metric in METRICS.items()
    ]
    return lines

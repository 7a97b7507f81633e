"""The evaluations below benchmarks/evaluation/ as one page on stdout: python benchmarks/summary.py."""

from pathlib import Path

from kfusion.evaluation.alignment import ALIGNMENTS, EXPRESSION
from kfusion.evaluation.evaluation_page import compensated_table, line_of
from kfusion.evaluation.metrics.catalogue import FRECHET
from kfusion.evaluation.sanity_rows import MODEL, NOISE_FLOOR, TITLES
from kfusion.evaluation.score_sheet import Evaluation
from kfusion.evaluation.scoring import find_sheet
from kfusion.evaluation.tables import PAPER, Column, TableLine, score_table, with_interval

FOLDER = Path(__file__).parent / "evaluation"
BESIDE = "../../benchmarks/evaluation"
"""The same folder, from where the page lies."""
NOISE_FLOORS = Path(__file__).parent / "noise_floor"
MAIN = (
    *(
        Column(title=f"{metric} {alignment}", metric=metric, alignment=alignment, digits=digits)
        for alignment in ALIGNMENTS
        for metric, digits in PAPER.items()
    ),
    Column(title="corr.", metric="opening_correlation", digits=3),
    Column(title="lag ms", metric="lag_ms", digits=0),
    Column(title="motion", metric="motion_ratio"),
    Column(title="silence px", metric="silence_speed"),
)
MORE = (
    Column(title="over 8 Hz", metric="power_above_8hz"),
    Column(title="LVE (%iod)^2", metric="LVE", digits=1),
    Column(title="FDD %iod", metric="FDD"),
    Column(title="DTW-LD px", metric="DTW-LD"),
    Column(title="Frechet (%iod)^2", metric=FRECHET, digits=1),
)
PAGES = {
    "grid-s1-validation": "GRID s1, validation sentences (the speaker of the training data)",
    "grid-s1-validation-frame-0": "The same, identity = first frame of the target (the paper's code's way)",
    "grid-unseen-speakers": "GRID, speakers never seen: s26, s31 and nine others",
    "lrwar-zero-shot": "Arabic news (lrwar test speakers), zero-shot: another language, other sound and picture",
    "ravdess-zero-shot": "RAVDESS, 16 actors, zero-shot: other speakers, another tracker",
    "facegood-held-out": "FACEGOOD, held-out recordings of a Mandarin voice that is trained on: a rig, no face",
    "grid-s1-validation-live": "GRID s1, validation sentences, the weights for streams",
    "grid-unseen-speakers-live": "GRID, speakers never seen, the weights for streams",
    "lrwar-zero-shot-live": "Arabic news, zero-shot, the weights for streams",
    "ravdess-zero-shot-live": "RAVDESS, zero-shot, the weights for streams",
    "facegood-held-out-live": "FACEGOOD, the same recordings, the weights for streams",
}


def main() -> None:
    print("# Evaluation\n")
    print("Made by `benchmarks/evaluate.sh` from `benchmarks/evaluation/`, whose JSONs have the scores of every clip.")
    print("Distances in pixels of the 256 x 256 crop at 30 frames a second; aligned: `raw` as it is, `clip` by one")
    print("similarity a clip, `frame` with the head's motion taken out of both. `hold` is a closed-mouth frame of")
    print("another clip of the speaker, which is also the identity the model is given. The noise floor, where it was")
    print("measured (`benchmarks/noise_floor.py`), is the face finder against itself.")
    for name, title in PAGES.items():
        path = FOLDER / name / "evaluation.json"
        if path.is_file():
            print_one(title, Evaluation.load(path), f"{BESIDE}/{name}")


def print_one(title: str, found: Evaluation, folder: str) -> None:
    print(f"\n## {title}\n")
    print(
        f"Model `{found.model_id}`; {len(found.clips)} clips of {len(found.speakers)} speakers; data {found.data_id}; "
        f"[all scores]({folder}/evaluation.md){_picture(folder)}.\n"
    )
    lines = lines_of(found)
    print("\n".join([*score_table(lines, MAIN), "", *score_table(lines, MORE, f"`{EXPRESSION}`")]))
    table = compensated_table(found, "clock compensated")
    if table:
        print("\n".join(["", *table]))
    print_claims(found)


def _picture(folder: str) -> str:
    """A link to the figure, where the licence of the faces lets one lie beside the scores."""
    there = (FOLDER / Path(folder).name / "figure.png").is_file()
    return f", [a clip in pictures]({folder}/figure.png)" if there else ""


def lines_of(found: Evaluation) -> list[TableLine]:
    """The rows, with the noise floor where it was measured."""
    lines = [line_of(found, row) for row in found.rows]
    floor = find_sheet(NOISE_FLOORS, found.data_id, NOISE_FLOOR)
    if floor is not None:
        lines.insert(-1, line_of(floor, NOISE_FLOOR))
    return lines


def print_claims(found: Evaluation) -> None:
    print()
    for other, by_alignment in found.improvement_percent.items():
        parts = [
            f"{metric} {scores[metric].mean:.1f} % [{scores[metric].low:.1f}, {scores[metric].high:.1f}]"
            for scores in [by_alignment[EXPRESSION]]
            for metric in ("M-LD", "M-LVD", "F-LD")
        ]
        print(f"- under {TITLES[other]} (`frame`): " + ", ".join(parts))
    model = found.rows[MODEL][EXPRESSION]["opening_correlation"]
    compensated = found.compensated[MODEL]["opening_correlation"] if found.compensated else None
    beside = "-" if compensated is None else with_interval(compensated, 3)
    print(f"- mouth-opening correlation {with_interval(model, 3)}; with each speaker's clock compensated {beside}")
    if MODEL in found.silence_ratio:
        print(f"- lip speed in silence over the recording's own: {found.silence_ratio['model'].mean:.2f}")


if __name__ == "__main__":
    main()

"""The evaluations below benchmarks/evaluation/ as one page on stdout: python benchmarks/summary.py."""

from pathlib import Path

from kfusion.evaluation.alignment import ALIGNMENTS
from kfusion.evaluation.bootstrap import Summary
from kfusion.evaluation.metrics import METRICS
from kfusion.evaluation.report import ROW_NAMES
from kfusion.evaluation.result import Evaluation
from kfusion.evaluation.sanity import NOISE_FLOOR
from kfusion.evaluation.scoring import find_scored

FOLDER = Path(__file__).parent / "evaluation"
NOISE_FLOORS = Path(__file__).parent / "noise_floor"
LINES = {"M-LD": 2, "M-LVD": 3, "F-LD": 2, "F-LVD": 3}
MORE = {"power_above_8hz": 2, "LVE": 1, "FDD": 2, "DTW-LD": 2}
TITLES = {
    "grid-s1-validation": "GRID s1, validation sentences (the speaker of the training data)",
    "grid-s1-validation-frame-0": "The same, identity = first frame of the target (the paper's code's way)",
    "grid-unseen-speakers": "GRID, speakers never seen: s26, s31 and nine others",
    "lrwar-zero-shot": "Arabic news (lrwar test speakers), zero-shot: another language, other sound and picture",
    "grid-s1-validation-live": "GRID s1, validation sentences, the weights for streams",
    "grid-unseen-speakers-live": "GRID, speakers never seen, the weights for streams",
    "lrwar-zero-shot-live": "Arabic news, zero-shot, the weights for streams",
}


def main() -> None:
    print("# Evaluation\n")
    print("Made by `benchmarks/evaluate.sh`; per-clip scores, intervals and figures are in `evaluation/`.")
    print("Distances in pixels of the 256 x 256 crop at 30 frames a second; aligned: `raw` as it is, `clip` by one")
    print("similarity a clip, `frame` with the head's motion taken out of both. `hold` is a closed-mouth frame of")
    print("another clip of the speaker, which is also the identity the model is given. The noise floor, where it was")
    print("measured (`benchmarks/noise_floor.py`), is the face finder against itself.")
    for name, title in TITLES.items():
        path = FOLDER / name / "evaluation.json"
        if path.is_file():
            print_one(title, Evaluation.load(path))


def print_one(title: str, found: Evaluation) -> None:
    print(f"\n## {title}\n")
    print(
        f"Model `{found.model_id}`; {len(found.clips)} clips of {len(found.speakers)} speakers; data {found.data_id}.\n"
    )
    columns = [f"{metric} {alignment}" for alignment in ALIGNMENTS for metric in LINES]
    print("| | " + " | ".join([*columns, "corr.", "lag ms", "motion", "silence px"]) + " |")
    print("|---" * (len(columns) + 5) + "|")
    for row, scores, _ in rows_of(found):
        cells = [f"{scores[a][m].mean:.{digits}f}" for a in ALIGNMENTS for m, digits in LINES.items()]
        extra = [scores["frame"][m].mean for m in ("opening_correlation", "lag_ms", "motion_ratio", "silence_speed")]
        cells += [f"{value:.{digits}f}" for value, digits in zip(extra, (3, 0, 2, 2), strict=True)]
        print(f"| {ROW_NAMES.get(row, row)} | " + " | ".join(cells).replace("nan", "-") + " |")
    print_more(found)
    print_claims(found)


def rows_of(found: Evaluation) -> list[tuple[str, dict[str, dict[str, Summary]], float]]:
    """Name, scores by alignment and metric, Frechet distance; with the noise floor where it was measured."""
    rows = [(row, scores, found.frechet[row]) for row, scores in found.rows.items()]
    floor = find_scored(NOISE_FLOORS, found.data_id, NOISE_FLOOR)
    if floor is not None:
        scores = {a: {metric: floor.summary(NOISE_FLOOR, a, metric) for metric in METRICS} for a in ALIGNMENTS}
        rows.insert(-1, (NOISE_FLOOR, scores, floor.frechet[NOISE_FLOOR]))
    return rows


def print_more(found: Evaluation) -> None:
    """The extended scores, alignment `frame`."""
    print(
        "\n| `frame` | over 8 Hz | LVE (%iod)^2 | FDD %iod | DTW-LD px | Frechet (%iod)^2 |\n|---|---|---|---|---|---|"
    )
    for row, scores, frechet in rows_of(found):
        cells = [f"{scores['frame'][metric].mean:.{digits}f}" for metric, digits in MORE.items()]
        line = " | ".join([*cells, f"{frechet:.1f}"]).replace("nan", "-")
        print(f"| {ROW_NAMES.get(row, row)} | {line} |")


def print_claims(found: Evaluation) -> None:
    print()
    for other, by_alignment in found.improvement_percent.items():
        parts = [
            f"{metric} {scores[metric].mean:.1f} % [{scores[metric].low:.1f}, {scores[metric].high:.1f}]"
            for scores in [by_alignment["frame"]]
            for metric in ("M-LD", "M-LVD", "F-LD")
        ]
        print(f"- under {ROW_NAMES[other]} (`frame`): " + ", ".join(parts))
    model = found.rows["model"]["frame"]["opening_correlation"]
    print(f"- mouth-opening correlation {model.mean:.3f} [{model.low:.3f}, {model.high:.3f}]")
    if "model" in found.silence_ratio:
        print(f"- lip speed in silence over the recording's own: {found.silence_ratio['model'].mean:.2f}")


if __name__ == "__main__":
    main()

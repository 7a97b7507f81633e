"""How long recordings are best cut: windows and what neighbours share, by quality and cost.

Usage: python benchmarks/windows.py MODEL --data DIR:SPLIT [--data DIR:SPLIT ...] [--limit N]

MODEL is an `.onnx` bundle or `default`. The clips of each speaker are put one after the other into one recording,
which the runtime cuts as it cuts all; every clip is then scored by itself (the head's motion taken out), beside what
the model says of it alone. Prints means over clips, and the processor time of one core for a minute of sound.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
from onnx import helper

import kfusion
from kfusion import assets
from kfusion.audio import SAMPLE_RATE_HZ
from kfusion.data.store import ClipStore
from kfusion.evaluation.cases import Case, Selection
from kfusion.evaluation.metrics.catalogue import clip_metrics
from kfusion.evaluation.predictors import DEFAULT

CUTTINGS = ((4, 0.5), (6, 0.5), (6, 1), (8, 0.5), (8, 1), (15, 1), (29, 1))
"""Window and context, seconds."""
SCORES = ("M-LD", "M-LVD", "opening_correlation")
WHOLE = 1600
"""Samples that are whole frames."""


def main() -> None:
    parser = argparse.ArgumentParser(description="windows and contexts")
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument("--data", action="append", required=True, metavar="DIR:SPLIT")
    parser.add_argument("--limit", type=int, default=40, help="at most so many clips of a split, evenly spread")
    arguments = parser.parse_args()
    path = assets.DEFAULT_MODEL if arguments.model == DEFAULT else Path(arguments.model)
    print("| clips | window s | context s | M-LD px | M-LVD px | opening corr. | s for a minute |\n" + "|---" * 7 + "|")
    for name in arguments.data:
        root, _, split = name.rpartition(":")
        selection, stores = Selection(split=split, limit=arguments.limit), [ClipStore(Path(root))]
        speakers: dict[str, list[Case]] = {}
        for case in selection.cases(stores, selection.clips(stores)):
            speakers.setdefault(case.speaker, []).append(case)
        with tempfile.TemporaryDirectory() as folder:
            for window_s, context_s in CUTTINGS:
                model = with_cutting(path, Path(folder) / "model.onnx", window_s, context_s)
                print_line(f"{Path(root).name} {split} | {window_s} | {context_s}", model, speakers, together)
            print_line(f"{Path(root).name} {split} | clip by clip | -", model, speakers, one_by_one)


def with_cutting(source: Path, target: Path, window_s: float, context_s: float) -> kfusion.Generator:
    """The model, with another cutting in its metadata."""
    bundle = onnx.load(source)
    properties = {entry.key: entry.value for entry in bundle.metadata_props}
    helper.set_model_props(bundle, properties | {"window_s": str(window_s), "context_s": str(context_s)})
    onnx.save(bundle, target)
    return kfusion.load(target, threads=1)


def print_line(name: str, model: kfusion.Generator, speakers: dict[str, list[Case]], speak) -> None:
    start, found = time.process_time(), {key: speak(model, cases) for key, cases in speakers.items()}
    spent_s = time.process_time() - start
    heard_s = sum(len(case.samples) for cases in speakers.values() for case in cases) / SAMPLE_RATE_HZ
    scores = [row for key, cases in speakers.items() for row in score(cases, found[key])]
    print(f"| {name} | " + " | ".join(f"{x:.4f}" for x in np.nanmean(scores, 0)) + f" | {60 * spent_s / heard_s:.2f} |")


def together(model: kfusion.Generator, cases: list[Case]) -> list[np.ndarray]:
    """The frames (T, 68, 2) of each clip, from one recording of them all."""
    sounds = [np.pad(case.samples, (0, -len(case.samples) % WHOLE)) for case in cases]
    points = model.generate(np.concatenate(sounds), cases[0].identity.unit).points
    ends = np.cumsum([len(sound) * 30 // SAMPLE_RATE_HZ for sound in sounds])
    return np.split(points, ends[:-1])


def one_by_one(model: kfusion.Generator, cases: list[Case]) -> list[np.ndarray]:
    return [model.generate(case.samples, cases[0].identity.unit).points for case in cases]


def score(cases: list[Case], found: list[np.ndarray]) -> list[list[float]]:
    rows = []
    for case, points in zip(cases, found, strict=True):
        placed = cases[0].identity.place(points[: len(case.target)])
        scores = clip_metrics(case.aligned(placed, "frame"))
        rows.append([scores[name] for name in SCORES])
    return rows


if __name__ == "__main__":
    main()

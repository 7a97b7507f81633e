"""What a bundle loses and gains in 8-bit integers.

Usage: python benchmarks/precision.py MODEL [MODEL] --data DIR:SPLIT [--data DIR:SPLIT ...] [--rounds N] [--limit N]

MODEL is a checkpoint folder, an `.onnx` bundle or `default`; the second is compared with the first. Without a second,
the first one is compared with itself in int8, exported or quantised for the purpose. Prints the scores of both on
every split (the head's motion taken out) with the paired difference in % over clips and its 95 % interval, and the
processor time of both on one core, measured in turns, so that a busy machine slows both alike.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np

import kfusion
from kfusion import assets
from kfusion.audio import SAMPLE_RATE_HZ, read_audio
from kfusion.data.store import ClipStore
from kfusion.evaluation.cases import Case, Selection
from kfusion.evaluation.predictors import DEFAULT, Predictor, RuntimePredictor
from kfusion.evaluation.sanity_rows import ScoredRow
from kfusion.evaluation.scoring import score_rows
from kfusion.training.bundle_export import export_bundle, quantise_bundle
from kfusion.training.checkpoint import load_model, read_info

SCORES = {"M-LD": "M-LD px", "M-LVD": "M-LVD px", "opening_correlation": "opening corr."}
DURATIONS_S = (3, 10, 60)
DRAWS = 2000
START_UP = "import time; t = time.perf_counter(); import kfusion; kfusion.load({!r}); print(time.perf_counter() - t)"


def main() -> None:
    parser = argparse.ArgumentParser(description="float32 against int8")
    parser.add_argument("models", nargs="+", metavar="MODEL")
    parser.add_argument("--data", action="append", default=[], metavar="DIR:SPLIT")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--limit", type=int, help="at most so many clips of a split, evenly spread")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        first, second = bundles(arguments.models, Path(folder))
        print_quality(first, second, arguments.data, arguments.limit)
        print_speed(first, second, arguments.rounds)


def bundles(models: list[str], folder: Path) -> tuple[Path, Path]:
    """The files of the two models; `folder` holds those that had to be made."""
    first, second = models if len(models) == 2 else (models[0], None)
    one = exported(first, "float32", folder)
    if second is not None:
        return one, exported(second, "float32", folder)
    if (Path(first) / "config.json").is_file():
        return one, exported(first, "int8", folder)
    two = folder / "int8.onnx"
    quantise_bundle(one, two)
    return one, two


def exported(model: str, precision: str, folder: Path) -> Path:
    if model == DEFAULT:
        return assets.DEFAULT_MODEL
    path = Path(model)
    if not (path / "config.json").is_file():
        return path
    target = folder / f"{precision}.onnx"
    emotions = list(read_info(path).emotions)
    export_bundle(load_model(path), target, model_id=path.name, emotions=emotions, precision=precision)
    return target


def print_quality(first: Path, second: Path, data: list[str], limit: int | None) -> None:
    models: list[Predictor] = [RuntimePredictor(kfusion.load(path, threads=1)) for path in (first, second)]
    print(f"A: {first.name}, B: {second.name}\n")
    print("| clips | score (`frame`) | A | B | B against A |\n|---|---|---|---|---|")
    for name in data:
        root, _, split = name.rpartition(":")
        selection = Selection(split=split, limit=limit)
        rows = [
            ScoredRow(name=letter, draw=partial(Case.predict, predictor=model))
            for letter, model in zip("AB", models, strict=True)
        ]
        scored = score_rows(rows, [ClipStore(Path(root))], selection)
        clips = f"{Path(root).name} {split}, {len(scored.clips)} clips"
        for score, title in SCORES.items():
            a, b = (scored.values(letter, "frame", score) for letter in "AB")
            both = np.isfinite(a) & np.isfinite(b)
            print(f"| {clips} | {title} | {a[both].mean():.4f} | {b[both].mean():.4f} | {change(a[both], b[both])} |")


def change(a: np.ndarray, b: np.ndarray) -> str:
    """How much larger the mean of b (clips,) is than that of a, in %, with the interval of a bootstrap over clips."""
    picks = np.random.default_rng(0).integers(0, len(a), (DRAWS, len(a)))
    found = 100 * (b[picks].mean(1) / a[picks].mean(1) - 1)
    low, high = np.percentile(found, (2.5, 97.5))
    return f"{100 * (b.mean() / a.mean() - 1):+.2f} % [{low:+.2f}, {high:+.2f}]"


def print_speed(first: Path, second: Path, rounds: int) -> None:
    models = [kfusion.load(path, threads=1) for path in (first, second)]
    sound = read_audio(assets.SAMPLE_SPEECH)
    print("\n| one core | A, ms | B, ms | A / B |\n|---|---|---|---|")
    for duration_s in DURATIONS_S:
        samples = np.resize(sound, duration_s * SAMPLE_RATE_HZ)
        tasks = [partial(model.generate, samples) for model in models]
        print_times(f"{duration_s} s of speech", list(pairs(tasks, rounds)))
    times = [[1000 * start_up_s(path) for path in (first, second)] for _ in range(rounds)]
    print_times("import and load, wall clock", times)
    a, b = (path.stat().st_size / 1e6 for path in (first, second))
    print(f"| size of the file, MB | {a:.1f} | {b:.1f} | {a / b:.2f} |")


def pairs(tasks: Sequence[Callable[[], object]], rounds: int) -> Iterator[list[float]]:
    """Processor time of both tasks in every round but the first, ms."""
    for number in range(rounds + 1):
        times = []
        for task in tasks:
            start = time.process_time()
            task()
            times.append(1000 * (time.process_time() - start))
        if number:
            yield times


def print_times(name: str, times: list[list[float]]) -> None:
    a, b = (statistics.median(column) for column in zip(*times, strict=True))
    ratio = statistics.median(one / other for one, other in times)
    print(f"| {name} | {a:.0f} | {b:.0f} | {ratio:.2f} |")


def start_up_s(path: Path) -> float:
    command = [sys.executable, "-c", START_UP.format(str(path))]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


if __name__ == "__main__":
    main()

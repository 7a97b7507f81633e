"""How far the motion of synthetic voices is off the clock of their sound, by the ear of a trained model.

Usage: python tools/voices/check_clocks.py data/voices [MODEL.onnx] [--clips 150]

Prints for each synthesiser the lag in ms at which the opening of the model's mouth follows that of the made landmarks
best. Positive: the landmarks are early. The model must not have been trained on such voices: it would repeat their
error. Add the lag, with its sign turned, to `delay_s` in speak.py.

Measured with a model trained on GRID alone and delays of 15, 50 and 0 ms, 40 clips each: espeak 0 ms (correlation
0.70), kokoro -6 ms (0.86), flite -7 ms (0.88), and -4 ms (0.94) on GRID's own clips, which is the zero point.
"""

import argparse
import re
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kfusion.data.store import ClipStore, StoredClip
from kfusion.errors import KfusionError
from kfusion.inference.generator import Generator, load
from kfusion.landmarks import mouth_opening

FPS = 30
MAX_LAG = 5


def correlations(early: NDArray[np.float32], late: NDArray[np.float32]) -> NDArray[np.float64]:
    """The correlation of `late` moved back by -MAX_LAG to MAX_LAG frames with `early`, (2 MAX_LAG + 1,)."""
    frames, found = min(len(early), len(late)), []
    for lag in range(-MAX_LAG, MAX_LAG + 1):
        first = early[max(0, -lag) : frames - max(0, lag)]
        second = late[max(0, lag) : frames - max(0, -lag)]
        found.append(np.corrcoef(first, second)[0, 1])
    return np.array(found)


def best_lag_ms(found: NDArray[np.float64]) -> float:
    """Where the parabola through the best lag and its neighbours has its top."""
    top = int(np.clip(np.argmax(found), 1, len(found) - 2))
    before, at, after = found[top - 1 : top + 2]
    between = (before - after) / (2 * (before - 2 * at + after))
    return float((top + between - MAX_LAG) * 1000 / FPS)


def measure(clips: list[StoredClip], model: Generator) -> dict[str, NDArray[np.float64]]:
    """The mean correlations of every synthesiser."""
    found = defaultdict(list)
    for clip in clips:
        heard = mouth_opening(model.generate(clip.samples()).points)
        found[re.split(r"[-+]", clip.speaker)[0]].append(correlations(mouth_opening(clip.landmarks()), heard))
    return {name: np.mean(rows, 0) for name, rows in found.items()}


def main() -> int:
    """Read, compare, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("voices", type=Path)
    parser.add_argument("model", type=Path, nargs="?", help="default: the weights in the package")
    parser.add_argument("--clips", type=int, default=150)
    asked = parser.parse_args()
    try:
        clips = ClipStore(asked.voices).split("train")
        found = measure(clips[:: max(1, len(clips) // asked.clips)], load(asked.model, threads=1))
    except KfusionError as error:
        print(f"check_clocks: error: {error}", file=sys.stderr)
        return 2
    for name, rows in sorted(found.items()):
        print(f"{name}: lag {best_lag_ms(rows):+.0f} ms, correlation there {rows.max():.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

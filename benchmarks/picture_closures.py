"""Are the lips of a talking picture shut where they must be: in silence, and where a word begins with b, p or m?

On clips of GRID with their word timings (units of 1 / 25000 s, 48 ms ahead of the sound). A start counts as shut if
the settled lips are shut in any frame from 80 ms before it to 100 ms after it; silence begins 100 ms after the last
word and ends 150 ms before the next. Words must still open the mouth: how far, over the distance of the eyes.

Usage: python benchmarks/picture_closures.py CLIPS ALIGNMENTS [--every 9]
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import kfusion
from kfusion import assets
from kfusion.picture.sitter import read_sitter
from kfusion.picture.talking import TalkingPicture

FPS, UNITS_PER_S, AHEAD_S = 25, 25_000, 0.048
BILABIALS = "bpm"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("clips", type=Path)
    parser.add_argument("alignments", type=Path)
    parser.add_argument("--every", type=int, default=9, help="clips from one that is used to the next")
    arguments = parser.parse_args()
    model, sitter = kfusion.load(), read_sitter(assets.SAMPLE_PORTRAIT)
    talking = TalkingPicture(sitter.picture, sitter.points)
    starts: list[bool] = []
    silent: list[bool] = []
    widest: list[float] = []
    for path in sorted(arguments.alignments.glob("*.align"))[:: arguments.every]:
        sequence = model.generate(arguments.clips / f"{path.stem}.mp4", sitter.identity, fps=FPS)
        gaps = np.array([talking.opening(points) for points in sequence.points * np.float32(sitter.scale)])
        for word, start_s, end_s in words(path):
            if word == "sil":
                silent.extend((between(gaps, start_s + 0.1, end_s - 0.15) <= 0).tolist())
                continue
            if len(word) > 1:
                widest.append(float(between(gaps, start_s, end_s + 1 / FPS).max(initial=0)))
            if len(word) > 1 and word[0] in BILABIALS:
                starts.append(bool(between(gaps, start_s - 0.08, start_s + 0.14).min(initial=1) <= 0))
    print(f"starts with b, p, m: {np.mean(starts):.0%} of {len(starts)} shut")
    print(f"silent frames: {np.mean(silent):.0%} of {len(silent)} shut")
    print(f"words: {np.median(widest):.3f} open at their widest (median of {len(widest)})")


def words(path: Path) -> Iterator[tuple[str, float, float]]:
    """Word, start and end in seconds of the sound."""
    for line in path.read_text().splitlines():
        start, end, word = line.split()
        yield word, int(start) / UNITS_PER_S + AHEAD_S, int(end) / UNITS_PER_S + AHEAD_S


def between(gaps: NDArray[np.float64], start_s: float, end_s: float) -> NDArray[np.float64]:
    """The frames of a time."""
    first = max(0, round(start_s * FPS))
    return gaps[first : max(first, round(end_s * FPS))]


if __name__ == "__main__":
    main()

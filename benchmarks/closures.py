"""Do the lips close on b, p, m and open on vowels, for voices nobody trained on?

Usage: python benchmarks/closures.py [MODEL]

Speech by flite (Debian package `flite`), whose `-psdur` gives every phone's end; the face is the packaged mean face.
Prints, for every voice, the smallest mouth opening within each b/p/m and the largest within each open vowel, in % of
the inter-ocular distance, and how many bilabials come below a third of the median open vowel.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import kfusion
from kfusion.landmarks import LandmarkSequence, inter_ocular_distance, mouth_opening

VOICES = ("slt", "rms", "awb", "kal16")
TEXTS = (
    "My mother bought a big apple pie and a map of Bombay.",
    "Papa may be happy to keep a pet lamb, but maybe not a bear.",
    "Problems pop up when people camp by the palm tree.",
)
BILABIALS, OPEN_VOWELS = {"b", "p", "m"}, {"aa", "ae", "ay", "ao", "aw", "ah", "eh"}
MARGIN_S = 0.034


def main() -> None:
    model = kfusion.load(sys.argv[1] if len(sys.argv) > 1 else None)
    print("| voice | bilabials | opening at b/p/m, median % | at open vowels, median % | closed |")
    print("|---|---|---|---|---|")
    for voice in VOICES:
        lows, highs = [], []
        for text in TEXTS:
            with tempfile.TemporaryDirectory() as folder:
                wav = Path(folder) / "speech.wav"
                phones = speak(text, voice, wav)
                low, high = openings(model.generate(wav), phones)
            lows += low
            highs += high
        limit = np.median(highs) / 3
        closed = f"{sum(low < limit for low in lows)} of {len(lows)}"
        print(f"| {voice} | {len(lows)} | {np.median(lows):.1f} | {np.median(highs):.1f} | {closed} |")


def speak(text: str, voice: str, wav: Path) -> list[tuple[str, float, float]]:
    """The phones (name, start, end in seconds) of `text`, which is written to `wav`."""
    command = ["flite", "-voice", voice, "-psdur", "-t", text, "-o", str(wav)]
    words = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    phones, start = [], 0.0
    for word in words:
        name, end = word.split(":")
        phones.append((name, start, float(end)))
        start = float(end)
    return phones


def openings(sequence: LandmarkSequence, phones: list[tuple[str, float, float]]) -> tuple[list[float], list[float]]:
    """The smallest opening of every bilabial and the largest of every open vowel, % of the inter-ocular distance."""
    opening = 100 * mouth_opening(sequence.points) / inter_ocular_distance(sequence.points)
    lows, highs = [], []
    for name, start, end in phones:
        inside = opening[(sequence.times_s > start - MARGIN_S) & (sequence.times_s < end + MARGIN_S)]
        if name in BILABIALS:
            lows.append(float(inside.min()))
        elif name in OPEN_VOWELS:
            highs.append(float(inside.max()))
    return lows, highs


if __name__ == "__main__":
    main()

"""Do the lips close on b, p, m and open on vowels?

Usage: python benchmarks/closures.py [MODEL]

Two kinds of speech that the default weights never heard: a person (LibriVox clips of Debian's `pocketsphinx-testdata`,
phones by forced alignment with `pip install pocketsphinx`), and flite's voices (Debian's `flite`, whose `-psdur` gives
every phone's end). The face is the packaged mean face. Prints for every voice the smallest mouth opening within each
b/p/m and the largest within each open vowel, in % of the inter-ocular distance, and how many bilabials come below a
third of the median open vowel.
"""

import subprocess
import sys
import tempfile
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from pocketsphinx import Decoder

import kfusion
from kfusion.landmarks import LandmarkSequence, inter_ocular_distance, mouth_opening

LIBRIVOX = Path("/usr/share/pocketsphinx/test/data/librivox")
VOICES = ("slt", "rms", "awb", "kal16")
TEXTS = (
    "My mother bought a big apple pie and a map of Bombay.",
    "Papa may be happy to keep a pet lamb, but maybe not a bear.",
    "Problems pop up when people camp by the palm tree.",
)
BILABIALS, OPEN_VOWELS = {"b", "p", "m"}, {"aa", "ae", "ay", "ao", "aw", "ah", "eh"}
MARGIN_S = 0.034

Phones = list[tuple[str, float, float]]
"""Name, start and end in seconds."""


def main() -> None:
    model = kfusion.load(sys.argv[1] if len(sys.argv) > 1 else None)
    print("| voice | bilabials | opening at b/p/m, median % | at open vowels, median % | closed |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        print_voice("a reader of LibriVox", model, read_aloud())
        for voice in VOICES:
            wavs = (Path(folder) / f"{number}.wav" for number in range(len(TEXTS)))
            print_voice(
                f"flite {voice}", model, (speak(text, voice, wav) for text, wav in zip(TEXTS, wavs, strict=True))
            )


def print_voice(name: str, model: kfusion.Generator, clips: Iterator[tuple[Path, Phones]]) -> None:
    found = [openings(model.generate(wav), phones) for wav, phones in clips]
    lows, highs = (np.concatenate(parts) for parts in zip(*found, strict=True))
    closed = f"{(lows < np.median(highs) / 3).sum()} of {len(lows)}"
    print(f"| {name} | {len(lows)} | {np.median(lows):.1f} | {np.median(highs):.1f} | {closed} |")


def speak(text: str, voice: str, wav: Path) -> tuple[Path, Phones]:
    """`text` written to `wav`, and its phones."""
    command = ["flite", "-voice", voice, "-psdur", "-t", text, "-o", str(wav)]
    words = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    names, ends = zip(*(word.split(":") for word in words), strict=True)
    ends_s = [float(end) for end in ends]
    return wav, list(zip(names, [0.0, *ends_s[:-1]], ends_s, strict=True))


def read_aloud() -> Iterator[tuple[Path, Phones]]:
    """The recordings of the reader, and their phones."""
    decoder = Decoder(samprate=16000, lm=None, loglevel="FATAL")
    for line in (LIBRIVOX / "transcription").read_text().splitlines():
        words, _, name = line.rpartition("(")
        text = words.replace("<s>", "").replace("</s>", "").strip().lower()
        wav = LIBRIVOX / f"{name.rstrip(') ')}.wav"
        yield wav, align(decoder, wav, text)


def align(decoder: Decoder, wav: Path, text: str) -> Phones:
    """The phones of a recording of `text`: the words are aligned first, then the phones in them."""
    with wave.open(str(wav)) as file:
        content = file.readframes(file.getnframes())
    decoder.set_align_text(text)
    _decode(decoder, content)
    decoder.set_alignment()
    _decode(decoder, content)
    phones = (phone for word in decoder.get_alignment() for phone in word)
    return [(phone.name.lower(), phone.start / 100, (phone.start + phone.duration) / 100) for phone in phones]


def _decode(decoder: Decoder, content: bytes) -> None:
    decoder.start_utt()
    decoder.process_raw(content, full_utt=True)
    decoder.end_utt()


def openings(sequence: LandmarkSequence, phones: Phones) -> tuple[list[float], list[float]]:
    """The smallest opening of each bilabial and the largest of each open vowel, %."""
    opening = 100 * mouth_opening(sequence.points) / inter_ocular_distance(sequence.points)
    lows, highs = [], []
    for name, start, end in phones:
        inside = opening[(sequence.times_s > start - MARGIN_S) & (sequence.times_s < end + MARGIN_S)]
        if len(inside) and name in BILABIALS:
            lows.append(float(inside.min()))
        if len(inside) and name in OPEN_VOWELS:
            highs.append(float(inside.max()))
    return lows, highs


if __name__ == "__main__":
    main()

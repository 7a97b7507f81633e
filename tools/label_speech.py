"""Make a prepared data set of recordings of speech alone: trained weights say how the mean face speaks them.

What they say is averaged over teachers that err independently, and over the voice as it is and made deeper and higher:
strangers' lips follow the mean better than any of them.

Usage: python tools/label_speech.py SPEECH_CSV OUT [--teacher BUNDLE]... [--gain 1.15]

`SPEECH_CSV` lists sound files (columns path, relative to it, dataset, speaker). At most `CLIP_S` seconds of a file and
`SPEAKER_S` of a speaker are taken. A twentieth of the speakers, by a hash of their names, is the split `val`.
"""

import argparse
import csv
import hashlib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from tqdm import tqdm

import kfusion
from kfusion.audio import SAMPLE_RATE_HZ, Samples, read_audio
from kfusion.data.store import SHARD_CLIPS, clip_table, write_shard
from kfusion.landmarks import Points, frame_count
from kfusion.training.augment import VoiceChange
from kfusion.training.faces import rest_face

CLIP_S, SPEAKER_S, LEAST_S = 24, 90, 1.0
VAL_SHARE = 0.05
CROP = 256
FORMANTS = 0.85, 0.92, 1.0, 1.08, 1.16


def main() -> None:
    """Read, label, write."""
    arguments = _arguments()
    teachers = [kfusion.load(path, threads=1) for path in arguments.teacher or [None]]
    (arguments.out / "data").mkdir(parents=True, exist_ok=True)
    tables: dict[str, list[pa.Table]] = defaultdict(list)
    for split, table in _labelled(arguments.listing, teachers, arguments.gain):
        tables[split].append(table)
    for split, clips in sorted(tables.items(), reverse=True):  # `train` last: with it, all is there
        for number, first in enumerate(range(0, len(clips), SHARD_CLIPS)):
            write_shard(arguments.out / "data" / f"{split}-{number:05d}.parquet", clips[first : first + SHARD_CLIPS])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("listing", metavar="SPEECH_CSV", type=Path)
    parser.add_argument("out", metavar="OUT", type=Path)
    parser.add_argument("--teacher", metavar="BUNDLE", type=Path, action="append", help="none: the packaged weights")
    help_text = "factor on the motion about the face at rest: a mean of teachers moves less than each of them"
    parser.add_argument("--gain", type=float, default=1.0, help=help_text)
    return parser.parse_args()


def _labelled(listing: Path, teachers: list[kfusion.Generator], gain: float) -> Iterator[tuple[str, pa.Table]]:
    """Split and table of every clip."""
    heard: dict[str, float] = defaultdict(float)
    with listing.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in tqdm(rows, unit="clip", disable=None):
        speaker = f"{row['dataset']}/{row['speaker']}"
        most_s = min(CLIP_S, SPEAKER_S - heard[speaker])
        if min(float(row["seconds"]), most_s) < LEAST_S:
            continue
        samples = read_audio(listing.parent / row["path"])[: int(most_s * SAMPLE_RATE_HZ)]
        heard[speaker] += len(samples) / SAMPLE_RATE_HZ
        split = _split(speaker)
        yield split, _table(row, speaker, split, samples, _said(samples, teachers, gain))


def _said(samples: Samples, teachers: list[kfusion.Generator], gain: float) -> Points:
    """What the teachers say on average (T, 68, 2), with its motion about the face at rest scaled."""
    frames = frame_count(len(samples) / SAMPLE_RATE_HZ, 30)
    said = [_spoken(samples, formant, teacher)[:frames] for teacher in teachers for formant in FORMANTS]
    points = np.mean(said, axis=0, dtype=np.float32)
    if gain == 1.0:
        return points
    rest = rest_face(points)
    return (rest + gain * (points - rest)).astype(np.float32)


def _table(row: dict[str, str], speaker: str, split: str, samples: Samples, points: Points) -> pa.Table:
    frames = len(points)
    columns = {
        "clip_id": str(Path(row["path"]).with_suffix("")),
        "corpus": "speech",
        "speaker": speaker,
        "split": split,
        "emotion": None,
        "intensity": None,
        "fps": 30,
        "frames": frames,
        "missing": 0,
        "crop": [0, 0, CROP],
        "source": row["path"],
    }
    samples = np.pad(samples, (0, max(0, frames * SAMPLE_RATE_HZ // 30 - len(samples))))
    return clip_table(columns, points, samples[: frames * SAMPLE_RATE_HZ // 30])


def _spoken(samples: Samples, formant: float, model: kfusion.Generator) -> Points:
    """The frames (T, 68, 2) of the sound in another voice."""
    change, random = VoiceChange(formant=formant), np.random.default_rng(0)
    changed = samples if formant == 1.0 else change.apply(samples, random)
    points = np.asarray(model.generate(changed, fps=30).points, np.float32)
    missing = max(0, frame_count(len(samples) / SAMPLE_RATE_HZ, 30) - len(points))  # a changed voice may lose a frame
    return np.pad(points, ((0, missing), (0, 0), (0, 0)), mode="edge")


def _split(speaker: str) -> str:
    share = int(hashlib.sha256(speaker.encode()).hexdigest()[:8], 16) / 16**8
    return "val" if share < VAL_SHARE else "train"


if __name__ == "__main__":
    main()

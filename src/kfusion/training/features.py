"""Speech features, computed once and kept beside the data set.

`features/<encoder>/<split>-<variant>/` holds `features.npy` (all steps of all clips, float16),
`samples.npy` (the sound they come from, int16) and `index.json`; it appears whole or not at all.
FeatureVariant 0 is the recording as it is; every other is changed by `VoiceChange` (or, every sixth,
muted), drawn from the variant and the clip alone.
"""

import json
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from kfusion.audio import SAMPLE_RATE_HZ, Samples
from kfusion.data.store import ClipStore, StoredClip
from kfusion.files import atomic_folder
from kfusion.landmarks import frame_count
from kfusion.models.speech import load_speech_encoder
from kfusion.models.speech.encoder import SpeechEncoder, frames_in, steps_in
from kfusion.training.augment import VoiceChange, muted

FPS = 30
FEATURES_FORMAT = 1
MUTED_EVERY = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class ClipSpan:
    """Where one clip stands in a variant, and what was done to it."""

    clip_id: str
    first_step: int
    first_sample: int
    frames: int
    speed: float
    muted: bool


class FeatureVariant:
    """One pass over the clips of a split: features and sound, memory-mapped."""

    def __init__(self, folder: Path) -> None:
        index = json.loads((folder / "index.json").read_text())
        self.entries = {entry["clip_id"]: ClipSpan(**entry) for entry in index["clips"]}
        self.features = np.load(folder / "features.npy", mmap_mode="r")
        self.samples = np.load(folder / "samples.npy", mmap_mode="r")

    def read(self, entry: ClipSpan) -> tuple[NDArray[np.float16], Samples]:
        """Features (steps, dim) and samples (frames * 16000 // 30,) of one clip."""
        steps, count = steps_in(entry.frames), entry.frames * SAMPLE_RATE_HZ // FPS
        features = self.features[entry.first_step : entry.first_step + steps]
        samples = self.samples[entry.first_sample : entry.first_sample + count]
        return np.asarray(features), samples.astype(np.float32) / 32767


def load_variants(store: ClipStore, split: str, encoder_name: str, count: int) -> list[FeatureVariant]:
    """The first `count` variants of a split; what is not there yet is computed and kept."""
    folders = [_folder(store, split, encoder_name, number) for number in range(count)]
    encoder: SpeechEncoder | None = None
    for number, folder in enumerate(folders):
        if not (folder / "index.json").is_file():
            encoder = encoder or load_speech_encoder(encoder_name)
            _compute(store.split(split), encoder, number, folder)
    return [FeatureVariant(folder) for folder in folders]


def _folder(store: ClipStore, split: str, encoder_name: str, number: int) -> Path:
    safe = "".join(letter if letter.isalnum() or letter in "-." else "_" for letter in encoder_name)
    return store.root / "features" / safe / f"{split}-{number:02d}"


def _compute(clips: list[StoredClip], encoder: SpeechEncoder, number: int, folder: Path) -> None:
    features, samples, entries = [], [], []
    first_step = first_sample = 0
    for clip in tqdm(clips, desc=f"speech features {folder.name}", unit="clip", disable=None):
        sound, frames, speed, is_muted, first_position = _variant_of(clip, number, encoder.first_positions)
        steps = encoder.encode(torch.from_numpy(sound)[None], first_position)[0]
        features.append(steps.half().numpy())
        samples.append((sound * 32767).astype(np.int16))
        entries.append(
            ClipSpan(
                clip_id=clip.clip_id,
                first_step=first_step,
                first_sample=first_sample,
                frames=frames,
                speed=speed,
                muted=is_muted,
            )
        )
        first_step += len(steps)
        first_sample += len(sound)
    index = {"format": FEATURES_FORMAT, "clips": [asdict(entry) for entry in entries]}
    with atomic_folder(folder) as new:
        np.save(new / "features.npy", np.concatenate(features))
        np.save(new / "samples.npy", np.concatenate(samples))
        (new / "index.json").write_text(json.dumps(index))


def _variant_of(clip: StoredClip, number: int, first_positions: int) -> tuple[Samples, int, float, bool, int]:
    """Sound, frames, speed, whether it is muted, and the first of `first_positions` positions of a clip."""
    samples = clip.samples()
    if number == 0:
        return samples, clip.frames, 1.0, False, 0
    random = np.random.default_rng([number, zlib.crc32(clip.clip_id.encode())])
    first_position = int(random.integers(first_positions))
    if number % MUTED_EVERY == 0:
        return muted(len(samples), random), clip.frames, 1.0, True, first_position
    change = VoiceChange.draw(random)
    changed = change.apply(samples, random)
    frames = frame_count((clip.frames - 1) / FPS / change.speed, FPS)
    changed = changed[: frames * SAMPLE_RATE_HZ // FPS]
    assert frames_in(len(changed)) == frames
    return changed, frames, change.speed, False, first_position

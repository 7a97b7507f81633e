"""What training reads, computed once and kept beside the data set: shards of speech features, sound and faces.

For each shard `data/<split>-<n>.parquet` and each of its versions there are `features/<encoder>/<split>-<n>.<version>`
with the endings `.blocks` (one clip after the other, as blocks of 0.1 s: see `block_type`; a clip's last one is filled
up with zeros) and `.json` (what the clips are and where they stand); the second appears when the first is whole. So a
piece of a clip is one short stretch of one file.

Version 0 is the recording as it is; every other is changed by `VoiceChange` (or, every sixth, muted), drawn from the
version and the clip alone.
"""

import json
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from kfusion.audio import SAMPLE_RATE_HZ, Samples
from kfusion.bundle_format import BLOCK_SAMPLES
from kfusion.data.store import StoredClip, shard_clips
from kfusion.errors import InputError
from kfusion.landmarks import POINT_COUNT, Points, frame_count
from kfusion.models.past import BLOCK_FRAMES, BLOCK_STEPS
from kfusion.models.speech import load_speech_encoder
from kfusion.models.speech.encoder import SpeechEncoder, frames_in, steps_in
from kfusion.training.augment import VoiceChange, muted
from kfusion.training.faces import at_speed, rest_face, unit_target
from kfusion.training.store_folder import StoreFolder

FPS = 30
FEATURES_FORMAT = 2
MUTED_EVERY = 6


def block_type(width: int) -> np.dtype[Any]:
    """0.1 s of a clip: faces in the unit frame, speech features `width` wide, and the sound they come from.

    A shorter time is not whole in frames, steps and samples.
    """
    return np.dtype(
        [
            ("target", "<f4", (BLOCK_FRAMES, POINT_COUNT, 2)),
            ("features", "<f2", (BLOCK_STEPS, width)),
            ("samples", "<i2", (BLOCK_SAMPLES,)),
        ]
    )


@dataclass(frozen=True, slots=True)
class ClipSpan:
    """A clip in a version of its shard: what it is, where it stands, and what was done to it."""

    clip_id: str
    corpus: str
    speaker: str
    emotion: str | None
    intensity: int | None
    moved: str
    """What a digest of the clip holds of the clock of its sound."""
    first_block: int
    frames: int
    muted: bool

    @property
    def voice(self) -> str:
        """The speaker, told from those of other corpora."""
        return f"{self.corpus}/{self.speaker}"

    @property
    def blocks(self) -> int:
        """How many the clip fills."""
        return -(-self.frames // BLOCK_FRAMES)


@dataclass(frozen=True, slots=True)
class ShardVersion:
    """The `.json` of one version of one shard."""

    name: str
    """Of its `.blocks`, from the root of the data set."""
    width: int
    clips: list[ClipSpan]

    @classmethod
    def parse(cls, name: str, content: bytes) -> "ShardVersion":
        """What `compute` wrote.

        Raises:
            InputError: it is damaged.
        """
        try:
            index = json.loads(content)
            return cls(name, index["width"], [ClipSpan(**clip) for clip in index["clips"]])
        except (ValueError, TypeError, KeyError) as error:
            raise InputError(f"{name}: damaged ({error}): delete the folder features, it is computed again") from error


@dataclass(frozen=True, kw_only=True, slots=True)
class FeatureKind:
    """What is computed for a run."""

    encoder: str
    """Name of the speech encoder."""
    head_motion: bool = False
    """Whether the faces keep the motion of the head."""

    def name(self, shard: str, version: int, ending: str) -> str:
        """The file of a version of a shard (`train-00000.parquet`), from the root of the data set."""
        return f"{self.folder}/{Path(shard).stem}.{version:02d}{ending}"

    @property
    def folder(self) -> str:
        """Where they are kept, from the root of the data set."""
        safe = "".join(letter if letter.isalnum() or letter in "-." else "_" for letter in self.encoder)
        return f"features/{safe}{'+head' if self.head_motion else ''}"


def compute(folder: StoreFolder, shards: Sequence[tuple[str, int]], kind: FeatureKind) -> None:
    """Write versions of shards, each of them given by its name and number; memory holds one clip at a time.

    Raises:
        InputError: a shard is damaged, or there is no such encoder.
        OutputError: there is no place to write to.
    """
    if not shards:
        return
    encoder = load_speech_encoder(kind.encoder)
    for shard, version in tqdm(shards, desc="speech features", unit="shard", disable=None):
        _compute_shard(folder, shard, version, kind, encoder)


def _compute_shard(folder: StoreFolder, shard: str, version: int, kind: FeatureKind, encoder: SpeechEncoder) -> None:
    with TemporaryDirectory(prefix="kfusion-") as work, _here(folder, f"data/{shard}", Path(work)) as path:
        blocks, clips = Path(work, "blocks"), []
        with blocks.open("wb") as file:
            first_block = 0
            for clip in shard_clips(path):
                span = _write_clip(file, clip, version, kind, encoder, first_block)
                first_block += span.blocks
                clips.append(asdict(span))
        index = {"format": FEATURES_FORMAT, "width": encoder.dim, "clips": clips}
        folder.put(blocks, kind.name(shard, version, ".blocks"))
    folder.put(json.dumps(index).encode(), kind.name(shard, version, ".json"))


@contextmanager
def _here(folder: StoreFolder, name: str, work: Path) -> Iterator[Path]:
    """A file of the data set on this machine's disk."""
    if not folder.remote:
        yield Path(folder.address, name)
        return
    path = work / Path(name).name
    folder.fetch(name, path)
    yield path


def _write_clip(
    file: BinaryIO, clip: StoredClip, version: int, kind: FeatureKind, encoder: SpeechEncoder, first_block: int
) -> ClipSpan:
    sound, frames, speed, is_muted, first_position = _version_of(clip, version, encoder.first_positions)
    features = encoder.encode(torch.from_numpy(sound)[None], first_position)[0].half().numpy()
    whole = unit_target(clip.landmarks(), head_motion=kind.head_motion)
    target = at_speed(whole, speed, frames)
    if is_muted:
        target = np.broadcast_to(rest_face(whole), target.shape)
    span = ClipSpan(
        clip_id=clip.clip_id,
        corpus=clip.corpus,
        speaker=clip.speaker,
        emotion=clip.emotion,
        intensity=clip.intensity,
        moved=clip.moved,
        first_block=first_block,
        frames=frames,
        muted=is_muted,
    )
    file.write(_blocks(target, features, (sound * 32767).astype(np.int16), span.blocks).tobytes())
    return span


def _blocks(target: Points, features: NDArray[np.float16], samples: NDArray[np.int16], count: int) -> NDArray[Any]:
    width = features.shape[1]
    blocks = np.zeros(count, block_type(width))
    for name, values in (("target", target), ("features", features), ("samples", samples)):
        part = blocks[name]
        flat = np.zeros((part.shape[0] * part.shape[1], *part.shape[2:]), part.dtype)
        flat[: len(values)] = values
        blocks[name] = flat.reshape(part.shape)
    return blocks


def _version_of(clip: StoredClip, version: int, first_positions: int) -> tuple[Samples, int, float, bool, int]:
    """Sound, frames, speed, whether it is muted, and the first of `first_positions` positions of a clip."""
    samples = clip.samples()
    if version == 0:
        return samples, clip.frames, 1.0, False, 0
    random = np.random.default_rng([version, zlib.crc32(clip.clip_id.encode())])
    first_position = int(random.integers(first_positions))
    if version % MUTED_EVERY == 0:
        return muted(len(samples), random), clip.frames, 1.0, True, first_position
    change = VoiceChange.draw(random)
    changed = change.apply(samples, random)
    frames = frame_count((clip.frames - 1) / FPS / change.speed, FPS)
    changed = changed[: frames * SAMPLE_RATE_HZ // FPS]
    assert frames_in(len(changed)) == frames
    return changed, frames, change.speed, False, first_position


def piece_of(blocks: NDArray[Any], frames: int) -> tuple[Points, NDArray[np.float32], Samples]:
    """Faces (frames, 68, 2), features (steps, width) and samples of what begins with the first of some blocks."""
    target = blocks["target"].reshape(-1, POINT_COUNT, 2)[:frames]
    features = blocks["features"].reshape(-1, blocks["features"].shape[-1])[: steps_in(frames)]
    samples = blocks["samples"].reshape(-1)[: frames * SAMPLE_RATE_HZ // FPS]
    return target, features.astype(np.float32), samples.astype(np.float32) / np.float32(32767)

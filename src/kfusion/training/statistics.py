"""What a network is told of the training data before its first step; it follows from the run's seed alone."""

from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from kfusion.audio import SAMPLE_RATE_HZ, Samples
from kfusion.bundle_format import BLOCK_SAMPLES
from kfusion.models.baselines.baseline import Baseline
from kfusion.models.kfusion import KFusion
from kfusion.models.networks import Network
from kfusion.models.speech.encoder import steps_in
from kfusion.training.batches import TalkingFaces
from kfusion.training.epoch_order import ShownPiece
from kfusion.training.features import FPS
from kfusion.training.shard_window import WindowClip, read

_FEATURE_ROWS = 4000
_CLIPS, _FRAMES_A_CLIP, _READ_AT_ONCE = 200, 10, 40
_SOUNDS, _SOUND_S = 64, 2
_LEAST_SPREAD = 0.01
"""Inter-ocular distances: the eye corners hardly move in the unit frame."""
_SAMPLE = 0x5A3B1E
"""Keeps the random numbers of the sample apart from those of the clips."""


def take_statistics(network: Network, faces: TalkingFaces) -> None:
    """Give a network the statistics it asks for: of the features and the faces, a baseline those of the sound too."""
    if {"feature_mean", "feature_std"} <= dict(network.named_buffers()).keys():
        mean, std = feature_statistics(faces)
        network.get_buffer("feature_mean").copy_(mean)
        network.get_buffer("feature_std").copy_(std)
    if isinstance(network, Baseline):
        network.fit(*face_sample(faces))
        network.fit_sound(sound_sample(faces))
    else:
        take_identities(network, face_sample(faces)[0])


def take_identities(network: KFusion, identities: Float[Tensor, "examples 68 2"]) -> None:
    """Give a network the mean and the spread of the identities."""
    network.get_buffer("identity_mean").copy_(identities.mean(0))
    network.get_buffer("identity_std").copy_(identities.std(0, correction=0) + _LEAST_SPREAD)


def feature_statistics(faces: TalkingFaces) -> tuple[Float[Tensor, " dim"], Float[Tensor, " dim"]]:
    """Mean and standard deviation of the features of all recordings, the muted ones left out.

    Of many shards only some are asked: one window of them.
    """
    window = faces.window(0, faces.order.windows(0)[0][0])
    rows = [
        _feature_rows(
            [clip for clip in window.clips if clip.folder is folder and version < len(clip.versions)], version
        )
        for folder in dict.fromkeys(clip.folder for clip in window.clips)
        for version in range(faces.config.variants)
    ]
    features = torch.from_numpy(np.concatenate([part for part in rows if len(part)]))
    return features.mean(0), features.std(0, correction=0) + 1e-3


def _feature_rows(clips: list[WindowClip], version: int) -> NDArray[np.float32]:
    """About 4000 features, evenly spaced over the clips of a version; none of one that is muted."""
    spans = [clip.versions[version][1] for clip in clips]
    if not spans or any(span.muted for span in spans):
        return np.zeros((0, 0), np.float32)
    ends = np.cumsum([steps_in(span.frames) for span in spans])
    steps = np.arange(0, ends[-1], max(1, ends[-1] // _FEATURE_ROWS))
    numbers = np.searchsorted(ends, steps, side="right")
    starts = np.concatenate([[0], ends])
    places = [
        clips[number].feature(version, int(step - starts[number])) for number, step in zip(numbers, steps, strict=True)
    ]
    return np.stack([np.frombuffer(content, "<f2") for content in read(places)]).astype(np.float32)


def face_sample(
    faces: TalkingFaces,
) -> tuple[Float[Tensor, "examples 68 2"], Float[Tensor, "examples 68 2"]]:
    """Identities and frames of the targets as training shows them: 2000 pairs, from random clips and epochs."""
    random = np.random.default_rng([faces.seed, _SAMPLE])
    identities, targets = [], []
    drawn = list(_draws(faces, _CLIPS, random))
    for first in range(0, _CLIPS, _READ_AT_ONCE):
        for clip in faces.__getitems__(drawn[first : first + _READ_AT_ONCE]):
            frames = random.integers(int(clip.frames[0]), size=_FRAMES_A_CLIP)
            identities.append(clip.identity.expand(_FRAMES_A_CLIP, -1, -1))
            targets.append(clip.target[0, frames])
    return torch.cat(identities), torch.cat(targets)


def sound_sample(faces: TalkingFaces) -> Float[Tensor, "examples samples"]:
    """About 64 pieces of 2 s, 16 kHz, of the changed and unchanged recordings; shorter clips are joined."""
    random = np.random.default_rng([faces.seed, _SAMPLE, 1])
    sounds, wanted = [], _SOUND_S * SAMPLE_RATE_HZ
    for piece in _draws(faces, _SOUNDS, random):
        window, number = faces.clip(piece.epoch, piece.place)
        clip = window.clips[number]
        spoken = [version for version, (_, span) in enumerate(clip.versions) if not span.muted]
        sounds.append(_sound(clip, spoken[int(random.integers(len(spoken)))], wanted, random))
    joined = np.concatenate(sounds)
    length = min(wanted, len(joined))
    return torch.from_numpy(joined[: len(joined) // length * length].reshape(-1, length))


def _sound(clip: WindowClip, version: int, wanted: int, random: np.random.Generator) -> Samples:
    """So many samples of a clip, from anywhere; all of a shorter one."""
    count = clip.versions[version][1].frames * SAMPLE_RATE_HZ // FPS
    first = int(random.integers(max(0, count - wanted) + 1))
    block, before = divmod(first, BLOCK_SAMPLES)
    wanted = min(wanted, count - first)
    (content,) = read([clip.blocks(version, block, -(-(before + wanted) // BLOCK_SAMPLES))])
    samples = clip.parse(content)["samples"].reshape(-1)[before : before + wanted]
    return samples.astype(np.float32) / np.float32(32767)


def _draws(faces: TalkingFaces, draws: int, random: np.random.Generator) -> Iterator[ShownPiece]:
    """Random pieces of the first window; none comes twice in an epoch."""
    firsts = faces.order.firsts
    indices = np.concatenate([np.arange(firsts[s], firsts[s + 1]) for s in faces.order.windows(0)[0]])
    order = indices[random.permutation(len(indices))]
    return (ShownPiece(number // len(order), int(order[number % len(order)])) for number in range(draws))

"""What a network is told of the training data before its first step; it follows from the run's seed alone."""

from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from kfusion.audio import SAMPLE_RATE_HZ
from kfusion.models.baselines.baseline import Baseline
from kfusion.models.networks import Network
from kfusion.training.batches import TalkingFaces

_FEATURE_ROWS = 4000
_CLIPS, _FRAMES_A_CLIP = 200, 10
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
        identities, _ = face_sample(faces)
        network.get_buffer("identity_mean").copy_(identities.mean(0))
        network.get_buffer("identity_std").copy_(identities.std(0, correction=0) + _LEAST_SPREAD)


def feature_statistics(faces: TalkingFaces) -> tuple[Float[Tensor, " dim"], Float[Tensor, " dim"]]:
    """Mean and standard deviation of the features of all recordings, the muted ones left out."""
    spoken = [variant for variant in faces.variants if not any(entry.muted for entry in variant.entries.values())]
    strides = [max(1, len(variant.features) // _FEATURE_ROWS) for variant in spoken]
    rows = [np.asarray(variant.features[::stride], np.float32) for variant, stride in zip(spoken, strides, strict=True)]
    features = torch.from_numpy(np.concatenate(rows))
    return features.mean(0), features.std(0, correction=0) + 1e-3


def face_sample(
    faces: TalkingFaces,
) -> tuple[Float[Tensor, "examples 68 2"], Float[Tensor, "examples 68 2"]]:
    """Identities and frames of the targets as training shows them: 2000 pairs, from random clips and epochs."""
    random = np.random.default_rng([faces.seed, _SAMPLE])
    identities, targets = [], []
    for epoch, index in _draws(len(faces), _CLIPS, random):
        faces.epoch = epoch
        clip = faces[index]
        frames = random.integers(int(clip.frames[0]), size=_FRAMES_A_CLIP)
        identities.append(clip.identity.expand(_FRAMES_A_CLIP, -1, -1))
        targets.append(clip.target[0, frames])
    faces.epoch = 0
    return torch.cat(identities), torch.cat(targets)


def sound_sample(faces: TalkingFaces) -> Float[Tensor, "examples samples"]:
    """About 64 pieces of 2 s, 16 kHz, of the changed and unchanged recordings; shorter clips are joined."""
    random = np.random.default_rng([faces.seed, _SAMPLE, 1])
    sounds, wanted = [], _SOUND_S * SAMPLE_RATE_HZ
    for _, index in _draws(len(faces), _SOUNDS, random):
        clip, variants, _ = faces.items[faces.shown[index]]
        spoken = [variant for variant in variants if not variant.entries[clip.clip_id].muted]
        variant = spoken[int(random.integers(len(spoken)))]
        _, samples = variant.read(variant.entries[clip.clip_id])
        first = int(random.integers(max(0, len(samples) - wanted) + 1))
        sounds.append(samples[first : first + wanted])
    joined = np.concatenate(sounds)
    length = min(wanted, len(joined))
    return torch.from_numpy(joined[: len(joined) // length * length].reshape(-1, length))


def _draws(count: int, draws: int, random: np.random.Generator) -> Iterator[tuple[int, int]]:
    """Epoch and index of random clips; none comes twice in an epoch."""
    order = random.permutation(count)
    return ((number // count, int(order[number % count])) for number in range(draws))

from pathlib import Path

import numpy as np
import pytest
import torch
from factories.training import DIM, ToyBaseline, tiny_run, write_clips

from kfusion.models.baselines.temporal_conv import TemporalConv
from kfusion.models.networks import build_network
from kfusion.training.batches import TalkingFaces
from kfusion.training.features import piece_of
from kfusion.training.shard_window import WindowClip, read
from kfusion.training.statistics import face_sample, feature_statistics, sound_sample, take_statistics
from kfusion.training.training_set import TrainingSet


def faces_in(root: Path, *, variants: int = 7, seed: int = 0) -> TalkingFaces:
    """Of seven variants the last is muted."""
    run = tiny_run(data__variants=variants)
    return TalkingFaces([TrainingSet(root)], "train", "tiny", run.data, seed=seed, training=True)


def test_the_sample_holds_pairs_as_training_shows_them(data_set: Path) -> None:
    faces = faces_in(data_set)
    identities, targets = face_sample(faces)
    assert identities.shape == targets.shape == (2000, 68, 2)
    shown = []
    for faces.epoch in range(40):
        shown += [faces[index] for index in range(len(faces))]
    for example in range(0, 2000, 101):
        of_clip = [clip for clip in shown if torch.equal(clip.identity[0], identities[example])]
        assert len(of_clip) == 1
        assert (of_clip[0].target[0] == targets[example]).flatten(1).all(1).any()


def test_the_sample_follows_from_the_seed_whatever_was_seen_before(data_set: Path) -> None:
    faces = faces_in(data_set)
    first, faces.epoch = (*face_sample(faces), sound_sample(faces)), 5
    again = (*face_sample(faces), sound_sample(faces))
    assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True))
    assert faces.epoch == 5
    assert not torch.equal(first[0], face_sample(faces_in(data_set, seed=1))[0])


def test_the_sound_is_two_seconds_a_piece_without_the_muted_clips(data_set: Path) -> None:
    pieces = sound_sample(faces_in(data_set))
    assert pieces.shape[1] == 32_000
    assert 10 <= len(pieces) <= 64
    assert (pieces.unflatten(1, (-1, 800)).abs().amax(-1) > 0).all()  # digital silence is what muted clips often are


def test_of_long_clips_pieces_are_taken(tmp_path: Path) -> None:
    pieces = sound_sample(faces_in(write_clips(tmp_path, "train", "ab", frames=100), variants=1))
    assert pieces.shape == (64, 32_000)
    assert len({float(piece[0]) for piece in pieces}) > 32


@pytest.mark.parametrize("network", [build_network(tiny_run().model), TemporalConv(feature_dim=DIM)])
def test_networks_that_read_features_get_their_statistics(network: torch.nn.Module, data_set: Path) -> None:
    faces = faces_in(data_set)
    take_statistics(network, faces)  # type: ignore[arg-type]
    mean, std = feature_statistics(faces)
    assert torch.equal(network.get_buffer("feature_mean"), mean)
    assert torch.equal(network.get_buffer("feature_std"), std)


def test_a_baseline_is_fitted_once_to_faces_and_to_sound(data_set: Path) -> None:
    network, faces = ToyBaseline(), faces_in(data_set)
    take_statistics(network, faces)
    identities, targets = face_sample(faces)
    assert network.pairs == 2000
    assert network.pieces_s == pytest.approx(sound_sample(faces).numel() / 16_000)
    assert torch.equal(network.get_buffer("mean_motion"), (targets - identities).mean(0))


@pytest.mark.parametrize("network", [build_network(tiny_run().model), TemporalConv(feature_dim=DIM)])
def test_the_identity_is_standardised_by_the_faces_of_training(network: torch.nn.Module, data_set: Path) -> None:
    faces = faces_in(data_set)
    take_statistics(network, faces)  # type: ignore[arg-type]
    identities, _ = face_sample(faces)
    assert torch.allclose(network.get_buffer("identity_mean"), identities.mean(0))
    assert torch.allclose(network.get_buffer("identity_std"), identities.std(0, correction=0) + 0.01)


def test_statistics_are_those_of_the_features_without_muted_shots(data_set: Path) -> None:
    faces = faces_in(data_set)
    mean, std = feature_statistics(faces)
    clips = faces.window(0, 0).clips
    assert [span.muted for _, span in clips[0].versions] == [False] * 6 + [True]
    spoken = np.concatenate([features_of(clip, version) for version in range(6) for clip in clips])
    assert torch.allclose(mean, torch.from_numpy(spoken.mean(0)), atol=1e-5)
    assert torch.allclose(std, torch.from_numpy(spoken.std(0)) + 1e-3, atol=1e-5)


def features_of(clip: WindowClip, version: int) -> np.ndarray:
    span = clip.versions[version][1]
    (content,) = read([clip.blocks(version, 0, span.blocks)])
    return piece_of(clip.parse(content), span.frames)[1]


def test_of_many_shards_a_window_is_asked(tmp_path: Path) -> None:
    for number in range(6):
        write_clips(tmp_path, "train", "ab", number=number)
    run = tiny_run(data__shuffled_shards=2, data__variants=1)
    faces = TalkingFaces([TrainingSet(tmp_path)], "train", "tiny", run.data, seed=0, training=True)
    mean, _ = feature_statistics(faces)
    asked = faces.window(0, faces.order.windows(0)[0][0])
    assert len(asked.clips) == 4
    assert torch.allclose(mean, torch.from_numpy(np.concatenate([features_of(c, 0) for c in asked.clips]).mean(0)))
    assert face_sample(faces)[0].shape == (2000, 68, 2)

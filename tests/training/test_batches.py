from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from factories.training import write_clips

from kfusion.errors import InputError
from kfusion.landmarks import EYE_CORNERS, Points, unit_frame
from kfusion.models.speech.encoder import steps_in
from kfusion.models.speech.whisper import WhisperEncoder
from kfusion.training import batches, features
from kfusion.training.augment import VoiceChange
from kfusion.training.batches import Batch, DataConfig, TalkingFaces, collate
from kfusion.training.faces import identity_face
from kfusion.training.features import piece_of
from kfusion.training.shard_window import WindowClip, read
from kfusion.training.training_set import TrainingSet

EVERYTHING = DataConfig(variants=7, change_faces=True)


def faces(
    data: Path, config: DataConfig, split: str = "train", *, training: bool = True, seed: int = 0
) -> TalkingFaces:
    return TalkingFaces([TrainingSet(data)], split, "tiny", config, seed=seed, training=training)


def equal(one: Batch, other: Batch) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def clips_of(data: TalkingFaces) -> list[WindowClip]:
    return data.window(0, 0).clips


def content(data: TalkingFaces, number: int, version: int = 0) -> tuple[Points, np.ndarray, np.ndarray]:
    """Faces, features and samples of a whole clip."""
    clip = clips_of(data)[number]
    span = clip.versions[version][1]
    return piece_of(clip.parse(read([clip.blocks(version, 0, span.blocks)])[0]), span.frames)


def sources(data: TalkingFaces, index: int, identity: torch.Tensor) -> list[tuple[int, int]]:
    """Clips and frames that an unchanged identity may come from."""
    found = []
    for other in range(len(clips_of(data))):
        matches = [
            frame
            for frame, face in enumerate(content(data, other)[0])
            if np.array_equal(identity_face(face), identity[0].numpy())
        ]
        found += [(other, frame) for frame in matches]
    return found


def test_seed_epoch_and_index_alone_decide_what_is_seen(data_set: Path) -> None:
    one, again, other_seed = (
        faces(data_set, EVERYTHING),
        faces(data_set, EVERYTHING),
        faces(data_set, EVERYTHING, seed=1),
    )
    for data in (one, again, other_seed):
        data.epoch = 3
    seen = [one[index] for index in (2, 0, 2)]
    assert equal(seen[0], seen[2])
    assert equal(seen[0], again[2])
    assert equal(seen[1], again[0])
    assert not equal(seen[0], other_seed[2])
    one.epoch = 4
    assert not equal(seen[0], one[2])


def test_validation_clips_are_the_same_in_every_epoch(data_set: Path) -> None:
    data = faces(data_set, EVERYTHING, "val", training=False)
    before = data[1]
    data.epoch = 9
    assert equal(before, data[1])


def test_identities_come_from_other_clips_of_the_speaker(data_set: Path) -> None:
    data = faces(data_set, DataConfig())
    speakers = [clip.recorded.speaker for clip in clips_of(data)]
    for epoch in range(8):
        data.epoch = epoch
        for index in range(len(data)):
            clips = {clip for clip, _ in sources(data, index, data[index].identity)}
            assert clips, "an identity is a frame of a clip"
            assert index not in clips
            assert all(speakers[clip] == speakers[index] for clip in clips)


def test_the_only_clip_of_a_speaker_lends_its_own_frames(data_set: Path) -> None:
    data = faces(data_set, DataConfig(), "val", training=False)
    assert {clip for clip, _ in sources(data, 1, data[1].identity)} == {1}


def test_the_first_frame_is_the_identity_where_that_is_asked_for(data_set: Path) -> None:
    data = faces(data_set, DataConfig(identity_from="frame-0"))
    assert sources(data, 3, data[3].identity) == [(3, 0)]


def test_a_frame_of_the_clip_itself_is_the_identity_where_that_is_asked_for(data_set: Path) -> None:
    data = faces(data_set, DataConfig(identity_from="same-clip"))
    found = set()
    for data.epoch in range(10):
        ((clip, frame),) = sources(data, 3, data[3].identity)
        assert clip == 3
        found.add(frame)
    assert len(found) > 3


def test_every_part_of_a_clip_is_as_long_as_its_frames_say(data_set: Path) -> None:
    data = faces(data_set, EVERYTHING)
    for epoch in range(10):
        data.epoch = epoch
        for index in range(len(data)):
            clip = data[index]
            frames = int(clip.frames)
            assert clip.target.shape == (1, frames, 68, 2)
            assert clip.features.shape[1] == steps_in(frames)
            assert clip.samples.shape[1] == frames * 16_000 // 30


def test_muted_clips_have_a_face_that_does_not_move(tmp_path: Path) -> None:
    data = faces(write_clips(tmp_path, "train", "aa"), EVERYTHING)
    assert [span.muted for _, span in clips_of(data)[0].versions] == [False] * 6 + [True]
    for version, still in ((6, True), (1, False)):
        target = content(data, 0, version)[0]
        assert bool((target == target[0]).all()) is still
    shown = set()
    for data.epoch in range(30):
        target = data[0].target[0]
        shown.add(bool((target == target[0]).all()))
    assert shown == {True, False}


def test_a_piece_starts_at_the_same_instant_in_sound_features_and_face(data_set: Path) -> None:
    data = faces(data_set, DataConfig(clip_s=0.2, unknown_emotion=0.0))
    whole, features, samples = content(data, 4)
    index, starts = shown(data).index(4), set()
    for epoch in range(20):
        data.epoch = epoch
        piece = data[index]
        target = piece.target[0].numpy()
        moved = unit_frame(target[0])(target)
        first = next(t for t in range(len(whole)) if np.allclose(moved, seen_from(whole, t)[:6], atol=1e-5))
        starts.add(first)
        assert first % 3 == 0
        assert int(piece.frames) == 6
        begin = first * 16_000 // 30
        assert np.array_equal(piece.samples[0].numpy(), samples[begin : begin + 3200])
        assert np.array_equal(piece.features[0].numpy(), features[first * 5 // 3 :][:10])
    assert len(starts) > 2


def shown(data: TalkingFaces) -> list[int]:
    """The number of the clip that each index shows, or shows a piece of."""
    return [data.clip(0, index)[1] for index in range(len(data))]


def seen_from(whole: Points, first: int) -> Points:
    """What comes from a frame on, in the unit frame of that one."""
    seen: Points = unit_frame(whole[first])(whole[first:])
    return seen


def test_an_epoch_shows_as_many_pieces_of_a_clip_as_it_holds(data_set: Path) -> None:
    config = DataConfig(clip_s=0.2)
    data = faces(data_set, config)
    for number, clip in enumerate(clips_of(data)):
        frames = clip.recorded.frames
        assert shown(data).count(number) == max(1, round(frames / 6)) == config.pieces_of(frames)
    assert len(data) > len(clips_of(data))
    whole = faces(data_set, config, training=False)
    assert len(whole) == len(clips_of(whole)), "validation is on whole clips"


def test_the_identity_is_a_frame_of_the_target_where_it_comes_from_the_clip(data_set: Path) -> None:
    """Both in one frame: a mismatch of frames is an error that no network can learn away."""
    for training in (True, False):
        data = faces(data_set, DataConfig(identity_from="same-clip"), training=training)
        for index in range(len(data)):
            clip = data[index]
            assert (clip.target[0] - clip.identity).abs().amax((1, 2)).min() < 1e-6


@pytest.mark.parametrize(("hours", "expected"), [(0.001, 12), (1.0, 12), (2.0, 7), (14.0, 1), (400.0, 1)])
def test_a_large_data_set_has_fewer_versions(hours: float, expected: int) -> None:
    assert DataConfig(variants=12, cached_hours=14.0).variants_of(round(hours * 3600 * 30)) == expected


def test_labels_are_hidden_as_often_as_is_asked_for(data_set: Path) -> None:
    for share, expected in ((0.0, {(5, 0)}), (1.0, {(0, 0)}), (0.5, {(5, 0), (0, 0)})):
        data = faces(data_set, DataConfig(unknown_emotion=share))
        seen = set()
        for epoch in range(8):
            data.epoch = epoch
            seen |= {tuple(data[index].emotion[0].tolist()) for index in range(len(data))}
        assert seen == expected
    unseen = faces(data_set, DataConfig(unknown_emotion=1.0), training=False)
    assert unseen[0].emotion[0].tolist() == [5, 0], "labels are hidden in training alone"


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ((0.0, 0.0), {(5, 2)}),
        ((0.0, 1.0), {(5, 0)}),
        ((0.0, 0.5), {(5, 2), (5, 0)}),
        ((0.5, 0.5), {(5, 2), (5, 0), (0, 0)}),
        ((1.0, 1.0), {(0, 0)}),
    ],
)
def test_an_emotion_is_also_shown_without_its_intensity(
    tmp_path: Path, shares: tuple[float, float], expected: set[tuple[int, int]]
) -> None:
    clips = write_clips(tmp_path, "train", "aab", emotion="happy", intensity=2)
    data, seen = faces(clips, DataConfig(unknown_emotion=shares[0], unknown_intensity=shares[1])), set()
    for epoch in range(12):
        data.epoch = epoch
        seen |= {tuple(data[index].emotion[0].tolist()) for index in range(len(data))}
    assert seen == expected
    whole = faces(clips, DataConfig(unknown_intensity=1.0), training=False)
    assert whole[0].emotion[0].tolist() == [5, 2], "labels are hidden in training alone"


def test_targets_are_in_the_unit_frame(data_set: Path) -> None:
    clip = faces(data_set, DataConfig(), training=False)[0]
    right, left = (clip.target[0, :, point].mean(0) for point in EYE_CORNERS)
    assert right.tolist() == pytest.approx([-0.5, 0], abs=0.02)
    assert left.tolist() == pytest.approx([0.5, 0], abs=0.02)


def test_a_batch_is_padded_with_zeros_and_masked(data_set: Path) -> None:
    data = faces(data_set, DataConfig())
    clips = [data[index] for index in (0, 4, 2)]
    batch = collate(clips)
    assert batch.frames.tolist() == [12, 16, 14]
    assert batch.mask.sum(1).tolist() == [12, 16, 14]
    for name, per_frame in (("samples", 16_000 / 30), ("features", 5 / 3), ("target", 1)):
        padded = getattr(batch, name)
        for row, clip in zip(padded, clips, strict=True):
            part = getattr(clip, name)[0]
            assert torch.equal(row[: len(part)], part)
            assert not row[len(part) :].any()
        assert padded.shape[1] == int(np.ceil(16 * per_frame)) or name == "samples"
    assert torch.equal(batch.identity[1], clips[1].identity[0])
    assert batch.emotion.shape == (3, 2)


def test_clips_of_any_length_are_trained_on_at_any_speed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """26 s, slowed by up to 0.85, are more than the 30 s for which Whisper has places."""
    monkeypatch.setattr(features, "load_speech_encoder", lambda _: WhisperEncoder.packaged())
    monkeypatch.setattr(features.VoiceChange, "draw", lambda _: VoiceChange(speed=0.85))
    data = faces(write_clips(tmp_path, "train", "a", frames=26 * 30), DataConfig(variants=2))
    lengths = set()
    for epoch in range(6):
        data.epoch = epoch
        frames = int(data[0].frames)
        assert data[0].features.shape[1] == steps_in(frames)
        lengths.add(frames)
    assert lengths == {780, 917}


def test_an_empty_split_is_an_input_error(data_set: Path) -> None:
    with pytest.raises(InputError, match=r"split 'test' of .* is empty"):
        faces(data_set, DataConfig(), "test")


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: DataConfig(variants=0), "variants 0"),
        (lambda: DataConfig(unknown_intensity=1.5), "unknown_intensity 1.5: use 0 to 1"),
        (lambda: DataConfig(unknown_emotion=-0.1), "unknown_emotion -0.1: use 0 to 1"),
        (lambda: DataConfig(identity_from="mirror"), "unknown identity_from 'mirror'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(make: Callable[[], DataConfig], match: str) -> None:
    with pytest.raises(InputError, match=match):
        make()


def test_several_data_sets_keep_their_speakers_apart(data_set: Path, tmp_path: Path) -> None:
    other = write_clips(tmp_path, "train", "z")
    data = TalkingFaces(
        [TrainingSet(data_set), TrainingSet(other)], "train", "tiny", DataConfig(), seed=0, training=True
    )
    assert len(data) == 6
    assert data.window(0, 0).by_voice["toy/z"] == [5]
    assert batches.collate([data[0], data[5]]).frames.tolist() == [12, 12]

from pathlib import Path

import numpy as np
import pytest
from factories.evaluation import prepared

from kfusion.errors import InputError
from kfusion.evaluation.identity_rules import by_speaker, pick_identity, scored_frames
from kfusion.landmarks import EYE_CORNERS, mouth_opening


def test_the_identity_is_never_a_frame_of_the_clip_itself(tmp_path: Path) -> None:
    clips = prepared(tmp_path, {"test": {"a": 4, "b": 2}}).split("test")
    speakers = by_speaker(clips)
    for clip in clips:
        found = pick_identity(clip, speakers, "other-clip")
        assert found.clip_id != clip.clip_id
        assert found.clip_id.split("/")[0] == clip.speaker
        assert found.rule == "other-clip"
        assert scored_frames(clip, found.rule) == clip.frames


def test_the_identity_has_the_smallest_mouth_opening_of_its_clip(tmp_path: Path) -> None:
    store = prepared(tmp_path, {"test": {"a": 2}})
    first, second = store.split("test")
    found = pick_identity(first, by_speaker([first, second]), "other-clip")
    openings = mouth_opening(second.landmarks())
    assert found.frame == int(openings.argmin())
    assert np.array_equal(found.points, second.landmarks()[found.frame])
    assert found.median is not None
    assert mouth_opening(found.points) < mouth_opening(found.median)


def test_the_only_clip_of_a_speaker_is_divided_and_says_so(tmp_path: Path) -> None:
    (clip,) = prepared(tmp_path, {"test": {"a": 1}}, frames=60).split("test")
    found = pick_identity(clip, by_speaker([clip]), "other-clip")
    assert found.rule == "other-moment"
    assert scored_frames(clip, found.rule) == 40
    assert 40 <= found.frame < 60


def test_frame_0_is_the_first_frame_of_the_target_and_only_when_asked_for(tmp_path: Path) -> None:
    clips = prepared(tmp_path, {"test": {"a": 2}}).split("test")
    found = pick_identity(clips[0], by_speaker(clips), "frame-0")
    assert (found.clip_id, found.frame, found.rule) == (clips[0].clip_id, 0, "frame-0")
    assert np.array_equal(found.points, clips[0].landmarks()[0])


def test_the_choice_follows_from_the_clip_alone(tmp_path: Path) -> None:
    clips = prepared(tmp_path, {"test": {"a": 5, "b": 3}}).split("test")
    forward, backward = by_speaker(clips), by_speaker(reversed(clips))
    picks = [pick_identity(clip, forward, "other-clip").clip_id for clip in clips]
    assert picks == [pick_identity(clip, backward, "other-clip").clip_id for clip in clips]
    assert len(set(picks)) > 2


def test_the_unit_frame_and_back_is_the_identity_again(tmp_path: Path) -> None:
    clips = prepared(tmp_path, {"test": {"a": 2}}).split("test")
    found = pick_identity(clips[0], by_speaker(clips), "other-clip")
    assert found.unit[list(EYE_CORNERS)] == pytest.approx(np.array([[-0.5, 0], [0.5, 0]]), abs=1e-5)
    assert found.place(found.unit[None])[0] == pytest.approx(found.points, abs=1e-3)


def test_a_clip_that_is_too_short_to_be_divided_is_refused(tmp_path: Path) -> None:
    (clip,) = prepared(tmp_path, {"test": {"a": 1}}, frames=2).split("test")
    with pytest.raises(InputError, match="has 2 frames"):
        pick_identity(clip, by_speaker([clip]), "other-clip")


def test_an_unknown_rule_lists_the_known_ones(tmp_path: Path) -> None:
    (clip,) = prepared(tmp_path, {"test": {"a": 1}}).split("test")
    with pytest.raises(InputError, match="other-clip or frame-0"):
        pick_identity(clip, by_speaker([clip]), "frame-7")

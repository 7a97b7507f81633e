"""The streaming encoder and its network are taught."""

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from factories.inputs import face_points
from factories.model import TINY

from kfusion import assets
from kfusion.audio import read_audio
from kfusion.errors import InputError
from kfusion.landmarks import unit_frame
from kfusion.models.kfusion import KFusion
from kfusion.models.speech.streaming import StreamingConfig, StreamingEncoder
from kfusion.training.distil import Course, EncoderCourse, NetworkCourse, validate
from kfusion.training.module import MLD, SCORES
from kfusion.training.pieces import CourseConfig, Pieces, Talk

SMALL = StreamingConfig(width=16, layers=1, reach=5, expansion=1)
CONFIG = CourseConfig(piece_frames=30, batch_size=4, steps=8, warmup_steps=1, learning_rate=3e-3)
"""Pieces of 1 s."""


@pytest.fixture(scope="module")
def talks() -> list[Talk]:
    """Two recordings of one voice and a mouth that opens and closes."""
    sound = (read_audio(assets.SAMPLE_SPEECH) * 32767).astype(np.int16)
    face = unit_frame(face_points())(face_points())
    target = np.repeat(face[None], 120, axis=0).astype(np.float32)
    target[:, 55:60, 1] += 0.1 * (1 + np.sin(np.arange(120) / 3))[:, None]
    return [Talk(sound[start : start + 64_000], target) for start in (0, 30_000)]


def network_course(talks: list[Talk], **changes: Any) -> NetworkCourse:
    torch.manual_seed(0)
    config = replace(CONFIG, **changes)
    return NetworkCourse(TINY, StreamingEncoder(SMALL), Pieces(talks, talks, config), config, "cpu")


def encoder_course(talks: list[Talk], **changes: Any) -> EncoderCourse:
    return EncoderCourse(SMALL, [talk.samples for talk in talks], replace(CONFIG, **changes), "cpu")


@pytest.mark.parametrize("make", [encoder_course, network_course])
def test_a_run_that_was_broken_off_ends_as_one_that_was_not(make: Any, talks: list[Talk]) -> None:
    whole: Course = make(talks)
    assert whole.run()
    first: Course = make(talks)
    assert not first.run(max_s=0)
    again: Course = make(talks)
    again.load_state(first.state())
    assert again.step == 1
    assert again.run()
    assert again.run()  # nothing is left to do
    assert again.step == CONFIG.steps
    for ours, theirs in zip(whole.kept.parameters(), again.kept.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, atol=0, rtol=0)


def test_without_enough_to_learn_from_nothing_starts(talks: list[Talk]) -> None:
    with pytest.raises(InputError, match="no recordings of faces to learn from"):
        Pieces([], talks, CONFIG)
    with pytest.raises(InputError, match=r"100 samples of sound in all, 20016 are needed"):
        EncoderCourse(SMALL, [talks[0].samples[:100]], CONFIG, "cpu")


def test_an_encoder_comes_nearer_to_its_teacher(talks: list[Talk]) -> None:
    course = encoder_course(talks, steps=40, batch_size=8)
    course.run()
    untaught, taught = encoder_course(talks).student, course.kept
    sounds = course._pieces(8)
    with torch.no_grad():
        before, after = (float(course.error(one, sounds, sounds)) for one in (untaught, taught))  # type: ignore[arg-type]
    assert after < 0.97 * before


def test_a_network_learns_and_its_encoder_stays_as_it_was(talks: list[Talk]) -> None:
    course = network_course(talks, steps=40)
    encoder = {name: value.clone() for name, value in course.encoder.state_dict().items()}
    untaught = validate(course, talks)
    course.run()
    taught = validate(course, talks)
    assert tuple(taught) == SCORES
    assert taught[MLD] < 0.9 * untaught[MLD]
    for name, value in course.encoder.state_dict().items():
        torch.testing.assert_close(value, encoder[name], atol=0, rtol=0)


def test_a_network_for_recordings_learns_on_from_where_it_stands(talks: list[Talk]) -> None:
    torch.manual_seed(0)
    shape = replace(TINY, feature_dim=SMALL.width, live=False)
    taught, pieces = KFusion(shape), Pieces(talks, talks, replace(CONFIG, steps=40))
    before = copy.deepcopy(taught)
    course = NetworkCourse(taught, StreamingEncoder(SMALL), pieces, pieces.config, "cpu")
    assert course.student is taught
    assert not course.kept.config.live
    for ours, theirs in zip(course.kept.parameters(), before.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, atol=0, rtol=0)
    untaught = validate(course, talks)
    course.run()
    assert validate(course, talks)[MLD] < 0.9 * untaught[MLD]


def test_a_piece_holds_the_sound_of_its_frames(talks: list[Talk]) -> None:
    """A click and a wide mouth at the same instant are at the same instant of every piece that holds them."""
    samples = np.zeros(64_000, np.int16)
    samples[32_000:32_020] = 20_000
    target = talks[0].target.copy()
    target[:, 55:60, 1] = target[0, 55:60, 1]
    target[60, 55:60, 1] += 1.0
    pieces, seen = Pieces([Talk(samples, target)], [], replace(CONFIG, muted=0.0)), 0
    for number in range(32):
        piece = pieces[number]
        sound = piece.samples[8:].float().abs()
        moved = piece.target[:, 57, 1] - piece.target[:, 51, 1]
        if sound.max() > 0 and moved.max() - moved.median() > 0.5:
            seen += 1
            click_s = float(sound.argmax()) / 16_000 / float(piece.rates)
            assert abs(click_s - float(moved.argmax()) / 30) < 0.034
    assert seen > 3


def test_the_shortest_clip_still_has_a_block_that_a_network_can_look_at(talks: list[Talk]) -> None:
    short = Talk(talks[0].samples[:1600], talks[0].target[:3])
    course = network_course([short], batch_size=2, steps=2)
    lesson = next(course.lessons())
    assert lesson.frames.tolist() == [3, 3]
    assert all(torch.isfinite(term) for term in course.terms(lesson).values())


def test_a_muted_piece_has_a_closed_mouth_and_no_voice(talks: list[Talk]) -> None:
    pieces = Pieces(talks, [], replace(CONFIG, muted=1.0))
    for number in range(8):
        piece = pieces[number]
        assert piece.samples.abs().max() < 32767 * 10 ** (-45 / 20) * 6
        assert (piece.target - piece.target[:1]).abs().max() == 0

from fractions import Fraction
from math import ceil

import pytest
import torch

from kfusion.models.layers import Attention, DecoderLayer, EncoderLayer, TimeConv, hide, steps_to_frames
from kfusion.models.speech.encoder import SAMPLES_PER_STEP, frames_in, pad_to_steps, steps_in


def test_frames_are_counted_as_the_frame_rule_says() -> None:
    for count in range(40_000):
        assert frames_in(count) == ceil(Fraction(count, 16_000) * 30)


def test_steps_cover_their_frames_and_no_more() -> None:
    for frames in range(1, 2000):
        assert steps_in(frames) == ceil(Fraction(frames, 30) * 50)
        assert steps_in(frames) * 3 // 5 == frames  # how a domain finds its frames


def test_sound_is_padded_to_whole_steps_that_cover_the_last_frame() -> None:
    for count in [*range(1, 1700), *range(15_990, 17_700), 31_999, 479_999, 480_000]:
        samples = torch.ones(1, count)
        ready = pad_to_steps(samples)
        assert ready.shape[1] == steps_in(frames_in(count)) * SAMPLES_PER_STEP
        assert ready.shape[1] >= count
        assert ready.sum() == count


def test_a_frame_is_the_sound_at_its_instant_exactly() -> None:
    for frames in range(1, 201):
        steps = torch.arange(steps_in(frames), dtype=torch.float64)[None, :, None]  # the value of a step is its number
        at_frames = steps_to_frames(steps, frames)[0, :, 0]
        expected = torch.tensor([float(Fraction(frame, 30) * 50) for frame in range(frames)], dtype=torch.float64)
        torch.testing.assert_close(at_frames, expected, atol=1e-12, rtol=0)


def test_the_last_frame_needs_no_step_beyond_the_end() -> None:
    for frames in range(1, 201):
        last_instant = Fraction(frames - 1, 30) * 50
        assert ceil(last_instant) <= steps_in(frames) - 1


def test_only_the_two_steps_around_a_frame_reach_it() -> None:
    frames = 61
    for step in range(steps_in(frames)):
        impulse = torch.zeros(1, steps_in(frames), 1)
        impulse[0, step] = 1
        reached = steps_to_frames(impulse, frames)[0, :, 0].nonzero().flatten().tolist()
        assert reached == [frame for frame in range(frames) if abs(Fraction(frame, 30) * 50 - step) < 1]


@pytest.mark.parametrize("time_s", [0.0, 0.1, 0.5, 1.1, 1.9])
def test_a_click_in_the_steps_moves_the_frame_of_its_time_most(time_s: float) -> None:
    steps = torch.zeros(1, 100, 1)
    steps[0, round(time_s * 50)] = 1
    assert steps_to_frames(steps, 60)[0, :, 0].argmax() == round(30 * time_s)


def test_a_convolution_on_padding_is_that_of_the_clip_alone() -> None:
    torch.manual_seed(0)
    conv, x = TimeConv(4, 3, 3), torch.randn(2, 9, 4)
    mask = torch.arange(9) < torch.tensor([6, 9])[:, None]
    alone = conv.over_time(x[:1, :6], None)
    torch.testing.assert_close(conv.over_time(x, mask)[:1, :6], alone)
    assert (hide(x, mask)[0, 6:] == 0).all()


@pytest.mark.parametrize("kind", [EncoderLayer, DecoderLayer])
def test_a_layer_neither_mixes_clips_nor_looks_at_padding(kind: type) -> None:
    torch.manual_seed(0)
    layer = kind(16, 4, 0.1).eval()
    x, points = torch.randn(3, 10, 16), torch.randn(3, 5, 16)
    mask = torch.arange(10) < torch.tensor([4, 10, 7])[:, None]
    x[0, 4:] = 1e4

    def run(rows: list[int], length: int, mask: torch.Tensor | None) -> torch.Tensor:
        arguments = (x[rows, :length], points[rows], mask) if kind is DecoderLayer else (x[rows, :length], mask)
        return layer(*arguments)

    together = run([0, 1, 2], 10, mask)
    for row, length in enumerate((4, 10, 7)):
        torch.testing.assert_close(together[row, :length], run([row], length, None)[0], atol=1e-5, rtol=1e-5)
    other_order = run([2, 0, 1], 10, mask[[2, 0, 1]])
    torch.testing.assert_close(other_order, together[[2, 0, 1]], atol=1e-5, rtol=1e-5)


def test_attention_knows_positions_and_directions() -> None:
    torch.manual_seed(0)
    attention, x = Attention(16, 4, distance=True), torch.randn(1, 12, 16)
    order = torch.randperm(12)
    straight, shuffled = attention(x, x, None), attention(x[:, order], x[:, order], None)
    assert (shuffled - straight[:, order]).abs().max() > 1e-2
    with torch.no_grad():
        attention.slopes[:, 0] += 1  # the past fades faster than the future
    backwards = attention(x.flip(1), x.flip(1), None).flip(1)
    assert (backwards - attention(x, x, None)).abs().max() > 1e-3


def test_attention_fades_with_distance_as_its_slopes_say() -> None:
    attention = Attention(8, 2, distance=True)
    with torch.no_grad():
        attention.slopes.copy_(torch.tensor([[0.5, 0.25], [2.0, 1.0]]).log())
    bias = attention._bias(4, torch.device("cpu"))
    expected = torch.tensor([[-0.5, 0, -0.25, -0.5], [-2.0, 0, -1.0, -2.0]])
    torch.testing.assert_close(bias[:, 1], expected)
    assert bias.shape == (2, 4, 4)

"""A network for streams: a clip at once and in pieces is the same, and nothing hears too far ahead."""

from collections.abc import Sequence

import pytest
import torch
from factories.model import DIM, clip, network, padded, unit_identity
from torch import Tensor

from kfusion.bundle_format import BLOCK_SAMPLES
from kfusion.models.domains import SIGNAL_MARGINS
from kfusion.models.kfusion import KFusion
from kfusion.models.layers import REACH_BLOCKS
from kfusion.models.past import BLOCK_FRAMES, BLOCK_STEPS, Past, whole_blocks

BLOCKS = 2 * REACH_BLOCKS + 3
ABLATIONS: list[dict[str, object]] = [
    {},
    {"signal": "mel", "identity_vector": True, "residual_identity": True, "encoder_layers": 2},
    {"lstm": False, "head": "mlp"},
    {"global_domain": False},
    {"fusion": "concat"},
]


def sound(blocks: int = BLOCKS) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    return clip(blocks * BLOCK_SAMPLES, seed=3, emotion=(2, 1)).batch()


def in_pieces(net: KFusion, inputs: tuple[Tensor, Tensor, Tensor, Tensor], sizes: Sequence[int]) -> Tensor:
    """The landmarks of a sound that comes in pieces of so many blocks."""
    samples, features, identity, emotion = inputs
    before, after = SIGNAL_MARGINS
    heard = torch.nn.functional.pad(samples, (before, after))
    seen, states, frames = 0, None, []
    for size in sizes:
        past = Past(size, torch.tensor([seen]), states)
        start = seen * BLOCK_SAMPLES
        frames.append(
            net.advance(
                heard[:, start : start + before + size * BLOCK_SAMPLES + after],
                features[:, seen * BLOCK_STEPS : (seen + size) * BLOCK_STEPS],
                identity,
                emotion,
                past,
            )
        )
        seen, states = seen + size, past.kept
    return torch.cat(frames, dim=1)


@pytest.mark.parametrize("change", ABLATIONS, ids=str)
@pytest.mark.parametrize("sizes", [[1] * BLOCKS, [3, 1, 7, 2, BLOCKS - 13], [BLOCKS - 1, 1]], ids=str)
def test_a_clip_in_pieces_gives_what_the_whole_clip_gives(change: dict[str, object], sizes: list[int]) -> None:
    net, inputs = network(live=True, **change), sound()
    with torch.inference_mode():
        torch.testing.assert_close(in_pieces(net, inputs, sizes), net(*inputs), atol=1e-4, rtol=0)


@pytest.mark.parametrize("block", [1, 4, BLOCKS - 1])
def test_later_sound_changes_nothing_before_its_block(block: int) -> None:
    net, (samples, features, identity, emotion) = network(live=True, signal="mel"), sound()
    later, other = samples.clone(), features.clone()
    later[:, block * BLOCK_SAMPLES + SIGNAL_MARGINS[1] :] += 0.1
    other[:, block * BLOCK_STEPS :] += 1.0
    with torch.inference_mode():
        one, two = net(samples, features, identity, emotion), net(later, other, identity, emotion)
    changed = (one - two).abs().amax((0, 2, 3))
    assert changed[: block * BLOCK_FRAMES].max() == 0
    assert changed[block * BLOCK_FRAMES :].min() > 1e-4


def test_attention_forgets_what_is_out_of_its_reach() -> None:
    net = network(live=True, lstm=False)
    samples, features, identity, emotion = sound()
    other = features.clone()
    other[:, :BLOCK_STEPS] += 1.0
    with torch.inference_mode():
        changed = (net(samples, features, identity, emotion) - net(samples, other, identity, emotion)).abs()
    # the changed block, an encoder layer and its convolution (into one block more), a decoder layer, a convolution
    reach = (1 + REACH_BLOCKS + 1 + REACH_BLOCKS) * BLOCK_FRAMES + 2
    assert changed[:, : REACH_BLOCKS * BLOCK_FRAMES].amax() > 1e-4
    assert changed[:, reach:].amax() == 0


def test_a_clip_does_not_depend_on_its_batch_mates() -> None:
    net = network(live=True)
    clips = [clip(count, seed) for seed, count in enumerate((8_000, 20_000, 12_345))]
    with torch.inference_mode():
        together = net(*padded(clips, extra_frames=4, rubbish=9.0))
        for row, one in enumerate(clips):
            alone = net(*padded([one]))
            torch.testing.assert_close(together[row, : one.frames], alone[0], atol=1e-4, rtol=0)


def test_every_parameter_gets_a_gradient() -> None:
    net = network(live=True).train()
    net(*padded([clip(30_000, 1, (1, 1)), clip(9_000, 2, (2, 2))])).square().sum().backward()
    for name, weight in net.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.abs().sum() > 0, name


def test_a_partial_last_block_is_cut_off() -> None:
    net = network(live=True)
    samples, features, identity, emotion = clip(10_000).batch()
    with torch.inference_mode():
        assert net(samples, features, identity, emotion).shape == (1, 19, 68, 2)
    assert whole_blocks(19) == 7


def test_attention_over_blocks_sees_what_hand_counting_says() -> None:
    """Two blocks of two own tokens and one preview each, reach 1, after one block that is remembered."""
    past = Past(2, torch.tensor([5]), [torch.zeros(2, 1, 1, 2, 4)])
    keys, ahead, seen = past.attend(torch.ones(2, 1, 1, 6, 4), reach=1, ahead=1)
    assert keys.shape == (2, 1, 1, 8, 4)
    assert seen.int().tolist() == [
        [1, 1, 1, 1, 1, 0, 0, 0],
        [1, 1, 1, 1, 1, 0, 0, 0],
        [1, 1, 1, 1, 1, 0, 0, 0],
        [0, 0, 1, 1, 0, 1, 1, 1],
        [0, 0, 1, 1, 0, 1, 1, 1],
        [0, 0, 1, 1, 0, 1, 1, 1],
    ]
    assert ahead[0].tolist() == [-2, -1, 0, 1, 2, 2, 3, 4]
    assert ahead[3].tolist() == [-4, -3, -2, -1, 0, 0, 1, 2]
    (kept,) = past.kept
    assert kept.shape == (2, 1, 1, 2, 4)
    assert kept.min() == 1


def test_nothing_before_the_start_is_seen() -> None:
    past = Past(1, torch.tensor([1]), [torch.zeros(2, 1, 1, 6, 4)])
    _, _, seen = past.attend(torch.ones(2, 1, 1, 2, 4), reach=3)
    assert seen[0].int().tolist() == [0, 0, 0, 0, 1, 1, 1, 1]


def test_features_of_whole_blocks_are_taken_as_they_are() -> None:
    net, identity, emotion = network(live=True), unit_identity()[None], torch.zeros(1, 2, dtype=torch.long)
    samples, features = torch.zeros(1, 1600 + 600), torch.randn(1, 2 * BLOCK_STEPS, DIM)
    cut = features.clone()
    cut[:, 8:] = 0
    with torch.inference_mode():
        assert (net(samples, features, identity, emotion) - net(samples, cut, identity, emotion)).abs().max() > 1e-4

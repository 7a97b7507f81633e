from dataclasses import replace

import numpy as np
import pytest
import torch
from factories.inputs import face_points
from factories.model import DIM, TINY, Clip, clip, network, padded, unit_identity, whole_frames
from torch import Tensor, nn

from kfusion.emotion import EMOTIONS, INTENSITIES, emotion_index
from kfusion.errors import InputError
from kfusion.landmarks import MOUTH, Points, unit_frame
from kfusion.models import kfusion
from kfusion.models.domains import Decoder, Signal
from kfusion.models.fusion import Fusion
from kfusion.models.kfusion import KFusion
from kfusion.models.kfusion_config import FACE, LIPS, matched_mlp_width
from kfusion.models.mlp import parameters_in
from kfusion.models.speech.encoder import frames_in, steps_in

SIGNALS = ("waveform", "mel")
ABLATIONS: dict[str, dict[str, object]] = {
    "without-global": {"global_domain": False},
    "without-lstm": {"lstm": False},
    "without-kfusion": {"fusion": "concat"},
    "mlp": {"head": "mlp"},
    "without-global-and-kfusion": {"global_domain": False, "fusion": "concat"},
    "without-lstm-wide-mlp": {"lstm": False, "head": "mlp", "mlp_width": 40},
}
NETWORKS: dict[str, dict[str, object]] = {
    **{signal: {"signal": signal} for signal in SIGNALS},
    **ABLATIONS,
    "identity-vector": {"identity_vector": True},
}
SECOND = 16_000


@pytest.fixture(params=SIGNALS)
def net(request: pytest.FixtureRequest) -> KFusion:
    return network(signal=request.param)


@pytest.fixture(params=NETWORKS)
def any_net(request: pytest.FixtureRequest) -> KFusion:
    """The whole network and its ablations."""
    return network(**NETWORKS[request.param])


@torch.no_grad()
def run(net: KFusion, one: Clip) -> Tensor:
    """The landmarks of one clip, (T, 68, 2)."""
    return net(*one.batch())[0]


def content(net: KFusion, steps: Tensor, identity: Tensor) -> list[Tensor]:
    """The vector ct of the Content Domain, in a list."""
    return net.content_domain.decode(net.content_domain.encode(steps, None, None), identity, None)


def difference(a: Tensor, b: Tensor) -> float:
    return float((a - b).detach().abs().max())


# --- lengths and batches


@pytest.mark.parametrize("duration_s", [0.02, 0.1, 0.11, 0.5, 1, 2, 2.03, 7, 10])
def test_any_length_gives_a_face_for_every_frame(any_net: KFusion, duration_s: float) -> None:
    one = clip(round(duration_s * SECOND))
    landmarks = run(any_net, one)
    assert landmarks.shape == (frames_in(len(one.samples)), 68, 2)
    assert landmarks.isfinite().all()


@pytest.mark.parametrize("count", range(1, 6))
def test_any_number_of_clips_makes_a_batch(any_net: KFusion, count: int) -> None:
    clips = [clip(SECOND, seed) for seed in range(count)]
    with torch.no_grad():
        assert any_net(*padded(clips)[:4]).shape == (count, 30, 68, 2)


@pytest.mark.parametrize("extra_frames", [0, 1, 2, 31])
@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 1, 0, 2], [2], [1, 1]])
def test_a_clip_does_not_depend_on_its_batch(any_net: KFusion, order: list[int], extra_frames: int) -> None:
    clips = [clip(whole_frames(frames), frames, (frames % 9, 1)) for frames in (17, 30, 3, 44)]
    chosen = [clips[index] for index in order]
    with torch.no_grad():
        together = any_net(*padded(chosen, extra_frames, rubbish=100.0))
    for row, one in enumerate(chosen):
        alone = run(any_net, one)
        assert difference(together[row, : one.frames], alone) <= 1e-4 * max(1, alone.abs().max())  # an MLP is unbounded


def test_gradients_do_not_depend_on_padding(any_net: KFusion) -> None:
    clips = [clip(whole_frames(frames), frames) for frames in (12, 31)]

    def gradients(together: bool) -> list[Tensor]:
        any_net.zero_grad()
        batches = [padded(clips, 5, rubbish=9.0)] if together else [padded([one]) for one in clips]
        for batch in batches:
            predicted, frames = any_net(*batch), batch[4]
            mask = torch.arange(predicted.shape[1]) < frames[:, None]
            predicted[mask].square().sum().backward()
        return [weight.grad.clone() for weight in any_net.parameters()]

    for padded_gradient, wanted in zip(gradients(True), gradients(False), strict=True):
        assert (padded_gradient - wanted).norm() <= 2e-4 * wanted.norm() + 1e-6


def test_evaluation_is_deterministic_and_training_is_not() -> None:
    net, one = network(), clip(SECOND)
    assert torch.equal(run(net, one), run(net, one))
    net.train()
    assert difference(run(net, one), run(net, one)) > 1e-4


def test_every_parameter_gets_a_gradient(any_net: KFusion) -> None:
    clips = [clip(whole_frames(frames), frames, (frames % 9, frames % 4)) for frames in range(9, 18)]
    any_net(*padded(clips)).square().sum().backward()
    untouched = [name for name, weight in any_net.named_parameters() if weight.grad is None or not weight.grad.any()]
    assert untouched == []


def test_training_under_autocast_stays_finite(any_net: KFusion) -> None:
    any_net.train()
    with torch.autocast("cpu", torch.bfloat16):
        predicted = any_net(*padded([clip(whole_frames(30)), clip(whole_frames(11))]))
    predicted.float().square().mean().backward()
    assert predicted.isfinite().all()
    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in any_net.parameters())


def test_autocast_gives_nearly_the_same_landmarks() -> None:
    net, one = network(residual_identity=True), clip(SECOND)
    exact = run(net, one)
    with torch.autocast("cpu", torch.bfloat16):
        near = run(net, one)
    assert difference(near.float(), exact) < 0.1 * difference(exact, one.identity.expand_as(exact))


# --- time


def test_the_order_of_the_sound_matters(any_net: KFusion) -> None:
    """With attention alone, shuffled steps would give shuffled frames; here the very values change."""
    one = clip(whole_frames(30))
    straight = run(any_net, one)
    order = torch.randperm(10)
    shuffled = replace(one, features=one.features.unflatten(0, (10, 5))[order].flatten(0, 1))
    shuffled.samples = one.samples.unflatten(0, (10, 1600))[order].flatten()
    again = run(any_net, shuffled)
    assert difference(again, straight) > 0.05
    assert difference(again, straight.unflatten(0, (10, 3))[order].flatten(0, 1)) > 0.05


def test_time_reversed_sound_is_not_time_reversed_motion(net: KFusion) -> None:
    one = clip(whole_frames(30))
    backwards = replace(one, features=one.features.flip(0))
    backwards.samples = one.samples.flip(0)
    assert difference(run(net, backwards).flip(0), run(net, one)) > 0.05


def test_the_transformer_branches_alone_know_the_order() -> None:
    net, identity = network(), unit_identity()[None]
    x = torch.randn(1, 50, 32)
    order = torch.randperm(10)
    moved = x.unflatten(1, (10, 5))[:, order].flatten(1, 2)
    (straight,), (shuffled,) = (content(net, steps, identity) for steps in (x, moved))
    assert difference(shuffled, straight.unflatten(1, (10, 3))[:, order].flatten(1, 2)) > 0.05


@pytest.mark.parametrize("reads", ["features", "encoder"])
def test_the_content_transformer_reaches_the_lips_where_the_lstms_read_what_it_makes(reads: str) -> None:
    net, one = network(lstm_reads=reads, global_domain=False), clip(SECOND)
    seen: list[Tensor] = []
    net.mouth_lstm.register_forward_hook(lambda module, inputs, output: seen.append(output))
    run(net, one)
    nn.init.zeros_(net.content_domain.conv.weight)
    run(net, one)
    assert (difference(*seen) > 1e-3) == (reads == "encoder")


@pytest.mark.parametrize("before", [True, False])
def test_silence_around_a_clip_is_what_stands_beyond_its_ends(before: bool) -> None:
    """The log-mel of what is not there is that of silence, so that no first or last step hears a jump."""
    part, samples = network(signal="mel").signal, 0.1 * torch.randn(1, SECOND)
    silence = torch.zeros(1, SECOND)
    longer = part(torch.cat([silence, samples] if before else [samples, silence], dim=1))
    kept = longer[:, 50:] if before else longer[:, :50]
    torch.testing.assert_close(part(samples), kept, atol=1e-5, rtol=1e-5)


def test_a_frame_does_not_depend_on_where_the_clip_began_beyond_its_context() -> None:
    """The lstms start from nothing, so only roughly: the content domain's attention is relative in time."""
    net, identity = network(), unit_identity()[None]
    x = torch.randn(1, 200, 32)
    for layer in (*net.content_domain.encoder, *net.content_domain.decoders[0].layers):
        nn.init.constant_(layer.attention.slopes, 1.0)  # exp(1) a step: a short context
    (whole,), (later,) = (content(net, steps, identity) for steps in (x, x[:, 50:]))
    torch.testing.assert_close(later[:, 20:], whole[:, 50:], atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("signal", SIGNALS)
@pytest.mark.parametrize("sample", [0, 160, 8000, 8100, 12_345, 16_000, 31_680])
def test_a_click_reaches_the_signal_around_its_time_only(signal: str, sample: int) -> None:
    part = network(signal=signal).signal
    samples = 1e-3 * torch.randn(1, 2 * SECOND)
    clicked = samples.clone()
    clicked[0, sample] += 0.9
    changed = (part(clicked) - part(samples))[0].abs().amax(-1).nonzero().flatten()
    assert len(changed)
    assert (320 * changed - sample).abs().max() <= 200 + 160 * 2  # half a window and the stride's four hops
    middle = 320 * changed.float().mean()
    assert (middle - sample).abs() <= 320


@pytest.mark.parametrize("time_s", [0.2, 0.9, 1.5])
def test_a_click_in_the_features_first_moves_the_frames_of_its_time(time_s: float) -> None:
    """The LSTMs look back only, and frames between steps see the step after them."""
    net, content = network(), torch.randn(1, 100, 32)
    clicked = content.clone()
    clicked[0, round(50 * time_s)] += 5.0
    before, after = (net.face_lstm(kfusion.steps_to_frames(steps, 60))[0] for steps in (content, clicked))
    changed = (after - before).abs().amax(-1) > 1e-6
    assert changed.nonzero()[0] in (round(30 * time_s) - 1, round(30 * time_s))


@pytest.mark.parametrize("signal", SIGNALS)
@pytest.mark.parametrize("count", [320, 533, 534, 1600, 12_345, 16_000, 32_480])
def test_the_signal_has_a_step_for_every_feature(signal: str, count: int) -> None:
    assert network(signal=signal).signal(torch.randn(2, count)).shape == (2, steps_in(frames_in(count)), 32)


# --- domains


def test_the_global_domain_reads_the_signal_itself(net: KFusion) -> None:
    one = clip(SECOND)
    other = replace(one, samples=clip(SECOND, seed=1).samples)
    assert difference(run(net, one), run(net, other)) > 0.01


def test_the_content_domain_reads_the_features(any_net: KFusion) -> None:
    one = clip(SECOND)
    assert difference(run(any_net, one), run(any_net, replace(one, features=clip(SECOND, seed=1).features))) > 0.01


def test_both_domains_are_guided_by_the_identity() -> None:
    net, x = network(), torch.randn(1, 50, 32)
    for domain in (net.global_domain, net.content_domain):
        encoded = domain.encode(x, None, None)
        one, two = (domain.decode(encoded, unit_identity(seed)[None], None) for seed in (0, 1))
        assert all(difference(ours, other) > 1e-3 for ours, other in zip(one, two, strict=True))


def test_the_mouth_decoder_sees_the_mouth_alone() -> None:
    torch.manual_seed(0)
    decoder, x = Decoder(TINY, mouth=True).eval(), torch.randn(1, 30, 32)
    identity = unit_identity()[None]
    elsewhere, mouth = identity.clone(), identity.clone()
    elsewhere[:, : MOUTH.start] += 1
    mouth[:, MOUTH] += 1
    assert decoder(x, identity, None).shape == (1, 30, LIPS)
    assert torch.equal(decoder(x, elsewhere, None), decoder(x, identity, None))
    assert difference(decoder(x, mouth, None), decoder(x, identity, None)) > 1e-4


def test_every_point_of_the_identity_matters_by_name() -> None:
    torch.manual_seed(0)
    decoder, x = Decoder(TINY, mouth=False).eval(), torch.randn(1, 30, 32)
    nn.init.normal_(decoder.point_names)
    identity = unit_identity()[None]
    swapped = identity[:, torch.randperm(68)]  # the same points under other names
    assert difference(decoder(x, swapped, None), decoder(x, identity, None)) > 1e-3


def test_features_are_standardised_by_the_buffers() -> None:
    net, one = network(), clip(SECOND)
    wanted = run(net, one)
    net.feature_mean.normal_()
    net.feature_std.uniform_(0.5, 3)
    moved = replace(one, features=one.features * net.feature_std + net.feature_mean)
    torch.testing.assert_close(run(net, moved), wanted, atol=1e-4, rtol=1e-4)
    assert {"feature_mean", "feature_std"} <= set(net.state_dict())


# --- emotion


def feeling(net: KFusion) -> KFusion:
    """As after training: every label has weights of its own."""
    for weight in net.emotion.parameters():
        nn.init.normal_(weight, 1.0, 0.4)
    return net


def test_emotion_has_an_effect_on_a_clip_alone() -> None:
    net = feeling(network())
    labels = [(None, None), *((emotion, intensity) for emotion in EMOTIONS for intensity in (None, *INTENSITIES))]
    seen = [run(net, clip(SECOND, emotion=emotion_index(*label))) for label in labels]
    for row, ours in enumerate(seen):
        assert all(difference(ours, other) > 1e-3 for other in seen[:row])


def test_a_label_acts_on_its_own_clip_alone() -> None:
    net = feeling(network())

    def with_neighbours(labels: list[tuple[int, int]]) -> Tensor:
        clips = [clip(SECOND, seed, label) for seed, label in enumerate([(3, 2), *labels])]
        with torch.no_grad():
            return net(*padded(clips)[:4])

    first, second = with_neighbours([(1, 1), (8, 3)]), with_neighbours([(5, 0), (0, 0)])
    torch.testing.assert_close(first[0], second[0], atol=1e-5, rtol=1e-5)
    assert difference(first[1], second[1]) > 1e-3
    torch.testing.assert_close(run(net, clip(SECOND, 0, (3, 2))), first[0], atol=1e-5, rtol=1e-5)


def test_before_training_every_label_is_as_unknown() -> None:
    net = network()
    assert torch.equal(net.emotion(torch.tensor([[0, 0], [3, 2], [8, 3]])), torch.ones(3, DIM))
    assert torch.equal(run(net, clip(SECOND, emotion=(4, 3))), run(net, clip(SECOND)))


def test_the_emotion_weight_multiplies_the_features() -> None:
    net, one = feeling(network()), clip(SECOND, emotion=(3, 2))
    weight = net.emotion.category.weight[3] * net.emotion.intensity.weight[2]
    nn.init.ones_(net.emotion.category.weight[0].data)
    nn.init.ones_(net.emotion.intensity.weight[0].data)
    by_hand = replace(one, features=(one.features * weight).detach(), emotion=torch.tensor([0, 0]))
    torch.testing.assert_close(run(net, by_hand), run(net, one), atol=1e-4, rtol=1e-4)


# --- fusion


def fusion(seed: int = 0) -> Fusion:
    torch.manual_seed(seed)
    return Fusion(TINY).eval()


def inserted(part: Fusion, face: Tensor, lips: Tensor) -> Tensor:
    """What the KAN is given."""
    seen: list[Tensor] = []
    with part.head.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0])):
        part(face, lips, None)
    return seen[0]


def test_the_lips_come_from_the_mouth_branch_and_the_rest_from_the_face_branch() -> None:
    """Eq. 11: the 40 values of points 48-67 are inserted at L_m."""
    part, face, lips = fusion(), torch.randn(1, 9, 3 * FACE), torch.randn(1, 9, 2 * LIPS)
    values = inserted(part, face, lips).unflatten(-1, (68, 2))
    other_face = inserted(part, face + 1, lips).unflatten(-1, (68, 2))
    other_lips = inserted(part, face, lips + 1).unflatten(-1, (68, 2))
    assert torch.equal(other_face[:, :, MOUTH], values[:, :, MOUTH])
    assert (other_face[:, :, : MOUTH.start] != values[:, :, : MOUTH.start]).all()
    assert torch.equal(other_lips[:, :, : MOUTH.start], values[:, :, : MOUTH.start])
    assert (other_lips[:, :, MOUTH] != values[:, :, MOUTH]).all()
    torch.testing.assert_close(values[:, :, MOUTH].flatten(-2), part.lips(lips, None))


def test_the_residual_branch_multiplies() -> None:
    """Eq. 10 by hand: B is Conv(1)-Conv(3)-Conv(1), and its product with Conv(x)."""
    part, face, lips = fusion(), torch.randn(1, 3, 3 * FACE), torch.randn(1, 3, 2 * LIPS)
    values = inserted(part, face, lips)

    def once(conv: nn.Conv1d, x: Tensor) -> Tensor:
        return x @ conv.weight[:, :, 0].T + conv.bias

    narrow = nn.functional.gelu(once(part.face.narrow, face))
    mix = part.face.mix
    middle = nn.functional.gelu(sum(narrow[:, step] @ mix.weight[:, :, step].T for step in range(3)) + mix.bias)
    expected = once(part.face.widen, middle) * once(part.residual, face[:, 1])
    torch.testing.assert_close(values[:, 1, : 2 * MOUTH.start], expected[:, : 2 * MOUTH.start], atol=1e-5, rtol=1e-4)


def test_x_and_y_of_all_points_meet_in_the_kan() -> None:
    part = fusion()
    values = torch.randn(1, 4, FACE)
    jacobian = torch.autograd.functional.jacobian(part.head, values)[0, 2, :, 0, 2]  # (out, in) of one frame
    assert (jacobian[0::2, 1::2] != 0).all()  # x by y
    assert (jacobian[1::2, 0::2] != 0).all()
    across_time = torch.autograd.functional.jacobian(part.head, values)[0, 2, :, 0, [0, 1, 3]]
    assert not across_time.any()


@pytest.mark.parametrize("size", [1.0, 1e3, 1e8])
def test_the_kan_always_sees_its_grid(size: float) -> None:
    net, one, seen = network(), clip(SECOND), []
    for layer in net.fusion.head.layers:
        layer.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    landmarks = run(net, replace(one, features=size * one.features, samples=size * one.samples))
    assert len(seen) == 2
    assert all(x.abs().max() <= 1 for x in seen)
    assert landmarks.isfinite().all()


def test_residual_identity_adds_the_identity() -> None:
    plain, residual, one = network(), network(residual_identity=True), clip(SECOND)
    assert plain.state_dict().keys() == residual.state_dict().keys()
    expected = one.identity + kfusion.DISPLACEMENT * run(plain, one)
    torch.testing.assert_close(run(residual, one), expected)


def test_points_come_out_with_x_and_y_interleaved() -> None:
    net, one = network(), clip(SECOND)
    nn.init.zeros_(net.fusion.head.layers[-1].weight)
    hook = net.fusion.register_forward_hook(lambda *_: torch.arange(136.0).expand(1, 30, 136))
    with hook:
        landmarks = run(net, one)
    assert torch.equal(landmarks[0, 7], torch.tensor([14.0, 15.0]))


# --- ablations


def parts(net: KFusion) -> set[str]:
    return {name.partition(".")[0] for name, _ in net.named_parameters()}


def size(net: nn.Module) -> int:
    return sum(weight.numel() for weight in net.parameters())


def fusion_inputs(net: KFusion, one: Clip) -> tuple[Tensor, Tensor]:
    """x_f and x_m."""
    seen: list[Tensor] = []
    with net.fusion.register_forward_pre_hook(lambda _, inputs: seen.extend(inputs[:2])):
        run(net, one)
    return seen[0], seen[1]


def test_without_global_the_sound_is_heard_through_the_features_alone() -> None:
    net, one = network(global_domain=False), clip(SECOND)
    assert parts(network()) - parts(net) == {"signal", "global_domain"}
    assert torch.equal(run(net, one), run(net, replace(one, samples=clip(SECOND, seed=1).samples)))


def test_without_lstm_nothing_recurs() -> None:
    net = network(lstm=False)
    assert parts(network()) - parts(net) == {"face_lstm", "mouth_lstm"}
    assert not any(isinstance(part, nn.LSTM) for part in net.modules())


def test_a_branch_that_is_left_out_leaves_the_others_as_they_were() -> None:
    whole, one = network(), clip(SECOND)
    face, lips = fusion_inputs(whole, one)
    for change, kept, of_lips in (
        ({"global_domain": False}, (slice(0, FACE), slice(2 * FACE, None)), slice(0, LIPS)),
        ({"lstm": False}, (slice(FACE, None),), slice(LIPS, None)),
    ):
        net = network(**change)
        shared = net.state_dict().keys() - {name for name in net.state_dict() if name.startswith("fusion")}
        net.load_state_dict({name: whole.state_dict()[name] for name in shared}, strict=False)
        our_face, our_lips = fusion_inputs(net, one)
        torch.testing.assert_close(our_face, torch.cat([face[..., columns] for columns in kept], dim=-1))
        torch.testing.assert_close(our_lips, lips[..., of_lips])


def test_without_kfusion_one_linear_layer_makes_the_face_and_one_the_lips() -> None:
    net, one = network(fusion="concat"), clip(SECOND)
    assert parts(net) == parts(network())
    assert size(net.fusion) == 96 * (3 * FACE + 1) + LIPS * (2 * LIPS + 1)
    face, lips = fusion_inputs(net, one)
    part = net.fusion
    expected = torch.cat([face @ part.face.weight.T + part.face.bias, lips @ part.lips.weight.T + part.lips.bias], -1)
    torch.testing.assert_close(run(net, one).flatten(-2), expected[0])


def test_the_mlp_takes_the_place_of_the_kan() -> None:
    part, values = network(head="mlp", mlp_width=24).fusion.head, torch.randn(2, FACE)
    first, last = part[0], part[2]
    hidden = values @ first.weight.T + first.bias
    torch.testing.assert_close(part(values), (hidden * hidden.sigmoid()) @ last.weight.T + last.bias)
    assert size(part) == parameters_in(FACE, 24, FACE) == 24 * 273 + 136


def test_the_mlp_is_as_wide_as_the_kan_unless_told_otherwise() -> None:
    assert network(head="mlp").fusion.head[0].out_features == TINY.kan_width
    assert network(head="mlp", mlp_width=7).fusion.head[0].out_features == 7


@pytest.mark.parametrize(("kan_width", "kan_grid"), [(16, 5), (128, 5), (512, 5), (8, 3), (1, 1)])
def test_the_matched_mlp_has_nearly_as_many_parameters_as_the_kan(kan_width: int, kan_grid: int) -> None:
    config = replace(TINY, kan_width=kan_width, kan_grid=kan_grid)
    kan, width = size(KFusion(config).fusion.head), matched_mlp_width(config)

    def gap(mlp_width: int) -> int:
        return abs(size(KFusion(replace(config, head="mlp", mlp_width=mlp_width)).fusion.head) - kan)

    assert gap(width) <= gap(width + 1)
    assert width == 1 or gap(width) <= gap(width - 1)


def test_every_ablation_but_the_wide_mlp_is_smaller() -> None:
    whole = size(network())
    for name, change in ABLATIONS.items():
        assert size(network(**change)) < whole, name


def test_the_parameters_of_the_whole_network_and_its_ablations() -> None:
    """By hand: 9 functions an edge of the KAN, 4 x (inputs + hidden + 2) x hidden of an LSTM."""
    width, hidden = TINY.width, TINY.lstm_width
    lstms = 2 * 4 * hidden * (width + hidden + 2) + (hidden + 1) * (FACE + LIPS)
    narrower = TINY.bottleneck * (FACE + LIPS) + FACE * (FACE - LIPS)
    assert size(network()) - size(network(lstm=False)) == lstms + narrower
    domain = size(network().signal) + size(network().global_domain)
    assert size(network()) - size(network(global_domain=False)) == domain + narrower
    kan, mlp = 2 * FACE * TINY.kan_width * 9 + FACE + TINY.kan_width, parameters_in(FACE, TINY.kan_width, FACE)
    assert size(network()) - size(network(head="mlp")) == kan - mlp


# --- the picture


@pytest.mark.parametrize("residual", [False, True])
def test_where_the_face_stands_in_the_picture_does_not_matter(residual: bool) -> None:
    net, one = network(residual_identity=residual), clip(SECOND)
    random = np.random.default_rng(0)
    face = face_points() + random.normal(0, 2, (68, 2)).astype(np.float32)
    expected = in_the_picture(net, one, face)
    for _ in range(10):
        angle, size, shift = random.uniform(0, 2 * np.pi), random.uniform(0.2, 8), random.uniform(-2000, 2000, 2)
        turn = size * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        moved = in_the_picture(net, one, (face @ turn.T + shift).astype(np.float32))
        np.testing.assert_allclose(moved, expected @ turn.T + shift, atol=2e-2 * size)


def in_the_picture(net: KFusion, one: Clip, face: Points) -> Points:
    """As inference does: to the unit frame and back."""
    frame = unit_frame(face)
    return frame.inverse()(run(net, replace(one, identity=torch.from_numpy(frame(face)))).numpy())


# --- configuration


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"width": 30}, "width 30 is not a multiple of heads 4"),
        ({"signal": "mfcc"}, "unknown signal 'mfcc': use waveform or mel"),
        ({"dropout": 1.0}, "dropout 1.0 is not in"),
        ({"dropout": -0.1}, "dropout -0.1 is not in"),
        ({"global_domain": False, "lstm": False}, "nothing is left for the mouth"),
        ({"fusion": "sum"}, "unknown fusion 'sum': use kfusion or concat"),
        ({"head": "rnn"}, "unknown head 'rnn': use kan or mlp"),
        ({"fusion": "concat", "head": "mlp"}, "head mlp has no place in fusion concat"),
        ({"head": "mlp", "mlp_width": 0}, "mlp_width 0: use 1 or more"),
        ({"mlp_width": 9}, "mlp_width 9: use 1 or more, with head mlp"),
    ],
)
def test_a_wrong_configuration_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        replace(TINY, **change)


def test_the_configuration_sets_the_depth() -> None:
    deep = network(encoder_layers=2, decoder_layers=3, kan_grid=7)
    assert len(deep.content_domain.encoder) == 2
    assert len(deep.global_domain.decoders[1].layers) == 3
    assert deep.fusion.head.layers[0].bases == 10
    assert run(deep, clip(1600)).shape == (3, 68, 2)


def test_the_signal_of_a_quiet_clip_is_finite() -> None:
    for signal in SIGNALS:
        part = Signal(replace(TINY, signal=signal))
        assert part(torch.zeros(1, 1600)).isfinite().all()

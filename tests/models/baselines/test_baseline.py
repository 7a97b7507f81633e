"""What every baseline must do alike, and where it hears what."""

import logging
import warnings
from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
import torch
from factories.model import DIM, Clip, clip, padded, unit_identity, whole_frames
from torch import Tensor, nn

from kfusion.errors import InputError
from kfusion.landmarks import MOUTH
from kfusion.models.baselines import BASELINES, BaselineConfig, build_baseline
from kfusion.models.baselines.baseline import Baseline
from kfusion.models.baselines.sinha_2022 import FaceGraph
from kfusion.models.baselines.song_2020 import IdentityRemoval
from kfusion.models.speech.encoder import frames_in

SECOND = 16_000
EMOTIONAL = {"eskimez-2021", "sinha-2022"}
every_baseline = pytest.mark.parametrize("name", BASELINES)


def faces(count: int = 64) -> tuple[Tensor, Tensor]:
    """Identities and targets whose mouths are lower by more or less; x and y of all points vary a little."""
    random = torch.Generator().manual_seed(1)
    identity = torch.stack([unit_identity(seed) for seed in range(count)])
    target = identity + 0.01 * torch.randn(count, 68, 2, generator=random)
    target[:, MOUTH, 1] += 0.2 * torch.rand(count, 1, generator=random)
    return identity, target


def baseline(name: str, seed: int = 0) -> Baseline:
    """One fitted to made-up faces and sound, in evaluation mode."""
    torch.manual_seed(seed)
    network = build_baseline(BaselineConfig(network=name, feature_dim=DIM))
    network.fit(*faces())
    network.fit_sound(0.1 * torch.randn(4, SECOND))
    return network.eval()


def loud(name: str) -> Baseline:
    """One with weights so large that every branch shows in the output."""
    network = baseline(name)
    for weight in network.parameters():
        if weight.ndim > 1:
            nn.init.normal_(weight, std=1.5 / weight[0].numel() ** 0.5)
    return network


@torch.no_grad()
def run(network: Baseline, one: Clip) -> Tensor:
    """The landmarks of one clip, (T, 68, 2)."""
    return network(*one.batch())[0]


def total(terms: dict[str, Tensor]) -> Tensor:
    return torch.stack(list(terms.values())).sum()


def difference(a: Tensor, b: Tensor) -> float:
    return float((a - b).detach().abs().max())


# --- lengths and batches


@every_baseline
@pytest.mark.parametrize("duration_s", [0.02, 0.1, 0.5, 1, 2.37])
def test_any_length_gives_a_face_for_every_frame(name: str, duration_s: float) -> None:
    one = clip(round(duration_s * SECOND))
    landmarks = run(baseline(name), one)
    assert landmarks.shape == (frames_in(len(one.samples)), 68, 2)
    assert landmarks.isfinite().all()


@every_baseline
@pytest.mark.parametrize("extra_frames", [0, 7])
def test_a_clip_does_not_depend_on_its_batch(name: str, extra_frames: int) -> None:
    network = baseline(name)
    clips = [clip(whole_frames(frames), frames, (frames % 9, 1)) for frames in (17, 30, 3, 44)]
    samples, *others = padded(clips, extra_frames, rubbish=100.0)
    for row, one in enumerate(clips):
        samples[row, len(one.samples) :] = 0.5  # not even this is listened to
    with torch.no_grad():
        together = network(samples, *others)
    for row, one in enumerate(clips):
        torch.testing.assert_close(together[row, : one.frames], run(network, one), atol=1e-5, rtol=1e-4)


@every_baseline
def test_every_parameter_gets_a_gradient(name: str) -> None:
    network = baseline(name).train()
    clips = [clip(whole_frames(frames), frames, (frames % 9, frames % 4)) for frames in range(9, 18)]
    network(*padded(clips)).square().sum().backward()
    untouched = [name for name, weight in network.named_parameters() if weight.grad is None or not weight.grad.any()]
    assert untouched == []


@every_baseline
def test_training_under_autocast_stays_finite(name: str) -> None:
    network = baseline(name).train()
    clips = [clip(whole_frames(30)), clip(whole_frames(11))]
    with torch.autocast("cpu", torch.bfloat16):
        predicted = network(*padded(clips))
    predicted.float().square().mean().backward()
    assert predicted.isfinite().all()
    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in network.parameters())


@every_baseline
def test_evaluation_is_deterministic(name: str) -> None:
    network, one = baseline(name), clip(SECOND)
    assert torch.equal(run(network, one), run(network, one))


# --- what is heard, and when


@every_baseline
def test_the_sound_matters(name: str) -> None:
    network, one = loud(name), clip(SECOND)
    other = clip(SECOND, seed=1)
    heard = replace(one, samples=other.samples)
    read = replace(one, features=other.features)
    assert (difference(run(network, heard), run(network, one)) > 1e-4) == (not network.reads_features)
    assert (difference(run(network, read), run(network, one)) > 1e-4) == network.reads_features


@every_baseline
def test_the_motion_depends_on_the_identity(name: str) -> None:
    network, one = loud(name), clip(SECOND)
    other = replace(one, identity=unit_identity(1))
    assert difference(run(network, other) - other.identity, run(network, one) - one.identity) > 1e-5


@every_baseline
def test_the_label_matters_where_the_source_has_one(name: str) -> None:
    network = loud(name)
    labels = [(0, 0), (1, 1), (8, 3)]
    outputs = [run(network, clip(SECOND, emotion=label)) for label in labels]
    assert network.reads_emotion == (name in EMOTIONAL)
    for other in outputs[1:]:
        assert (difference(other, outputs[0]) > 1e-4) == network.reads_emotion


@pytest.mark.parametrize(
    ("name", "ahead_s"),
    [
        ("atvgnet", 0.18),
        ("makeittalk", 0.272),
        ("evp", 0.18),
        ("eskimez-2018", (1 + 4) / 30 + 0.01),
        ("eskimez-2021", 17 * 0.008 + 0.043),
        ("mead-baseline", (14 + 2) / 30),
        ("song-2020", 0.143),
    ],
)
def test_a_click_first_moves_the_frame_that_hears_so_far_ahead(name: str, ahead_s: float) -> None:
    network, click_s = loud(name), 1.2
    one = clip(2 * SECOND)
    one.samples *= 0.01
    clicked = replace(one, samples=one.samples.clone())
    clicked.samples[round(click_s * SECOND)] += 0.9
    moved = (run(network, clicked) - run(network, one)).abs().amax((1, 2)).nonzero().flatten()
    assert moved[0].item() == pytest.approx(30 * (click_s - ahead_s - 0.006), abs=1)


def test_temporal_convolutions_hear_half_a_second_to_either_side() -> None:
    network, one = loud("temporal-conv"), clip(4 * SECOND)
    changed = replace(one, features=one.features.clone())
    changed.features[100] += 5.0
    moved = (run(network, changed) - run(network, one)).abs().amax((1, 2)).nonzero().flatten()
    assert (moved[0].item(), moved[-1].item()) == (60 - 15, 60 + 15)


def test_attention_looks_at_the_whole_clip() -> None:
    network, one = loud("speech-sync-net"), clip(2 * SECOND)
    later = replace(one, samples=one.samples.clone())
    later.samples[-1600:] = 0
    assert difference(run(network, later)[:10], run(network, one)[:10]) > 0


def test_the_mead_baseline_holds_all_but_the_mouth() -> None:
    one = clip(SECOND)
    landmarks = run(loud("mead-baseline"), one)
    assert torch.equal(landmarks[:, : MOUTH.start], one.identity[: MOUTH.start].expand(30, -1, -1))
    assert difference(landmarks[:, MOUTH], one.identity[MOUTH].expand(30, -1, -1)) > 1e-3


@pytest.mark.parametrize(("name", "count"), [("atvgnet", 6), ("evp", 16), ("song-2020", 32)])
def test_the_face_moves_along_the_components(name: str, count: int) -> None:
    network, one = loud(name), clip(2 * SECOND)
    motion = (run(network, one) - one.identity).flatten(1)
    outside = motion - network.pca.mean
    outside = outside - outside @ network.pca.components.T @ network.pca.components
    assert network.pca.components.shape == (count, 136)
    assert outside.abs().max() < 1e-5
    identity, target = faces()
    torch.testing.assert_close(network.pca.mean, (target - identity).mean(0).flatten(), atol=1e-6, rtol=1e-4)
    torch.testing.assert_close(network.identity_pca.mean, identity.mean(0).flatten(), atol=1e-6, rtol=1e-4)


def test_the_output_lstm_spans_the_largest_displacement() -> None:
    identity, target = faces()
    network, one = loud("eskimez-2018"), clip(SECOND)
    torch.testing.assert_close(network.spread, (target - identity).abs().amax(0).clamp(min=1e-3))
    assert ((run(network, one) - one.identity).abs() <= network.spread + 1e-6).all()


# --- training


@every_baseline
def test_a_few_steps_do_better_than_a_still_face(name: str) -> None:
    """The mouth falls as the sound swells, around its place in the identity: no still face costs less than that."""
    network = baseline(name).train()
    clips = [clip(whole_frames(15), seed, (1 + seed, 1)) for seed in range(4)]
    level = torch.linspace(0.01, 1, 15)
    for one in clips:
        one.samples *= level.repeat_interleave(534)[: len(one.samples)]
        one.features += 5 * level.repeat_interleave(2)[: len(one.features), None]
    batch = padded(clips)
    target = batch[2][:, None].repeat(1, 15, 1, 1)
    still, mask = target.clone(), torch.ones(4, 15, dtype=torch.bool)
    target[:, :, MOUTH, 1] += torch.linspace(-0.1, 0.1, 15)[:, None]
    optimiser, losses = torch.optim.Adam(network.parameters(), 3e-3), []
    for _ in range(40):
        optimiser.zero_grad()
        loss = total(network.loss(network(*batch), target, mask))
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert np.mean(losses[-3:]) < 0.8 * total(network.loss(still, target, mask)).item()


@every_baseline
def test_a_saved_network_is_the_same_when_loaded(name: str) -> None:
    network, one = baseline(name), clip(SECOND)
    again = build_baseline(BaselineConfig(network=name, feature_dim=DIM)).eval()
    assert difference(run(again, one), run(network, one)) > 1e-5
    again.load_state_dict(network.state_dict())
    assert torch.equal(run(again, one), run(network, one))


@every_baseline
def test_fitting_leaves_the_weights_alone(name: str) -> None:
    torch.manual_seed(0)
    untouched = build_baseline(BaselineConfig(network=name, feature_dim=DIM))
    for ours, theirs in zip(baseline(name).parameters(), untouched.parameters(), strict=True):
        assert torch.equal(ours, theirs)


@every_baseline
def test_post_processing_keeps_the_shape(name: str) -> None:
    for frames in (1, 3, 30):
        points = np.random.default_rng(0).normal(size=(frames, 68, 2)).astype(np.float32)
        assert baseline(name).smooth(points).shape == points.shape


# --- configuration


def test_an_unknown_network_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="unknown network 'wav2lip': use atvgnet, makeittalk, evp, "):
        BaselineConfig(network="wav2lip")
    with pytest.raises(InputError, match="feature_dim 0"):
        BaselineConfig(network="temporal-conv", feature_dim=0)


@every_baseline
def test_a_network_carries_its_configuration_and_says_what_it_follows(name: str) -> None:
    config = BaselineConfig(network=name)
    network = build_baseline(config)
    assert type(network) is BASELINES[name]
    assert network.config == config
    assert network.own_loss == (name != "temporal-conv")
    assert "Departs from the source:" in (type(network).__doc__ or "") or name == "temporal-conv"


# --- export


class FromSamples(nn.Module):
    """Features made of the samples, as an encoder would."""

    def __init__(self, network: Baseline) -> None:
        super().__init__()
        self.network = network
        self.matrix = nn.Parameter(torch.randn(320, DIM))

    def forward(self, samples: Tensor, identity: Tensor, emotion: Tensor) -> Tensor:
        steps = (frames_in(samples.shape[1]) * 5 + 2) // 3
        features = torch.tanh(nn.functional.pad(samples, (0, 960))[:, : 320 * steps].unflatten(1, (-1, 320)))
        return self.network(samples, features @ self.matrix, identity, emotion)


def inputs(count: int) -> tuple[Tensor, Tensor, Tensor]:
    one = clip(count, count)
    return one.samples[None], one.identity[None], one.emotion[None]


def test_the_temporal_convolutions_export_at_any_length() -> None:
    whole = FromSamples(baseline("temporal-conv")).eval().requires_grad_(False)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            whole,
            inputs(2 * SECOND),
            dynamo=True,
            verbose=False,
            input_names=["samples", "identity", "emotion"],
            dynamic_shapes=({1: torch.export.Dim("samples", min=1600, max=30 * SECOND)}, None, None),
            opset_version=20,
        )
    assert program is not None
    session = onnxruntime.InferenceSession(program.model_proto.SerializeToString(), providers=["CPUExecutionProvider"])
    wanted = {node.name for node in session.get_inputs()}
    for count in (1600, 12_345, 70_001):
        given = dict(zip(("samples", "identity", "emotion"), inputs(count), strict=True))
        (ours,) = session.run(None, {name: value.numpy() for name, value in given.items() if name in wanted})
        np.testing.assert_allclose(ours, whole(*inputs(count)).numpy(), atol=1e-5)


def test_a_voice_is_taken_out_by_a_mixture_of_bases() -> None:
    removal = IdentityRemoval()
    windows = torch.randn(2, 3, 28, 12)
    with torch.no_grad():
        removal.voice.weight.zero_()
        removal.voice.bias.copy_(torch.tensor([50.0] + [0.0] * 7))
    turned = removal(windows)
    torch.testing.assert_close(turned, windows @ (torch.eye(12) + removal.bases[0]).T, atol=1e-5, rtol=1e-4)


def test_the_graph_of_a_face_is_one_piece_and_symmetric() -> None:
    adjacency = FaceGraph()().detach()
    torch.testing.assert_close(adjacency, adjacency.T)
    assert (torch.linalg.matrix_power(adjacency, 67) > 0).all()
    assert 2 * 68 < int((adjacency > 0).sum()) < 6 * 68
    assert torch.linalg.eigvalsh(adjacency).abs().max() == pytest.approx(1, abs=1e-5)


def test_the_intensity_moves_the_graph_too() -> None:
    network = loud("sinha-2022")
    outputs = [run(network, clip(SECOND, emotion=label)) for label in [(1, 1), (1, 3)]]
    assert difference(*outputs) > 1e-4

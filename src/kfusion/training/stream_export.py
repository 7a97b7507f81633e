"""A network for streams and its speech encoder to one ONNX bundle that runs block by block."""

import copy
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor, nn

from kfusion.bundle_format import BLOCK_SAMPLES, STREAM_INPUTS, STREAM_KIND
from kfusion.errors import InputError
from kfusion.models.domains import SIGNAL_MARGINS
from kfusion.models.kfusion import KFusion
from kfusion.models.past import BLOCK_FRAMES, Past
from kfusion.models.speech import STREAMING, load_speech_encoder
from kfusion.models.speech.streaming import StreamingEncoder
from kfusion.models.speech.streaming_whisper import (
    LOOK_AHEAD_SAMPLES,
    SAMPLES_BEFORE,
    WINDOW_SAMPLES,
    StreamingWhisperEncoder,
)
from kfusion.training.bundle_export import check_difference, check_wish, swap_lstms, tidy, to_onnx, write_bundle

_CHECKED_BLOCKS = 25
"""More than attention reaches back."""
_LSTM_WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


StreamEncoder = StreamingWhisperEncoder | StreamingEncoder


class StreamStep(nn.Module):
    """The next 100 ms of a voice to three frames: what a stream bundle computes."""

    def __init__(self, encoder: StreamEncoder, network: KFusion) -> None:
        super().__init__()
        self.encoder = encoder
        self.network = network
        self.eval().requires_grad_(False)

    def forward(
        self,
        samples: Float[Tensor, "1 heard"],
        identity: Float[Tensor, "1 68 2"],
        emotion: Int[Tensor, "1 2"],
        seen: Int[Tensor, " 1"],
        states: Sequence[Tensor] | None,
    ) -> tuple[Tensor, ...]:
        """Landmarks (1, 3, 68, 2) in the identity's unit frame, then the states for the block that follows.

        Args:
            samples: from 520 before the block to 840 after it.
            identity: landmarks in their own unit frame.
            emotion: indices of category and intensity.
            seen: how many blocks came before.
            states: what the block before gave; None or zeros at the start.
        """
        past = Past(1, seen, states)
        features = self.encoder.advance(samples[:, None], past)
        before, after = SIGNAL_MARGINS
        first = SAMPLES_BEFORE - before
        heard = samples[:, first : first + before + BLOCK_SAMPLES + after]
        return self.network.advance(heard, features, identity, emotion, past), *past.kept

    def first_states(self) -> list[Tensor]:
        """Zeros in the shapes of the states."""
        _, *kept = self(
            torch.zeros(1, WINDOW_SAMPLES), torch.zeros(1, 68, 2), torch.zeros(1, 2).long(), _count(0), None
        )
        return [torch.zeros_like(state) for state in kept]


class UnrolledLSTM(nn.Module):
    """An `nn.LSTM` of one layer step by step, for the few frames of a block."""

    def __init__(self, lstm: nn.LSTM) -> None:
        super().__init__()
        weight_in, weight_again, *biases = (lstm.get_parameter(f"{name}_l0").detach() for name in _LSTM_WEIGHTS)
        self.register_buffer("weight_in", weight_in.T)
        self.register_buffer("weight_again", weight_again.T)
        self.register_buffer("bias", torch.stack(biases).sum(0))

    def forward(
        self, x: Float[Tensor, "1 time width"], state: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """The hidden states (1, time, hidden), and the last hidden and cell state (1, 1, hidden)."""
        h, c = state
        driven = x @ self.get_buffer("weight_in") + self.get_buffer("bias")
        again, hidden = self.get_buffer("weight_again"), []
        for frame in driven.unbind(1):
            i, f, g, o = (frame[:, None] + h @ again).chunk(4, dim=-1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            hidden.append(h)
        return torch.cat(hidden, dim=1), (h, c)


def export_stream_bundle(
    network: KFusion, path: Path, *, model_id: str, emotions: list[str], precision: str = "float32"
) -> None:
    """Write a network whose configuration is `live` as one `.onnx` file, large weights stored as float16.

    Args:
        network: the trained network.
        path: where the bundle is written.
        model_id: the name results carry.
        emotions: the emotions of the training data; empty if it had no labels.
        precision: of the arithmetic, `float32` or `int8`, as in `export_bundle`.

    Raises:
        InputError: its speech encoder is none for streams, the bundle does not agree with the network, or the
            precision is unknown.
    """
    check_wish(path, precision)
    encoder = load_speech_encoder(network.config.speech_encoder)
    if not isinstance(encoder, StreamEncoder):
        raise InputError(
            f"speech encoder '{encoder.name}' hears whole recordings: train with --speech-encoder {STREAMING}"
        )
    step = StreamStep(encoder, copy.deepcopy(network))
    properties = {
        "kind": STREAM_KIND,
        "model_id": model_id,
        "samples_before": str(SAMPLES_BEFORE),
        "look_ahead_samples": str(LOOK_AHEAD_SAMPLES),
        "emotions": ",".join(emotions),
    }
    write_bundle(path, stream_to_onnx(step), properties, precision, lambda part: _check(part, step, precision))


def stream_to_onnx(step: StreamStep) -> onnx.ModelProto:
    """One block as a graph: states come in as `past_0` ... and go out as `kept_0` ..."""
    states = step.first_states()
    names = [f"past_{number}" for number in range(len(states))]
    unrolled = StreamStep(step.encoder, copy.deepcopy(step.network))
    swap_lstms(unrolled.network, UnrolledLSTM)
    example = (
        torch.zeros(1, WINDOW_SAMPLES),
        torch.zeros(1, 68, 2),
        torch.zeros(1, 2, dtype=torch.long),
        _count(0),
        states,
    )
    kept = [name.replace("past", "kept") for name in names]
    model = to_onnx(unrolled, example, [*STREAM_INPUTS, *names], ["landmarks", *kept])
    tidy(model)
    return model


def _check(bundle: Path, step: StreamStep, precision: str) -> None:
    """Hold the bundle, block by block, against the network on the whole clip."""
    random = torch.Generator().manual_seed(0)
    samples = 0.1 * torch.randn(1, _CHECKED_BLOCKS * BLOCK_SAMPLES, generator=random)
    identity, emotion = torch.randn(1, 68, 2, generator=random), torch.tensor([[1, 2]])
    with torch.inference_mode():
        whole = step.network(samples, step.encoder(samples), identity, emotion).numpy()
    ours = _run(bundle, samples.numpy(), identity.numpy(), emotion.numpy())
    check_difference(ours, whole, precision, f"in {_CHECKED_BLOCKS} blocks")


def _run(bundle: Path, samples: NDArray[np.float32], *rest: NDArray[np.generic]) -> NDArray[np.float32]:
    session = onnxruntime.InferenceSession(str(bundle), providers=["CPUExecutionProvider"])
    ports = session.get_inputs()[4:]
    states, frames = [np.zeros(port.shape, np.float32) for port in ports], []
    padded = np.pad(samples, ((0, 0), (SAMPLES_BEFORE, WINDOW_SAMPLES)))
    for number in range(samples.shape[1] // BLOCK_SAMPLES):
        window = padded[:, number * BLOCK_SAMPLES :][:, :WINDOW_SAMPLES]
        feed = dict(zip(STREAM_INPUTS, [window, *rest, np.array([number])], strict=True))
        points, *states = session.run(None, feed | {port.name: s for port, s in zip(ports, states, strict=True)})
        frames.append(points)
    assert frames[0].shape[1] == BLOCK_FRAMES
    return np.concatenate(frames, axis=1)


def _count(number: int) -> Tensor:
    return torch.tensor([number])

"""A live bundle: block by block in onnxruntime, the whole clip in PyTorch."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from model_factories import network, unit_identity
from torch import nn

import kfusion
from kfusion import assets
from kfusion.audio import read_audio
from kfusion.errors import InputError
from kfusion.models.speech import load_speech_encoder
from kfusion.training.export_live import UnrolledLSTM, export_live_bundle


def test_an_unrolled_lstm_is_the_lstm() -> None:
    torch.manual_seed(0)
    lstm, x, state = nn.LSTM(6, 4, batch_first=True), torch.randn(1, 3, 6), (torch.randn(1, 1, 4), torch.randn(1, 1, 4))
    with torch.inference_mode():
        ours, theirs = UnrolledLSTM(lstm)(x, state), lstm(x, state)
    torch.testing.assert_close(ours, theirs)


@pytest.mark.slow
@pytest.mark.parametrize(
    "shape",
    [
        {"speech_encoder": "whisper-tiny.en-live", "feature_dim": 768, "signal": "mel"},
        {"speech_encoder": "streaming", "feature_dim": 256, "global_domain": False},
    ],
)
def test_a_stream_gives_what_the_network_gives_on_the_whole_clip(tmp_path: Path, shape: dict[str, Any]) -> None:
    net = network(live=True, residual_identity=True, **shape)
    export_live_bundle(net, tmp_path / "live.onnx", model_id="small", emotions=["happy"])
    model = kfusion.load(tmp_path / "live.onnx", threads=1)
    samples, identity = read_audio(assets.SAMPLE_SPEECH)[:45_678], unit_identity().numpy()
    stream = model.stream(identity)
    pieces = [stream.push(part) for part in np.array_split(samples, 37)]
    ours = np.concatenate([piece.points for piece in [*pieces, stream.flush()]])
    encoder, sound = load_speech_encoder(shape["speech_encoder"]), torch.from_numpy(samples)[None]
    with torch.inference_mode():
        theirs = net(sound, encoder.encode(sound), torch.from_numpy(identity)[None], torch.zeros(1, 2).long())[0]
    assert (model.card.model_id, model.card.emotions) == ("small", ("happy",))
    assert ours.shape == theirs.shape == (86, 68, 2)
    np.testing.assert_allclose(ours, theirs, atol=5e-3)  # weights are kept as float16


def test_a_network_on_another_speech_encoder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"hears whole recordings: train with --speech-encoder streaming"):
        export_live_bundle(network(live=True), tmp_path / "live.onnx", model_id="small", emotions=[])
    assert not list(tmp_path.iterdir())

"""A stream bundle: block by block in onnxruntime, the whole clip in PyTorch."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from factories.model import network, unit_identity
from onnx import helper
from torch import nn

import kfusion
from kfusion import assets
from kfusion.audio import read_audio
from kfusion.errors import InputError
from kfusion.inference.identity import Identity
from kfusion.models.kfusion import KFusion
from kfusion.models.speech import load_speech_encoder
from kfusion.training import bundle_export, stream_export
from kfusion.training.stream_export import UnrolledLSTM, export_stream_bundle


def test_an_unrolled_lstm_is_the_lstm() -> None:
    torch.manual_seed(0)
    lstm, x, state = nn.LSTM(6, 4, batch_first=True), torch.randn(1, 3, 6), (torch.randn(1, 1, 4), torch.randn(1, 1, 4))
    with torch.inference_mode():
        ours, theirs = UnrolledLSTM(lstm)(x, state), lstm(x, state)
    torch.testing.assert_close(ours, theirs)


SHAPES: dict[str, dict[str, Any]] = {
    "whisper": {"speech_encoder": "whisper-tiny.en-live", "feature_dim": 768, "signal": "mel"},
    "streaming": {"speech_encoder": "streaming", "feature_dim": 256, "global_domain": False},
}


def stream_network(name: str) -> KFusion:
    return network(live=True, residual_identity=True, **SHAPES[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 5e-3), ("int8", 5e-2)])
def test_a_stream_gives_what_the_network_gives_on_the_whole_clip(
    tmp_path: Path, name: str, precision: str, tolerance: float
) -> None:
    net = stream_network(name)
    export_stream_bundle(net, tmp_path / "stream.onnx", model_id="small", emotions=["happy"], precision=precision)
    model = kfusion.load(tmp_path / "stream.onnx", threads=1)
    samples, identity = read_audio(assets.SAMPLE_SPEECH)[:45_678], unit_identity().numpy()
    stream = model.stream(Identity(points=identity, coordinates="unit"))
    pieces = [stream.push(part) for part in np.array_split(samples, 37)]
    ours = np.concatenate([piece.points for piece in [*pieces, stream.flush()]])
    encoder, sound = load_speech_encoder(SHAPES[name]["speech_encoder"]), torch.from_numpy(samples)[None]
    with torch.inference_mode():
        theirs = net(sound, encoder.encode(sound), torch.from_numpy(identity)[None], torch.zeros(1, 2).long())[0]
    card = model.card
    assert (card.model_id, card.emotions, card.precision) == ("small", ("happy",), precision)
    assert ours.shape == theirs.shape == (86, 68, 2)
    np.testing.assert_allclose(ours, theirs, atol=tolerance)  # weights are kept as float16


@pytest.mark.parametrize("precision", bundle_export.PRECISIONS)
def test_nothing_has_the_final_name_before_it_has_the_precision_and_was_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precision: str
) -> None:
    """Until the check everything lies in the hidden folder, and an interrupt there leaves nothing."""
    small = helper.make_model(helper.make_graph([], "nothing", [], []))
    monkeypatch.setattr(stream_export, "stream_to_onnx", lambda _: small)

    def interrupted(part: Path, _: object, asked: str) -> None:
        saved = {entry.key: entry.value for entry in onnx.load(part).metadata_props}
        assert asked == saved["precision"] == precision
        raise KeyboardInterrupt

    monkeypatch.setattr(stream_export, "_check", interrupted)
    with pytest.raises(KeyboardInterrupt):
        export_stream_bundle(
            stream_network("streaming"), tmp_path / "stream.onnx", model_id="m", emotions=[], precision=precision
        )
    assert not list(tmp_path.iterdir())


def test_a_network_on_another_speech_encoder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"hears whole recordings: train with --speech-encoder streaming"):
        export_stream_bundle(network(live=True), tmp_path / "stream.onnx", model_id="small", emotions=[])
    assert not list(tmp_path.iterdir())

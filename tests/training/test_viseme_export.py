import numpy as np
import torch

from kfusion.inference.session import Session
from kfusion.models.past import Past
from kfusion.models.speech.streaming import StreamingConfig, StreamingEncoder
from kfusion.models.speech.streaming_whisper import block_windows
from kfusion.models.viseme_network import VisemeHead, VisemeNetwork
from kfusion.motion.viseme_bundle import VisemeBundle, VisemeRun
from kfusion.training.viseme_export import export_viseme_bundle


def test_the_bundle_runs_a_stream_as_the_network_hears_the_whole(tmp_path):
    torch.manual_seed(0)
    network = VisemeNetwork(StreamingEncoder(StreamingConfig(width=16, layers=1, reach=5)), VisemeHead(16))
    export_viseme_bundle(network, tmp_path / "visemes.onnx", model_id="small")
    session = Session(tmp_path / "visemes.onnx")
    assert (session.metadata["kind"], session.metadata["model_id"]) == ("visemes", "small")
    samples = 0.1 * torch.randn(1, 8000)
    windows = block_windows(samples)
    past = Past(windows.shape[1])
    whole = network.head(network.encoder.advance(windows, past), past).softmax(-1)[0]
    steps = VisemeRun(VisemeBundle(session))(np.pad(samples[0].numpy(), (0, 1600)))
    np.testing.assert_allclose(steps[:25], whole[:25], atol=2e-3)

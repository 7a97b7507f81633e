import torch

from kfusion.models.past import Past
from kfusion.models.speech.streaming import StreamingConfig, StreamingEncoder
from kfusion.models.speech.streaming_whisper import block_windows
from kfusion.models.viseme_network import VISEME_COUNT, VisemeHead, VisemeNetwork


def test_blocks_one_by_one_say_what_the_whole_sound_says():
    torch.manual_seed(0)
    encoder = StreamingEncoder(StreamingConfig(width=16, layers=2, reach=7))
    network = VisemeNetwork(encoder, VisemeHead(16))
    samples = 0.1 * torch.randn(1, 16_000)
    windows, states, steps = block_windows(samples), None, []
    for window in windows.unbind(1):
        found, *states = network(window, states)
        steps.append(found)
    past = Past(windows.shape[1])
    whole = network.head(encoder.advance(windows, past), past).softmax(-1)
    torch.testing.assert_close(torch.cat(steps, 1), whole)
    torch.testing.assert_close(whole.sum(-1), torch.ones(1, 50))


def test_every_weight_of_the_head_learns():
    torch.manual_seed(0)
    head = VisemeHead(16)
    head(torch.randn(2, 50, 16), Past(10)).square().mean().backward()
    assert all(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in head.parameters())
    assert head(torch.randn(2, 50, 16), Past(10)).shape == (2, 50, VISEME_COUNT)

"""Whisper's encoder on a streamed voice."""

import pytest
import torch
from torch import Tensor

from kfusion import assets
from kfusion.audio import read_audio
from kfusion.bundle_format import BLOCK_SAMPLES
from kfusion.models.past import BLOCK_STEPS, Past
from kfusion.models.speech import load_speech_encoder
from kfusion.models.speech.streaming_whisper import (
    ENCODER_REACH_BLOCKS,
    LOOK_AHEAD_SAMPLES,
    SAMPLES_BEFORE,
    WINDOW_SAMPLES,
    StreamingWhisperEncoder,
)

BLOCKS = ENCODER_REACH_BLOCKS + 5


@pytest.fixture(scope="module")
def encoder() -> StreamingWhisperEncoder:
    found = load_speech_encoder("whisper-tiny.en-live")
    assert isinstance(found, StreamingWhisperEncoder)
    return found


@pytest.fixture(scope="module")
def speech() -> Tensor:
    return torch.from_numpy(read_audio(assets.SAMPLE_SPEECH))[None, : BLOCKS * BLOCK_SAMPLES]


def test_blocks_one_by_one_give_what_all_at_once_give(encoder: StreamingWhisperEncoder, speech: Tensor) -> None:
    heard = torch.nn.functional.pad(speech, (SAMPLES_BEFORE, WINDOW_SAMPLES))
    states, steps = None, []
    with torch.inference_mode():
        for block in range(BLOCKS):
            past = Past(1, torch.tensor([block]), states)
            window = heard[:, block * BLOCK_SAMPLES :][:, :WINDOW_SAMPLES]
            steps.append(encoder.advance(window[:, None], past, 7))
            states = past.kept
    torch.testing.assert_close(torch.cat(steps, dim=1), encoder.encode(speech, 7), atol=2e-4, rtol=0)


@pytest.mark.parametrize("block", [0, 3, BLOCKS - 2])
def test_a_block_hears_what_its_window_holds_and_no_more(
    encoder: StreamingWhisperEncoder, speech: Tensor, block: int
) -> None:
    end = block * BLOCK_SAMPLES + LOOK_AHEAD_SAMPLES
    cut = speech.clone()
    cut[:, end:] = 0
    before, after = encoder.encode(speech), encoder.encode(cut)
    changed = (before - after).abs().amax((0, 2))
    heard = (block + 1) * BLOCK_STEPS
    assert changed[:heard].max() == 0
    assert changed[heard:].max() > 0.1


def test_the_look_ahead_is_152_5_ms() -> None:
    assert LOOK_AHEAD_SAMPLES / 16_000 == 0.1525
    assert SAMPLES_BEFORE == 520


@pytest.mark.parametrize("count", [1600, 5000, 16_001])
def test_there_are_five_steps_for_every_block(encoder: StreamingWhisperEncoder, count: int) -> None:
    assert encoder.encode(torch.zeros(2, count)).shape == (2, -(-count // BLOCK_SAMPLES) * BLOCK_STEPS, 768)


def test_the_features_are_near_those_of_the_whole_recording(encoder: StreamingWhisperEncoder, speech: Tensor) -> None:
    whole = load_speech_encoder("whisper-tiny.en").encode(speech)[0]
    streamed = encoder.encode(speech)[0]
    for layer in (slice(0, 384), slice(384, 768)):
        a, b = whole[:, layer] - whole[:, layer].mean(0), streamed[:, layer] - streamed[:, layer].mean(0)
        assert torch.nn.functional.cosine_similarity(a, b, dim=-1).mean() > 0.7


def test_the_loudest_bin_is_forgotten(encoder: StreamingWhisperEncoder) -> None:
    """A bang raises the floor under what follows it for a while, not for ever."""
    quiet = 1e-5 * torch.randn(1, 60 * BLOCK_SAMPLES, generator=torch.Generator().manual_seed(0))
    bang = quiet.clone()
    bang[:, :400] += 0.9
    one, two = (encoder.encode(sound)[0] for sound in (quiet, bang))
    apart = (one - two).abs().amax(1)
    assert apart[5:15].max() > 0.1
    assert apart[-25:].max() < 0.1 * apart[5:15].max()

"""The speech encoder made for streams."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from kfusion import assets
from kfusion.audio import read_audio
from kfusion.bundle_format import BLOCK_SAMPLES
from kfusion.errors import MissingWeightsError
from kfusion.models.past import BLOCK_STEPS, Past
from kfusion.models.speech import load_speech_encoder
from kfusion.models.speech.streaming import PACKAGED, StreamingConfig, StreamingEncoder
from kfusion.models.speech.streaming_whisper import LOOK_AHEAD_SAMPLES, SAMPLES_BEFORE, WINDOW_SAMPLES

BLOCKS = 30


@pytest.fixture(scope="module")
def encoder() -> StreamingEncoder:
    found = load_speech_encoder("streaming")
    assert isinstance(found, StreamingEncoder)
    return found


@pytest.fixture(scope="module")
def speech() -> Tensor:
    return torch.from_numpy(read_audio(assets.SAMPLE_SPEECH))[None, : BLOCKS * BLOCK_SAMPLES]


@pytest.mark.parametrize("size", [1, 7])
def test_pieces_of_blocks_give_what_all_blocks_at_once_give(
    encoder: StreamingEncoder, speech: Tensor, size: int
) -> None:
    heard = torch.nn.functional.pad(speech, (SAMPLES_BEFORE, WINDOW_SAMPLES))
    windows = heard.unfold(1, WINDOW_SAMPLES, BLOCK_SAMPLES)[:, :BLOCKS]
    states, steps = None, []
    with torch.inference_mode():
        for piece in windows.split(size, dim=1):
            past = Past(piece.shape[1], None, states)
            steps.append(encoder.advance(piece, past))
            states = past.kept
    torch.testing.assert_close(torch.cat(steps, dim=1), encoder.encode(speech), atol=1e-4, rtol=0)


@pytest.mark.parametrize("block", [0, 3, BLOCKS - 2])
def test_a_block_hears_what_its_window_holds_and_no_more(encoder: StreamingEncoder, speech: Tensor, block: int) -> None:
    end = block * BLOCK_SAMPLES + LOOK_AHEAD_SAMPLES
    cut = speech.clone()
    cut[:, end:] = 0.1
    before, after = encoder.encode(speech), encoder.encode(cut)
    changed = (before - after).abs().amax((0, 2))
    heard = (block + 1) * BLOCK_STEPS
    assert changed[:heard].max() == 0
    assert changed[heard:].max() > 0.1


def test_a_block_hears_all_of_its_window_up_to_the_end(encoder: StreamingEncoder, speech: Tensor) -> None:
    cut = speech.clone()
    cut[:, LOOK_AHEAD_SAMPLES - 100 :] = 0.1
    assert (encoder.encode(speech) - encoder.encode(cut))[:, :BLOCK_STEPS].abs().max() > 1e-3


def test_what_is_remembered_ends(encoder: StreamingEncoder, speech: Tensor) -> None:
    reach = encoder.config.layers * encoder.config.reach // BLOCK_STEPS
    other = speech.clone()
    other[:, :BLOCK_SAMPLES] = 0
    changed = (encoder.encode(speech) - encoder.encode(other)).abs().amax((0, 2))
    assert changed[: BLOCK_STEPS * 5].max() > 1e-3
    assert changed[BLOCK_STEPS * (reach + 1) :].max() == 0


@pytest.mark.parametrize("count", [1600, 5000, 16_001])
def test_there_are_five_steps_for_every_block(encoder: StreamingEncoder, count: int) -> None:
    assert encoder.encode(torch.zeros(2, count)).shape == (2, -(-count // BLOCK_SAMPLES) * BLOCK_STEPS, encoder.dim)


def test_the_level_of_the_voice_hardly_matters(encoder: StreamingEncoder, speech: Tensor) -> None:
    loud, quiet = encoder.encode(speech), encoder.encode(0.2 * speech)
    assert torch.nn.functional.cosine_similarity(loud, quiet, dim=-1).mean() > 0.8


def test_weights_are_read_as_they_were_written(tmp_path: Path) -> None:
    torch.manual_seed(0)
    ours = StreamingEncoder(StreamingConfig(width=16, layers=2, reach=5, expansion=1)).eval()
    ours.save(tmp_path / "small.safetensors")
    theirs = load_speech_encoder(f"streaming:{tmp_path / 'small.safetensors'}")
    assert isinstance(theirs, StreamingEncoder)
    assert theirs.config == ours.config
    sound = torch.randn(1, 4800)
    torch.testing.assert_close(theirs.encode(sound), ours.encode(sound), atol=2e-2, rtol=0)  # float16


@pytest.mark.parametrize("content", [None, b"", b"not weights", PACKAGED.read_bytes()[:1000]])
def test_a_file_that_holds_no_encoder_is_one_clear_line(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "weights.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(MissingWeightsError, match=r"weights.safetensors: cannot be read as a streaming encoder"):
        load_speech_encoder(f"streaming:{path}")


def test_the_spectrum_stays_in_full_precision_under_autocast(encoder: StreamingEncoder, speech: Tensor) -> None:
    exact = encoder.mel(speech)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(encoder.mel(speech), exact, atol=0, rtol=0)
        assert encoder.hear(torch.zeros(1, 160)).dtype == torch.bfloat16
